"""`python -m flows.counterpart`: the metric once more, in the other of its two formulations."""

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Train on the pairs of the training speakers, as `metric` does."""
    from stccl.metric.stage import COUNTERPART, run

    run(
        folders.data,
        folders.models,
        folders.metrics,
        folders.plots,
        folders.scratch,
        params,
        runner.progress,
        COUNTERPART,
    )


STAGE = Stage("counterpart", "metric", work, numbers=Folders().metrics / "counterpart.json")

if __name__ == "__main__":
    main(STAGE)
