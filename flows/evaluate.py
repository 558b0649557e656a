"""`python -m flows.evaluate`: judge the metric on speakers it has never seen."""

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Compare the trained metric with the untrained one."""
    from stccl.evaluation.stage import run

    run(folders.data, folders.models, folders.metrics, folders.plots, params, runner.progress)


STAGE = Stage("evaluate", "evaluate", work, numbers=Folders().metrics / "evaluation.json")

if __name__ == "__main__":
    main(STAGE)
