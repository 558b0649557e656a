"""`python -m flows.report`: one page that shows what came out."""

from flows.local import StageRunner
from flows.stage import Folders, Stage, main
from stccl.params import Params


def work(params: Params, folders: Folders, runner: StageRunner) -> None:
    """Write the page."""
    from stccl.report.stage import run

    run(
        folders.data,
        folders.models,
        folders.metrics,
        folders.plots,
        folders.report,
        params,
        runner.progress,
    )


STAGE = Stage("report", "report", work, faces="aligned")

if __name__ == "__main__":
    main(STAGE)
