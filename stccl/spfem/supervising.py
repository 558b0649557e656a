"""The metric that supervises a training."""

from pathlib import Path

from stccl.errors import StcclError
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.stage import COUNTERPART, METRIC
from stccl.params import Params
from stccl.spfem.supervision import Supervision


def supervising_metric(wanted: Supervision, models: Path, params: Params) -> STCCLLoss | None:
    """The frozen metric of a supervision; None where it adds nothing.

    Each formulation has a metric of its own; pictures and shaded meshes share it.

    Args:
        wanted: Which.
        models: Holds `metric/` and `counterpart/`.
        params: All parameters.

    Raises:
        StcclError: Where there is no metric of that formulation.
    """
    if wanted.formulation is None:
        return None
    found = {
        metric.config.formulation: metric
        for metric in (STCCLLoss.from_pretrained(models / name) for name in (COUNTERPART, METRIC))
    }
    if wanted.formulation not in found:
        raise StcclError(
            f"{models}: no metric of formulation {wanted.formulation}; run `dvc repro counterpart`"
        )
    trained = found[wanted.formulation]
    config = trained.config.model_copy(update={"adaptive": wanted.adaptive})
    if not wanted.trained:
        arcface = params.metric.training.arcface
        return initial(config, params.run.seed, Path(arcface) if arcface else None).freeze()
    metric = STCCLLoss(config)
    metric.load_state_dict(trained.state_dict())
    return metric.freeze()
