"""`python -m flows.clips`: the clips of all datasets in one table, with splits and words."""

from flows.stage import Folders, Result, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> Result:
    """Merge the indices of the datasets."""
    from stccl.clips.stage import run

    result: Result = run(folders.data, params)
    return result


STAGE = Stage("clips", "datasets", work)

if __name__ == "__main__":
    main(STAGE)
