"""Disparities of neighbouring regions within a frame."""

from torch import Tensor


def spatial_disparity(features: Tensor, pairs: Tensor) -> Tensor:
    """D = x_i − x_j for every pair of regions (i, j) of every frame.

    Source: ASCCL, Section 4.1, inside the mapping of Eq. 3.

    Args:
        features: Map of one level, (B, T, C, H, W).
        pairs: (S, 2), a region and its neighbour; see `Locations.spatial`.

    Returns:
        (B·T, S, C).
    """
    flat = features.flatten(0, 1).flatten(2)
    region, neighbour = (flat.index_select(2, side) for side in pairs.unbind(dim=1))
    return (region - neighbour).transpose(1, 2)
