"""`python -m flows.metric`: train the correlation metric."""

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Train on the pairs of the training speakers."""
    from stccl.metric.stage import run

    run(
        folders.data,
        folders.models,
        folders.metrics,
        folders.plots,
        folders.scratch,
        params,
        runner.progress,
    )


STAGE = Stage("metric", "metric", work, numbers=Folders().metrics / "metric.json")

if __name__ == "__main__":
    main(STAGE)
