"""The nose: rounded bodies that flow into the face, found on their common surface."""

import numpy as np

from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import smooth_skin

# Tapered capsules: ends and radii, mm. Symmetric bodies are written once, at x >= 0.
_CAPSULES = (
    ((0.0, 8.0, 82.5), (0.0, -12.0, 93.0), 7.2, 7.6),
    ((0.0, -12.0, 93.5), (0.0, -33.0, 108.0), 7.4, 7.6),
    ((2.6, -36.8, 110.4), (3.4, -38.0, 108.0), 8.0, 7.2),
    ((0.0, -43.0, 110.0), (0.0, -48.0, 99.0), 3.6, 4.4),
)
_ALA = ((11.6, -42.2, 100.5), (6.3, 6.6, 9.6))
_NOSTRIL = ((6.7, -48.0, 106.0), (3.3, 6.5, 5.6))
_FLOW_MM = 3.2

WINDOW_MM = (24.0, -53.0, 12.0)
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


def _outside(points: Array) -> Array:
    """An approximate distance to the surface of face and nose, mm, negative inside."""
    x = np.abs(points[:, 0])
    folded = np.stack([x, points[:, 1], points[:, 2]], axis=1)
    skin = smooth_skin(np.clip(x, 0, 40), points[:, 1])
    bodies = [0.8 * (points[:, 2] - skin[:, 2])]
    bodies += [
        _capsule(folded, np.array(start), np.array(end), first, last)
        for start, end, first, last in _CAPSULES
    ]
    flow = np.full(len(bodies), _FLOW_MM)
    total = -_FLOW_MM * np.log(
        sum(np.exp(-np.clip(body, -40, 40) / size) for body, size in zip(bodies, flow, strict=True))
    )
    ala = _ellipsoid(folded, *_ALA)
    # The wing meets tip and cheek in a crease: it flows less.
    crease = 1.3
    total = -crease * np.log(np.exp(-total / crease) + np.exp(-np.clip(ala, -20, 20) / crease))
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


def grow_nose(points: Array, neighbours: list[Array], movable: Array) -> Array:
    """Move the vertices of the window onto the surface of face and nose, evenly spread.

    Args:
        points: (N, 3) of the left half without a nose, mm.
        neighbours: Of each movable vertex, the vertices it shares an edge with.
        movable: (M,) vertex numbers inside the window; its border is not among them.

    Returns:
        (N, 3) positions, mm; those with x = 0 keep it.
    """
    points = points.copy()
    middle = points[movable, 0] < 1e-6
    top = points[movable].copy()
    top[:, 2] = 126.0
    for _ in range(60):  # from the front, until the surface is met
        top[:, 2] -= np.clip(0.7 * _outside(top), -2, 4)
    points[movable] = top
    for _ in range(40):
        moved = np.array([points[around].mean(axis=0) for around in neighbours])
        moved = 0.5 * moved + 0.5 * points[movable]
        moved[middle, 0] = 0.0
        moved = _onto_surface(moved, 1)
        moved[middle, 0] = 0.0
        points[movable] = moved
    return points
