"""Which regions are compared."""

from typing import NamedTuple

import torch
from torch import Tensor

from stccl.metric.backbone import level_sizes
from stccl.metric.config import STCCLConfig

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""Row and column steps from a region to the eight around it."""


class Locations(NamedTuple):
    """Regions of every level, as indices into the map flattened row by row.

    Attributes:
        spatial: Per level a centre and one of its neighbours, (S, 2), of a metric of disparities;
            a position, (S,), of one of correlations.
        temporal: Per level a position, (N,).
    """

    spatial: tuple[Tensor, ...]
    temporal: tuple[Tensor, ...]


def draw_locations(
    height: int, width: int, config: STCCLConfig, generator: torch.Generator | None = None
) -> Locations:
    """Regions for images of this size, each at most once.

    Source: ASCCL's published code, which lets neighbours wrap around the border and draws
    temporal positions repeatedly; neither happens here.

    Args:
        height: Of the images, px.
        width: Of the images, px.
        config: How many, and from how far inside.
        generator: Source of randomness, on the CPU; torch's own without it.
    """
    spatial, temporal = [], []
    disparity = config.formulation == "disparity"
    around = config.negatives == "neighbours"
    sizes = level_sizes(height, width)
    for size, centres, positions in zip(sizes, config.centres, config.positions, strict=True):
        inner = inner_region(*size, config.inner_fraction)
        if config.spatial and disparity:
            spatial.append(with_neighbours(_some_of(inner, centres, generator), size[1]))
        elif config.spatial:
            spatial.append(
                _patches(inner, centres, size[1], generator)
                if around
                else _some_of(inner, positions, generator)
            )
        if config.temporal:
            # The neighbours of a row of a correlation matrix over time are frames, not regions.
            temporal.append(
                _patches(inner, centres, size[1], generator)
                if around and disparity
                else _some_of(inner, positions, generator)
            )
    return Locations(tuple(spatial), tuple(temporal))


def inner_region(height: int, width: int, inner_fraction: float) -> Tensor:
    """Positions of a map that lie inside, at least one away from every edge.

    >>> inner_region(4, 5, 0.45)
    tensor([ 6,  7,  8, 11, 12, 13])
    """
    rows, columns = (
        torch.arange(border, side - border)
        for side, border in (
            (height, _border(height, inner_fraction)),
            (width, _border(width, inner_fraction)),
        )
    )
    return (rows[:, None] * width + columns).flatten()


def with_neighbours(centres: Tensor, width: int) -> Tensor:
    """Every centre with each of its eight neighbours, (8·centres, 2), in a map of this width.

    >>> with_neighbours(torch.tensor([12]), 5).T.tolist()
    [[12, 12, 12, 12, 12, 12, 12, 12], [6, 7, 8, 11, 13, 16, 17, 18]]
    """
    steps = torch.tensor([row * width + column for row, column in NEIGHBOURS])
    return torch.stack(
        [centres.repeat_interleave(len(steps)), (centres[:, None] + steps).flatten()], dim=1
    )


def _border(side: int, inner_fraction: float) -> int:
    inner = int(side // 2 + inner_fraction * side)
    return max(1, (side - inner) // 2)


def _some_of(positions: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    return positions[torch.randperm(len(positions), generator=generator)[:count]]


def _patches(inner: Tensor, count: int, width: int, generator: torch.Generator | None) -> Tensor:
    """Regions drawn with their neighbours, each once."""
    patches: Tensor = torch.unique(with_neighbours(_some_of(inner, count, generator), width))
    return patches
