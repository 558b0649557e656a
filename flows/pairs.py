"""`python -m flows.pairs`: clips that say the same words, aligned in time, in one table."""

from flows.stage import Folders, Stage, main, per_clip
from stccl.params import Params
from stccl.perclip import Summary
from stccl.runner import Runner

_ALIGNED = per_clip("stccl.pairs.stage:STAGE", "pairs")


def work(params: Params, folders: Folders, runner: Runner) -> Summary:
    """Align every pair of clips, then put all pairs into one table."""
    from stccl.pairs.stage import merge

    summary = _ALIGNED.work(params, folders, runner)
    assert isinstance(summary, Summary)
    merge(folders.data)
    return summary


STAGE = Stage("pairs", "pairs", work)

if __name__ == "__main__":
    main(STAGE)
