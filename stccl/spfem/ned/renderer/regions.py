"""Crops around parts of the face, for the discriminators that look at them alone."""

import torch
from torch import Tensor

from stccl.spfem.ned.renderer.params import Region

LANDMARKS: dict[Region, slice] = {"mouth": slice(48, 68), "eyes": slice(36, 48)}
"""Of the 68 points of 300-W."""


def centres(landmarks_px: Tensor, region: Region) -> Tensor:
    """The median of its landmarks: (N, 68, 2) to (N, 2)."""
    return landmarks_px[:, LANDMARKS[region]].median(1).values


def crops(images: Tensor, centres_px: Tensor, side_px: int) -> Tensor:
    """Squares around points, moved so that they lie within the image.

    Args:
        images: (N, C, H, W).
        centres_px: (N, 2) x, y.
        side_px: S, at most H and W.

    Returns:
        (N, C, S, S). Differentiable by the images.

    >>> crops(torch.arange(16.0).view(1, 1, 4, 4), torch.tensor([[9.0, 1.0]]), 2)[0, 0]
    tensor([[2., 3.],
            [6., 7.]])
    """
    height, width = images.shape[-2:]
    limits = centres_px.new_tensor([width, height]) - side_px
    corners = (centres_px.round() - side_px // 2).clamp(min=0).minimum(limits).long().tolist()
    return torch.stack(
        [
            image[:, y : y + side_px, x : x + side_px]
            for image, (x, y) in zip(images, corners, strict=True)
        ]
    )
