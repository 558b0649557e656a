"""Disparities of one region between two frames."""

from typing import Literal

import torch
from torch import Tensor


def temporal_disparity(
    features: Tensor, positions: Tensor, frame_pairs: Literal["all", "adjacent"]
) -> Tensor:
    """D = x_i(t) − x_i(u) for every region i and every two frames t < u of a window.

    Source: STCCL, the temporal metric in its disparity formulation.

    Args:
        features: Map of one level, (B, T, C, H, W).
        positions: (N,), regions; see `Locations.temporal`.
        frame_pairs: All R = T(T−1)/2 of them, or the R = T−1 of frames that follow each other.

    Returns:
        (B·R, N, C).
    """
    frames = features.shape[1]
    chosen = features.flatten(3).index_select(3, positions)
    earlier, later = torch.triu_indices(frames, frames, 1, device=features.device)
    if frame_pairs == "adjacent":
        earlier = torch.arange(frames - 1, device=features.device)
        later = earlier + 1
    difference = chosen.index_select(1, earlier) - chosen.index_select(1, later)
    return difference.flatten(0, 1).transpose(1, 2)
