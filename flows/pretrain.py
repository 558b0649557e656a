"""`python -m flows.pretrain <seed>`: what an SPFEM backbone learns from other speakers first."""

import sys

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def stage(seed: str) -> Stage:
    """The pretraining with a seed."""

    def work(params: Params, folders: Folders, runner: Runner) -> None:
        from stccl.spfem.stage import pretrain

        pretrain(
            folders.data,
            folders.models,
            folders.plots,
            folders.scratch,
            params,
            int(seed),
            runner.progress,
        )

    return Stage(f"pretrain@{seed}", "spfem", work)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python -m flows.pretrain <seed>")
    main(stage(sys.argv[1]))
