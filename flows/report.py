"""`python -m flows.report`: one page that shows what came out."""

from functools import partial

from flows.stage import Folders, Stage, main
from stccl.params import Params
from stccl.runner import Runner


def work(params: Params, folders: Folders, runner: Runner) -> None:
    """Write the page."""
    from stccl.metric.heatmap import region_similarity
    from stccl.metric.loss import STCCLLoss
    from stccl.report.stage import run

    loss = STCCLLoss.from_pretrained(folders.models / "metric")
    run(
        folders.data,
        folders.models,
        folders.metrics,
        folders.plots,
        folders.report,
        params,
        runner.progress,
        regions=partial(region_similarity, loss) if loss.config.spatial else None,
    )


STAGE = Stage("report", "report", work, faces="aligned")

if __name__ == "__main__":
    main(STAGE)
