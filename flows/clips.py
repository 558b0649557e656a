"""`python -m flows.clips`: the clips of all datasets in one table, with splits and words."""

from flows.local import StageRunner
from flows.stage import Folders, Result, Stage, main
from stccl.params import Params


def work(params: Params, folders: Folders, runner: StageRunner) -> Result:
    """Merge the indices of the datasets."""
    from stccl.clips.stage import run

    return run(folders.data, params)


STAGE = Stage("clips", "datasets", work)

if __name__ == "__main__":
    main(STAGE)
