"""A measure that has a value per clip, and is their mean."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ClipMean(Metric):
    """Base of measures that are fed a clip at a time.

    Calling one as a function gives the clip's own value, which is what a paired comparison needs;
    `compute` gives the mean over all clips fed since `reset`. A clip for which a measure says
    nothing counts in `left_out` alone; the mean over no clip is NaN.

    Args:
        kwargs: Those of `torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False
    values: list[Tensor]
    left_out: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("values", [], dist_reduce_fx="cat")
        self.add_state("left_out", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """The mean over clips."""
        if not len(self.values):
            return torch.tensor(float("nan"), dtype=torch.float64)
        return torch.cat(list(self.values)).mean()

    def _add(self, value: float | None) -> None:
        if value is None:
            self.left_out += 1
        else:
            self.values.append(torch.tensor([value], dtype=torch.float64))
