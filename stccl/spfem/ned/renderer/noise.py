"""Noise on what the renderer is told, so that it forgives a fit that trembles."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_KINDS = (slice(0, 3), slice(3, 4), slice(4, 5))
"""NMFC, gaze and shape in the images of `draw`; the mask stays."""


def jitter(images: Tensor, shift: float, scale: float, random: np.random.Generator) -> Tensor:
    r"""Every image moved and stretched a little, each by amounts of its own.

    .. math:: I'(p) = I(a\,p + b),\quad a \in [1 - s, 1 + s],\ b \in [-2t, 2t]^2

    with p in [-1, 1] over the picture; black comes in at the border. The mask and what is to be
    painted stay where they are. Source: NED's training of the renderer, where s = t = 0.01.

    Args:
        images: (N, 6, H, W) in [0, 1], as from `draw`.
        shift: t, sides.
        scale: s.
        random: Where the amounts come from.

    Returns:
        The same shape.
    """
    if not (shift or scale):
        return images
    count = len(images)
    moved = []
    for kind in _KINDS:
        stretch = random.uniform(1 - scale, 1 + scale, (count, 1, 1))
        offset = random.uniform(-2 * shift, 2 * shift, (count, 2, 1))
        theta = np.concatenate((stretch * np.eye(2), offset), -1)
        part = images[:, kind]
        grid = functional.affine_grid(
            torch.from_numpy(theta).to(part), list(part.shape), align_corners=False
        )
        moved.append(functional.grid_sample(part, grid, align_corners=False))
    return torch.cat((*moved, images[:, -1:]), 1)
