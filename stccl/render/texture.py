"""Pictures read at texture coordinates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]


def sample(texture: Array, uv: Array) -> Array:
    """A texture read between its texels, bilinearly; beyond its edge the edge goes on.

    Args:
        texture: (H, W, C) float32.
        uv: (..., 2) in 0..1: u to the right, v up from the bottom row, as textures are laid out.

    Returns:
        (..., C) float32.

    >>> rows = np.array([[[1.0]], [[0.0]]], np.float32)
    >>> sample(rows, np.array([[0.5, 0.25], [0.5, 0.5], [0.5, 0.75]])).ravel()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    flat = np.ascontiguousarray(uv, np.float32).reshape(-1, 2)
    out = np.empty((len(flat), texture.shape[2]), np.float32)
    _sample(np.ascontiguousarray(texture, np.float32), flat, out)
    return out.reshape(*uv.shape[:-1], -1)


@kernel
def texel(texture: Array, u: float, v: float) -> tuple[int, int, int, int, np.float32, np.float32]:
    """Rows and columns around a place in a texture, and how far it is to the second of each."""
    height, width = texture.shape[0], texture.shape[1]
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    column, row = int(x), int(y)
    return (
        row,
        min(row + 1, height - 1),
        column,
        min(column + 1, width - 1),
        np.float32(y - row),
        np.float32(x - column),
    )


@kernel
def _sample(texture: Array, uv: Array, out: Array) -> None:
    for index in range(len(uv)):
        row, below, column, beside, down, right = texel(texture, uv[index, 0], uv[index, 1])
        for channel in range(texture.shape[2]):
            upper = texture[row, column, channel]
            upper += right * (texture[row, beside, channel] - upper)
            lower = texture[below, column, channel]
            lower += right * (texture[below, beside, channel] - lower)
            out[index, channel] = upper + down * (lower - upper)
