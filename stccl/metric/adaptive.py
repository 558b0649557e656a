"""The adaptive strategy: harder regions count for more."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

PUBLISHED_THRESHOLD = 0.8
"""Sigmoid up to which the published code leaves the weight at one."""


class Weight(Protocol):
    """How much the loss of every vector counts."""

    def __call__(self, disparity: Tensor, counted: Tensor | None) -> Tensor:
        """(M, S) from disparities (M, S, C), without gradient."""


@dataclass(frozen=True)
class AdaptiveWeight:
    r"""How hard a region is, from its disparity d, without gradient.

    .. math:: w = \frac{1}{C} \sum_c \lambda \, \mathrm{sigmoid}(|d_c|)^r

    Source: ASCCL, Section 4.2, Eq. 6. The paper gives every channel a weight; a vector has one
    loss, so it gets the mean of its channels' weights.

    Attributes:
        scale: λ.
        power: r.

    >>> AdaptiveWeight(scale=2.0, power=2.0)(torch.tensor([[[0.0, 0.0], [9.0, -9.0]]]))
    tensor([[0.5000, 1.9995]])
    """

    scale: float
    power: float

    def __call__(self, disparity: Tensor, counted: Tensor | None = None) -> Tensor:
        """The weights, (M, S) in [λ/2ʳ, λ], of disparities d, (M, S, C)."""
        sigmoid = torch.sigmoid(_wide(disparity).abs())
        return (self.scale * sigmoid**self.power).mean(dim=-1)


@dataclass(frozen=True)
class PublishedWeight:
    r"""One weight for a whole level, as the published code computes it: a mean over all of it.

    .. math:: w_c = \lambda \, \mathrm{sigmoid}(|d_c|)^r \text{ where } \mathrm{sigmoid}(|d_c|)
        > 0.8, \text{ else } 1

    Averaged over regions and channels, for there it multiplies a loss that is already a mean.
    There it also has a gradient; here it has none.

    Attributes:
        scale: λ.
        power: r.

    >>> PublishedWeight(scale=2.0, power=2.0)(torch.tensor([[[0.0, 0.0], [9.0, -9.0]]]))
    tensor([[1.4998, 1.4998]])
    """

    scale: float
    power: float

    def __call__(self, disparity: Tensor, counted: Tensor | None = None) -> Tensor:
        """The same weight, in [1, λ], for all vectors, (M, S), of disparities d, (M, S, C)."""
        sigmoid = torch.sigmoid(_wide(disparity).abs())
        weight = torch.where(
            sigmoid > PUBLISHED_THRESHOLD, self.scale * sigmoid**self.power, 1
        ).mean(dim=-1)
        if counted is None:
            return weight.mean().expand(weight.shape)
        return ((weight * counted).sum() / counted.sum().clamp(min=1)).expand(weight.shape)


def _wide(disparity: Tensor) -> Tensor:
    detached = disparity.detach()
    half = detached.dtype in (torch.bfloat16, torch.float16)
    return detached.float() if half else detached
