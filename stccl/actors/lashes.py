"""Eyelashes, put on the rims of the lids anew in every frame."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_PER_STEP = 2  # lashes between neighbouring vertices of a rim


class LashRow(NamedTuple):
    """The lashes of one lid.

    Attributes:
        rim: (R,) vertex numbers along the rim from the inner corner.
        ball: (E,) vertex numbers of the eyeball behind.
        length_m: Of the longest.
        rise: How much lashes point up (down where negative) rather than out of the eye.
    """

    rim: Array
    ball: Array
    length_m: float
    rise: float


def lash_triangles(row: LashRow, vertices: Array) -> Array:
    """Corners of one thin triangle per lash: two at the root and the tip.

    Args:
        row: The lid.
        vertices: (V, 3) m, the head in this frame.

    Returns:
        (N, 3, 3) m.
    """
    rim = vertices[row.rim]
    at = np.linspace(0, len(rim) - 1, _PER_STEP * (len(rim) - 1) + 1)
    low = np.minimum(at.astype(int), len(rim) - 2)
    part = (at - low)[:, None]
    roots = rim[low] + part * (rim[low + 1] - rim[low])
    along = rim[low + 1] - rim[low]
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    share = at / at[-1]
    out = roots - vertices[row.ball].mean(axis=0)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    # They fan out towards both corners and lean towards the temple.
    direction = out + 0.9 * (share[:, None] - 0.42) * along + [0.0, row.rise, 0.1]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    uneven = 0.85 + 0.15 * np.cos(7.0 * np.arange(len(at)) ** 2)
    length = row.length_m * uneven * np.interp(share, [0, 0.15, 0.65, 1], [0.25, 0.6, 1.0, 0.75])
    half = 0.00022 * along
    tips = roots + length[:, None] * direction
    return np.stack([roots - half, roots + half, tips], axis=1)
