"""The nose: rounded bodies that flow into the face, found on their common surface."""

from functools import cache

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.sparse import csr_array

from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import front_skin

# Tapered capsules: ends and radii, mm. Symmetric bodies are written once, at x >= 0.
_CAPSULES = (
    ((0.0, 9.0, 82.0), (0.0, -10.0, 91.2), 6.6, 7.6),
    ((0.0, -10.0, 91.4), (0.0, -31.0, 105.5), 7.4, 7.6),
    ((0.0, -4.0, 79.0), (0.0, -35.5, 94.5), 9.0, 11.8),
    ((2.5, -34.8, 109.0), (3.1, -36.4, 107.4), 7.3, 7.2),
    ((0.0, -41.0, 107.5), (0.0, -44.0, 97.0), 2.6, 2.8),
)
_ALA = ((10.8, -40.2, 100.2), (5.2, 5.9, 9.3))
_NOSTRIL = ((6.3, -45.4, 105.4), (2.8, 5.2, 4.9))
_FLOW_MM = 2.3
_CREASE_MM = 1.7

WINDOW_MM = (24.0, -55.5, 12.0)
"""The chart's window the nose grows in: |x| below the first, y between the others."""


def _capsule(points: Array, start: Array, end: Array, first: float, last: float) -> Array:
    axis = end - start
    share = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    nearest = start + share[:, None] * axis
    return np.asarray(np.linalg.norm(points - nearest, axis=1) - (first + share * (last - first)))


def _ellipsoid(points: Array, centre: tuple[float, ...], radii: tuple[float, ...]) -> Array:
    scaled = (points - np.array(centre)) / np.array(radii)
    size = np.linalg.norm(scaled, axis=1)
    slope = np.linalg.norm(scaled / np.array(radii), axis=1)
    return np.asarray(size * (size - 1) / np.maximum(slope, 1e-6))


@cache
def _face_depth() -> RectBivariateSpline:
    """Depth z of the face without a nose at (|x|, y)."""
    x, y = np.arange(0.0, 42.0, 0.75), np.arange(-62.0, 22.0, 0.75)
    a, b = (grid.ravel() for grid in np.meshgrid(x, y, indexing="ij"))
    z = front_skin(a, b, np.ones(len(a)))[:, 2]
    return RectBivariateSpline(x, y, z.reshape(len(x), len(y)))


def _outside(points: Array) -> Array:
    """An approximate distance to the surface of face and nose, mm, negative inside."""
    x = np.abs(points[:, 0])
    folded = np.stack([x, points[:, 1], points[:, 2]], axis=1)
    bodies = [0.8 * (points[:, 2] - _face_depth().ev(x, points[:, 1]))]
    bodies += [
        _capsule(folded, np.array(start), np.array(end), first, last)
        for start, end, first, last in _CAPSULES
    ]
    total = -_FLOW_MM * np.log(np.exp(-np.clip(np.array(bodies), -40, 40) / _FLOW_MM).sum(axis=0))
    ala = _ellipsoid(folded, *_ALA)
    # The wing meets tip and cheek in a crease: it flows less.
    total = -_CREASE_MM * np.log(
        np.exp(-np.clip(total, -40, 40) / _CREASE_MM) + np.exp(-np.clip(ala, -20, 20) / _CREASE_MM)
    )
    nostril = -_ellipsoid(folded, *_NOSTRIL)
    edge = 0.7
    return np.asarray(
        edge * np.log(np.exp(total / edge) + np.exp(np.clip(nostril, -30, 30) / edge))
    )


def _onto_surface(points: Array, rounds: int) -> Array:
    for _ in range(rounds):
        value = _outside(points)
        step = 0.05
        slope = np.stack(
            [(_outside(points + step * axis) - value) / step for axis in np.eye(3)], axis=1
        )
        length = np.maximum((slope**2).sum(axis=1), 0.2)
        points = points - np.clip(value / length, -3, 3)[:, None] * slope
    return points


def raised(points: Array) -> Array:
    """(N, 3) points moved along z onto the surface of face and nose, mm."""
    points = points.copy()
    points[:, 2] = 126.0
    for _ in range(45):  # from the front, until the surface is met
        points[:, 2] -= np.clip(0.7 * _outside(points), -2, 5)
    return points


def grow_nose(points: Array, average: csr_array, movable: Array) -> Array:
    """Move the vertices of the window onto the surface of face and nose, evenly spread.

    Args:
        points: (N, 3) of the left half without a nose, mm.
        average: (M, N) of each movable vertex the mean of those it shares an edge with.
        movable: (M,) vertex numbers inside the window; its border is not among them.

    Returns:
        (N, 3) positions, mm; those with x = 0 keep it.
    """
    points = points.copy()
    middle = points[movable, 0] < 1e-6
    points[movable] = raised(points[movable])
    for _ in range(40):
        moved = average @ points
        moved = 0.5 * moved + 0.5 * points[movable]
        moved[middle, 0] = 0.0
        moved = _onto_surface(moved, 1)
        moved[middle, 0] = 0.0
        points[movable] = moved
    return points
