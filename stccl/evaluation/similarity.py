"""The learned similarity as a metric that is fed batch by batch."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from stccl.metric.loss import STCCLLoss


class CoherentSimilarity(Metric):
    """Mean similarities of generated and source clips under a trained metric.

    `compute` gives `<part>_<sign>_<kind>` with part spatial or temporal, sign positive or negative
    and kind cosine or pearson, each a mean over samples and levels in [-1, 1].

    Source: ASCCL, Section 3, Eq. 1.

    Args:
        loss: A trained metric.
        kwargs: Those of `torchmetrics.Metric`.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    def __init__(self, loss: STCCLLoss, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.loss = loss
        self._names = tuple(
            f"{part}_{sign}_{kind}"
            for part in ("spatial", "temporal")
            if getattr(loss.config, part)
            for kind in ("cosine", "pearson")
            for sign in ("positive", "negative")
        )
        for name in self._names:
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{name}_samples", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, generated: Tensor, source: Tensor) -> None:
        """Add a batch; shapes and ranges as `STCCLLoss.similarity` takes them."""
        for part, found in self.loss.similarity(generated, source)._asdict().items():
            if found is None:
                continue
            for kind, values in found._asdict().items():
                name = f"{part}_{kind}"
                total = getattr(self, name) + values.mean(dim=1).double().sum()
                samples = getattr(self, f"{name}_samples") + len(values)
                setattr(self, name, total)
                setattr(self, f"{name}_samples", samples)

    def compute(self) -> dict[str, Tensor]:
        """The means over all batches; a part that no batch had is left out."""
        return {
            name: getattr(self, name) / getattr(self, f"{name}_samples")
            for name in self._names
            if getattr(self, f"{name}_samples") > 0
        }
