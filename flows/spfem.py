"""`python -m flows.spfem <supervision> <seed>`: train an SPFEM model, with or without STCCL."""

import sys

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def stage(supervision: str, seed: str) -> Stage:
    """The training under a supervision with a seed."""

    def work(params: Params, folders: Folders, runner: Runner) -> None:
        from stccl.spfem.stage import train

        train(
            folders.data,
            folders.models,
            folders.plots,
            folders.scratch,
            params,
            supervision,
            int(seed),
            runner.progress,
        )

    return Stage(f"spfem@{supervision}-{seed}", "spfem", work)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("usage: python -m flows.spfem <supervision> <seed>")
    main(stage(*sys.argv[1:]))
