"""Batches of images brought from the face crop to the frame and back."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def warp_images(
    images: Tensor,
    matrices: Tensor,
    size: tuple[int, int],
    mode: Literal["bilinear", "bicubic", "nearest"] = "bilinear",
) -> Tensor:
    """Images mapped as `align` maps pictures; black beyond their border.

    From the frame to the crop with `matrix` of the aligned table, back with its `inverse`. Images
    of geometry need not be warped: draw them where they belong with `Cropped`.

    Args:
        images: (B, C, H, W).
        matrices: (2, 3) or (B, 2, 3), map pixel positions of the images to those of the result;
            whole numbers are pixel centres.
        size: Height and width of the result, px.
        mode: How to read between pixels.

    Returns:
        (B, C, *size). Differentiable by the images.

    >>> image = torch.arange(6.0).view(1, 1, 2, 3)
    >>> warp_images(image, torch.tensor([[1.0, 0, -1], [0, 1, 0]]), (2, 3))[0, 0]
    tensor([[1., 2., 0.],
            [4., 5., 0.]])
    """
    batch, _, height, width = images.shape
    matrices = matrices.expand(batch, 2, 3).double()
    back = torch.linalg.inv(matrices[:, :, :2])
    rows, columns = (torch.arange(side, device=images.device) for side in size)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).double()
    sources = (places - matrices[:, None, None, :, 2]) @ back.mT[:, None]
    # `grid_sample` counts from -1 at the picture's corner to 1 at the opposite one.
    grid = (2 * sources + 1) / sources.new_tensor([width, height]) - 1
    return functional.grid_sample(images, grid.to(images), mode=mode, align_corners=False)
