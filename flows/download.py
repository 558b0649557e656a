"""`python -m flows.download <dataset>`: the clips of one dataset, fetched or found, and indexed."""

import sys

from flows.stage import Folders, Result, Stage, main
from stccl.errors import ParamsError
from stccl.params import Params
from stccl.runner import Runner


def stage(dataset: str) -> Stage:
    """The download of one dataset."""

    def work(params: Params, folders: Folders, runner: Runner) -> Result:
        from stccl.download.stage import run

        if dataset not in params.datasets:
            known = ", ".join(params.datasets)
            raise ParamsError(f"params.yaml: no dataset {dataset}; there is {known}")
        result: Result = run(dataset, folders.data, params, runner)
        return result

    return Stage(f"download@{dataset}", "datasets", work)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m flows.download <dataset>")
    main(stage(sys.argv[1]))
