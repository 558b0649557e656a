"""`python -m flows.generate <supervision> <seed>`: the test clips with other expressions."""

import sys

from flows.stage import Folders, Result, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def stage(supervision: str, seed: str) -> Stage:
    """The clips of the model of a supervision and a seed."""

    def work(params: Params, folders: Folders, runner: Runner) -> Result:
        from stccl.generate.stage import run

        return run(folders.data, folders.models, params, supervision, int(seed), runner)

    return Stage(f"generate@{supervision}-{seed}", "spfem", work)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("usage: python -m flows.generate <supervision> <seed>")
    main(stage(*sys.argv[1:]))
