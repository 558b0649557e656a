"""Eyelashes, put on the rims of the lids anew in every frame."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_PER_STEP = 2  # lashes between neighbouring vertices of a rim
_TAPER = ([0, 0.15, 0.65, 1], [0.25, 0.6, 1.0, 0.75])  # lengths from the inner corner outwards
_HALF_WIDTH_M = 0.00022


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


class Lashes:
    """The lashes of some lids; N altogether.

    Args:
        rows: The lids.
    """

    def __init__(self, rows: Sequence[LashRow]) -> None:
        at = [np.linspace(0, len(r.rim) - 1, _PER_STEP * (len(r.rim) - 1) + 1) for r in rows]
        low = [np.minimum(a.astype(int), len(r.rim) - 2) for a, r in zip(at, rows, strict=True)]
        share = np.concatenate([a / a[-1] for a in at])
        uneven = np.concatenate([0.85 + 0.15 * np.cos(7.0 * np.arange(len(a)) ** 2) for a in at])
        counts = [len(a) for a in at]
        longest = np.repeat([row.length_m for row in rows], counts)
        self._balls = [row.ball for row in rows]
        self._row = np.repeat(np.arange(len(rows)), counts)
        self._before = np.concatenate([r.rim[i] for i, r in zip(low, rows, strict=True)])
        self._after = np.concatenate([r.rim[i + 1] for i, r in zip(low, rows, strict=True)])
        self._part = np.concatenate([a - i for a, i in zip(at, low, strict=True)])[:, None]
        self._length_m = longest * uneven * np.interp(share, *_TAPER)
        # They fan out towards both corners and lean towards the temple.
        self._fan = 0.9 * (share[:, None] - 0.42)
        self._rise = np.zeros((len(share), 3))
        self._rise[:, 1] = np.repeat([row.rise for row in rows], counts)
        self._rise[:, 2] = 0.1

    def __len__(self) -> int:
        return len(self._part)

    def triangles(self, vertices: Array) -> Array:
        """Corners of one thin triangle per lash: two at the root and the tip.

        Args:
            vertices: (V, 3) m, the head in this frame.

        Returns:
            (N, 3, 3) m.
        """
        before = vertices[self._before]
        along = vertices[self._after] - before
        roots = before + self._part * along
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
        centres = np.array([vertices[ball].mean(axis=0) for ball in self._balls])
        out = roots - centres[self._row]
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        direction = out + self._fan * along + self._rise
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        half = _HALF_WIDTH_M * along
        tips = roots + self._length_m[:, None] * direction
        return np.stack([roots - half, roots + half, tips], axis=1)
