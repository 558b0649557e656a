"""`python -m flows.experts`: train the judges of an evaluation."""

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Train on the metric's speakers, who are none of those judged."""
    from stccl.experts.stage import run

    run(folders.data, folders.models, folders.metrics, params, runner.progress)


STAGE = Stage("experts", "experts", work, numbers=Folders().metrics / "experts.json")

if __name__ == "__main__":
    main(STAGE)
