"""`python -m flows.targets`: the true results of the manipulations, where they are known."""

from flows.stage import Folders, Result, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> Result:
    """Film what perfect manipulations of made clips would be."""
    from stccl.generate.targets import run

    return run(folders.data, params, runner)


STAGE = Stage("targets", "datasets", work)

if __name__ == "__main__":
    main(STAGE)
