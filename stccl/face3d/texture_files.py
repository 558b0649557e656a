"""FLAME's texture layout, and what DECA lays over it: read from published files and checked."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stccl.checkpoint import reason
from stccl.errors import StcclError
from stccl.tables.png import decode_png
from stccl.weights import WEIGHTS

TEMPLATE_FILE = "head_template.obj"
DISPLACEMENT_FILE = "fixed_displacement_256.npy"
MASK_FILE = "uv_face_eye_mask.png"

SIDE = 256
"""Texels along each side of DECA's maps."""


class TextureLayout(NamedTuple):
    """Where the F triangles of a mesh lie in its texture, and DECA's fixed maps.

    Attributes:
        corners: (F, 3, 2) u to the right and v up, from 0 to 1: one place for each corner, as a
            vertex at a seam has two.
        triangles: (F, 3) the vertices of these corners.
        fixed: (256, 256) m, displacement along the normals that all faces have.
        mask: (256, 256) 1 where the decoder's displacement counts: face and eyes; 0 elsewhere.
    """

    corners: Tensor
    triangles: Tensor
    fixed: Tensor
    mask: Tensor


def read_texture_layout(triangles: Tensor, folder: Path = WEIGHTS) -> TextureLayout:
    """The layout from `head_template.obj`, DECA's maps from the files beside it.

    Args:
        triangles: (F, 3) of FLAME, whose corners are looked up; any order of triangles will do.
        folder: Holds the three files.

    Raises:
        StcclError: Where a file is absent or damaged, or is of another mesh.
    """
    corners = _corners(folder / TEMPLATE_FILE, triangles)
    return TextureLayout(
        corners, triangles, _fixed(folder / DISPLACEMENT_FILE), _mask(folder / MASK_FILE)
    )


def _corners(path: Path, triangles: Tensor) -> Tensor:
    places: list[list[float]] = []
    found: dict[tuple[int, ...], list[int]] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, *words = line.split() or [""]
            if kind == "vt":
                places.append([float(word) for word in words[:2]])
            elif kind == "f":
                pairs = [[int(number) - 1 for number in word.split("/")[:2]] for word in words]
                vertices, texture = zip(*pairs, strict=True)
                for first in range(3):  # the same triangle may begin at any corner
                    turned = [(first + corner) % 3 for corner in range(3)]
                    key = tuple(vertices[corner] for corner in turned)
                    found[key] = [texture[corner] for corner in turned]
        known = [found[tuple(corners)] for corners in triangles.tolist()]
        numbers = torch.tensor(known, device=triangles.device)
        if numbers.min() < 0:
            raise IndexError("a corner without a place in the texture")
        return torch.tensor(places, device=triangles.device)[numbers]
    except KeyError as error:
        raise StcclError(
            f"{path}: it is of another mesh: no triangle {error}; get it again (see `stccl doctor`)"
        ) from None
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise _unreadable(path, error) from None


def _fixed(path: Path) -> Tensor:
    try:
        with path.open("rb") as file:
            numbers = np.load(file, allow_pickle=False)
        if numbers.shape != (SIDE, SIDE) or not np.isfinite(numbers).all():
            raise ValueError(f"expected {SIDE} × {SIDE} finite numbers, got {numbers.shape}")
        return torch.from_numpy(numbers.astype(np.float32))
    except Exception as error:  # damaged files end in nearly every kind of error
        raise _unreadable(path, error) from None


def _mask(path: Path) -> Tensor:
    try:
        red = torch.from_numpy(decode_png(path.read_bytes())[..., 0] / np.float32(255))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return functional.interpolate(red[None, None], (SIDE, SIDE))[0, 0]


def _unreadable(path: Path, error: Exception) -> StcclError:
    return StcclError(f"{path}: cannot be read: {reason(error)}; get it again (see `stccl doctor`)")
