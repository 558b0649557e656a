"""`python -m flows.judge`: measure what the SPFEM models made, and what STCCL brought."""

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Judge every generated clip."""
    from stccl.judge.stage import run

    run(folders.data, folders.models, folders.metrics, params, runner)


STAGE = Stage("judge", "evaluate", work, numbers=Folders().metrics / "judge.json")

if __name__ == "__main__":
    main(STAGE)
