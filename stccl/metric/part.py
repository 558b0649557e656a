"""What the parts of the metric have in common: vectors at a level, compared side with side."""

from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from stccl.metric.adaptive import Weight
from stccl.metric.contrast import unit_vectors


class Part(Protocol):
    """One way of telling what regions mean to each other."""

    def vectors(self, features: Tensor, where: Tensor) -> Tensor:
        """What is mapped: M items of S vectors, (M, S, C), from the map of a level."""

    def related(self, mapped: Tensor, counted: Tensor | None) -> Tensor:
        """What is compared, (M, S, D), from what was mapped."""

    def disparity(self, vectors: Tensor, counted: Tensor | None) -> Tensor:
        """What the adaptive weight is taken from, (M, S, C)."""

    def counted(self, mask: Tensor, where: Tensor) -> Tensor:
        """Which vectors count, (M, S), from the regions that do, (B, T, H·W)."""

    def rivals(self, features: Tensor, where: Tensor) -> Tensor | None:
        """Which vectors each is told apart from, (S, S); None for all."""


class Level(NamedTuple):
    """What one part compares at one level: M items of S vectors, sample by sample.

    Attributes:
        query: Unit vectors of the generated side, (M, S, D).
        key: Those of the source side, which belong to them.
        weight: How much each counts, (M, S); None where all count alike.
        counted: Which count at all, (M, S); None where all do.
        rivals: Which each is told apart from, (S, S); None for all of its item.
    """

    query: Tensor
    key: Tensor
    weight: Tensor | None = None
    counted: Tensor | None = None
    rivals: Tensor | None = None


def compare(
    part: Part,
    head: nn.Module,
    weight: Weight | None,
    query_map: Tensor,
    key_map: Tensor,
    where: Tensor,
    mask: Tensor | None,
) -> Level:
    """One part at one level; both sides share the head, and gradients reach the query alone.

    Args:
        part: What is compared.
        head: The mapping f of Eq. 3.
        weight: The adaptive strategy; None for none.
        query_map: Map of the generated side, (B, T, C, H, W).
        key_map: Map of the source side.
        where: Regions, on the maps' device.
        mask: Regions that count, (B, T, H·W); None for all.
    """
    counted = None if mask is None else part.counted(mask, where)
    vectors = _wide(part.vectors(query_map, where))
    with torch.no_grad():
        of_key = _wide(part.vectors(key_map, where))
        key = unit_vectors(part.related(_mapped(head, of_key), counted))
    return Level(
        unit_vectors(part.related(_mapped(head, vectors), counted)),
        key,
        None if weight is None else weight(part.disparity(vectors, counted), counted),
        counted,
        part.rivals(query_map, where),
    )


def _wide(vectors: Tensor) -> Tensor:
    """At least in single precision: maps may be in half, and what was drawn from them is small."""
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def _mapped(head: nn.Module, vectors: Tensor) -> Tensor:
    """Through the head, in the precision of its weights."""
    own = next(head.parameters(), vectors)
    with torch.autocast(vectors.device.type, enabled=False):
        return cast(Tensor, head(vectors.to(own.dtype)))


def near_regions(where: Tensor, width: int) -> Tensor:
    """Which regions of a map touch or are the same, (S, S).

    >>> near_regions(torch.tensor([0, 1, 3, 5]), width=3).int()  # 3 is below 0, 5 below 2
    tensor([[1, 1, 1, 0],
            [1, 1, 1, 1],
            [1, 1, 1, 0],
            [0, 1, 0, 1]], dtype=torch.int32)
    """
    row, column = where // width, where % width
    return ((row[:, None] - row).abs() <= 1) & ((column[:, None] - column).abs() <= 1)


def nothing_to_compare(level: Level, samples: int) -> Tensor:
    """Samples without a single vector that counts and has another to be told apart from, (B,)."""
    count = level.query.shape[1]
    others = ~torch.eye(count, dtype=torch.bool, device=level.query.device)
    if level.rivals is not None:
        others = others & level.rivals
    if level.counted is None:
        return ~others.any().expand(samples)
    told_apart = level.counted & (others & level.counted[:, None, :]).any(dim=2)
    return ~told_apart.reshape(samples, -1).any(dim=1)
