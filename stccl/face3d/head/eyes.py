"""Eyeballs with a cornea, and the inside of the lids."""

import numpy as np

from stccl.face3d.head import proportions as prop
from stccl.face3d.head.piece import Piece
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.topology import strip_triangles

IRIS_RADIUS_MM = 5.9
_CORNEA_MM = 0.75
_RINGS, _SEGMENTS = 18, 28


def eyeball() -> Piece:
    """The left eye. Its texture is polar: (0.5, 0.5) the pupil's middle, radius 0.5 the back."""
    iris = np.arcsin(IRIS_RADIUS_MM / prop.EYE_RADIUS_MM)
    front = np.linspace(0, iris * 1.15, 8)[1:]
    angle = np.concatenate([front, np.linspace(front[-1], np.pi, _RINGS - 7)[1:-1]])
    around = 2 * np.pi * np.arange(_SEGMENTS) / _SEGMENTS
    bulge = _CORNEA_MM * np.clip(1 - (angle / (iris * 1.1)) ** 2, 0, None)
    radius = prop.EYE_RADIUS_MM + bulge
    ring = np.stack([np.cos(around), np.sin(around)], 1)
    points = np.concatenate(
        [
            np.concatenate([r * np.sin(t) * ring, np.full((_SEGMENTS, 1), r * np.cos(t))], 1)
            for r, t in zip(radius, angle, strict=True)
        ]
    )
    uv = np.concatenate([0.5 + 0.5 * t / np.pi * ring for t in angle])
    poles = np.array([[0, 0, prop.EYE_RADIUS_MM + _CORNEA_MM], [0, 0, -prop.EYE_RADIUS_MM]])
    points = np.concatenate([points, poles]) + np.array(prop.EYE_CENTRE_MM)
    uv = np.concatenate([uv, [[0.5, 0.5], [0.5, 1.0]]])
    rings = np.arange(len(angle) * _SEGMENTS).reshape(len(angle), _SEGMENTS)
    first, last = len(points) - 2, len(points) - 1
    caps = [
        np.stack([np.full(_SEGMENTS, first), rings[0], np.roll(rings[0], -1)], 1),
        np.stack([np.full(_SEGMENTS, last), np.roll(rings[-1], -1), rings[-1]], 1),
    ]
    triangles = np.concatenate([strip_triangles(rings, closed=True)[:, ::-1], *caps])
    return Piece("eyeball", points, triangles, uv)


def lid_inside(rim: Array) -> tuple[Array, Array]:
    """Rings of points from the lids' rim inwards: their thickness, then the lining behind them.

    Args:
        rim: (N, 3) the outer edge of the rim, mm.

    Returns:
        (4, N, 3) positions, mm, and of each ring how far it follows the rim when lids move.
    """
    centre = np.array(prop.EYE_CENTRE_MM)
    towards = rim - centre
    reach = np.linalg.norm(towards, axis=1, keepdims=True)
    edge = centre + towards / reach * np.maximum(prop.EYE_RADIUS_MM + 0.95, reach - 1.5)
    edge[:, 2] -= 0.3
    behind = [edge]
    for share, depth in ((0.10, 1.3), (0.35, 2.6), (0.8, 5.0)):
        ring = edge + share * (centre - edge) * [1, 1, 0]
        ring[:, 2] -= depth
        behind.append(ring)
    return np.array(behind), np.array([1.0, 0.7, 0.3, 0.0])
