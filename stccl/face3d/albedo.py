"""FLAME's albedo: the colour of the skin before light falls on it."""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from stccl.face3d.flame_files import ALBEDO_FILE, read_albedo
from stccl.weights import WEIGHTS

_SIDE_PX = 256


class FlameAlbedo(nn.Module):
    """Principal components of albedo over FLAME's texture map.

    Args:
        mean: (side · side · 3), in [0, 1].
        directions: (side · side · 3, T), per standard deviation.
    """

    texture_mean: Tensor
    texture_basis: Tensor

    def __init__(self, mean: Tensor, directions: Tensor) -> None:
        super().__init__()
        self.register_buffer("texture_mean", mean[None, None])
        self.register_buffer("texture_basis", directions[None])

    @classmethod
    def from_folder(cls, folder: Path = WEIGHTS, *, components: int = 50) -> Self:
        """The albedo from `FLAME_albedo_from_BFM.npz` in a folder.

        Raises:
            StcclError: Where the file is absent, damaged or another one.
        """
        return cls(*read_albedo(folder / ALBEDO_FILE, components))

    def forward(self, texture: Tensor) -> Tensor:
        """(B, T) standard deviations to (B, 3, 256, 256), RGB, mostly in [0, 1]."""
        flat = self.texture_mean[0] + texture @ self.texture_basis[0].T
        side = round((flat.shape[1] / 3) ** 0.5)
        bgr = flat.reshape(-1, side, side, 3).permute(0, 3, 1, 2)
        return torch.flip(functional.interpolate(bgr, (_SIDE_PX, _SIDE_PX)), (1,))
