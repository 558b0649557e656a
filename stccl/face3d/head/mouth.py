"""Inside of the mouth: its lining, teeth in their gums, tongue."""

from itertools import pairwise

import numpy as np

from stccl.face3d.head.piece import Piece
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.topology import strip_triangles

UPPER_TEETH_Z_MM, LOWER_TEETH_Z_MM = 92.6, 90.2
UPPER_EDGE_Y_MM, LOWER_EDGE_Y_MM = -71.0, -73.8
ARCH_WIDTH_MM, ARCH_DEPTH_MM = 26.5, 46.0
# Of the teeth from the middle backwards, mm (Wheeler's Dental Anatomy).
_UPPER_TEETH = ((8.6, 10.5), (6.7, 9.2), (7.6, 10.2), (7.0, 8.6), (6.8, 8.0), (9.5, 7.4))
_LOWER_TEETH = ((5.4, 9.0), (5.9, 9.3), (6.8, 10.4), (7.0, 8.6), (7.1, 8.0), (10.5, 7.4))

LINING_FOLLOWS = (0.95, 0.85, 0.6, 0.3, 0.1, 0.0, 0.0)
"""How far each ring of `lining` follows the lips."""


def _arch(distance: Array, front_z: float) -> tuple[Array, Array]:
    """Points and outward directions, (N, 2) of (x, z), along the row of teeth."""
    t = np.linspace(0, np.pi / 2, 400)
    x, z = ARCH_WIDTH_MM * np.sin(t), front_z - ARCH_DEPTH_MM * (1 - np.cos(t))
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    at = np.interp(distance, length, t)
    points = np.stack([np.interp(at, t, x), np.interp(at, t, z)], 1)
    normal = np.stack([np.sin(at) / ARCH_WIDTH_MM, np.cos(at) / ARCH_DEPTH_MM], 1)
    return points, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _rounded_box(power: float, rings: int, segments: int) -> tuple[Array, Array]:
    """A superellipsoid's unit points, poles at y = +-1, and its triangles."""
    v = np.linspace(0, np.pi, rings)
    u = 2 * np.pi * np.arange(segments) / segments

    def soft(value: Array) -> Array:
        return np.sign(value) * np.abs(value) ** (2 / power)

    y = soft(np.cos(v))
    radius = soft(np.sin(v).clip(0))
    points = np.stack(
        [
            radius[:, None] * soft(np.sin(u)),
            np.broadcast_to(y[:, None], (rings, segments)),
            radius[:, None] * soft(np.cos(u)),
        ],
        -1,
    )
    net = np.arange(rings * segments).reshape(rings, segments)
    return points.reshape(-1, 3), strip_triangles(net, closed=True)[:, ::-1]


def teeth(*, upper: bool) -> Piece:
    """One half row. Texture: u along the row from the middle, v from the edge to the gum."""
    box, faces = _rounded_box(4.0, 7, 10)
    front, edge = (
        (UPPER_TEETH_Z_MM, UPPER_EDGE_Y_MM) if upper else (LOWER_TEETH_Z_MM, LOWER_EDGE_Y_MM)
    )
    sizes = _UPPER_TEETH if upper else _LOWER_TEETH
    points, triangles, uv = [], [], []
    along = 0.0
    for number, (width, height) in enumerate(sizes):
        (centre,), (normal,) = _arch(np.array([along + width / 2]), front)
        along += width
        thick = 4.5 if number < 3 else 8.0
        gap = 0.12
        narrow = 1 - 0.13 * np.clip(box[:, 1] if upper else -box[:, 1], -0.2, 1)
        side = np.array([normal[1], -normal[0]])
        across = box[:, 0] * (width / 2 - gap) * narrow
        # Incisors are thin at their edge and lean outwards.
        depth = (box[:, 2] - 1) * thick / 2
        share = (box[:, 1] + 1) / 2 if upper else (1 - box[:, 1]) / 2
        depth = depth * (0.55 + 0.45 * share) - (1.0 * share**2 if number < 3 else 0.0)
        depth -= 0.5 * box[:, 0] ** 2
        xz = centre + across[:, None] * side + depth[:, None] * normal
        length = (height + 1.5) * share
        worn = (0.4 if number == 1 else 0.0) if upper else 0.0
        y = edge + worn + length if upper else edge - length
        points.append(np.stack([np.maximum(xz[:, 0], 0.05), y, xz[:, 1]], 1))
        triangles.append(faces + len(box) * number)
        uv.append(np.stack([(number + (box[:, 0] + 1) / 2) / len(sizes), share], 1))
    return Piece(
        "upper_teeth" if upper else "lower_teeth",
        np.concatenate(points),
        np.concatenate(triangles),
        np.concatenate(uv),
    )


def gums(*, upper: bool) -> Piece:
    """The half ridge the teeth stand in, with the palate or the floor of the mouth behind it."""
    front, edge, sign = (
        (UPPER_TEETH_Z_MM, UPPER_EDGE_Y_MM, 1.0)
        if upper
        else (LOWER_TEETH_Z_MM, LOWER_EDGE_Y_MM, -1.0)
    )
    sizes = np.array(_UPPER_TEETH if upper else _LOWER_TEETH)
    starts = np.concatenate([[0], np.cumsum(sizes[:, 0])])
    along = np.concatenate(
        [np.linspace(s, e, 6)[:-1] for s, e in pairwise(starts)]
        + [starts[-1:] + np.array([0.0, 3.0])]
    )
    centre, normal = _arch(along, front)
    centre[0, 0] = normal[0, 0] = 0.0
    tooth = np.clip(np.searchsorted(starts, along, side="right") - 1, 0, len(sizes) - 1)
    within = (along - starts[tooth]) / sizes[tooth, 0]
    neck = sizes[tooth, 1] - 2.2 * np.abs(2 * np.clip(within, 0, 1) - 1) ** 2
    rows = []
    for depth, rise, flat in (
        (-3.5, -0.5, 0), (-0.9, 0.0, 0), (-0.35, 0.9, 0), (-0.4, 3.0, 0), (-2.5, 8.0, 0),
        (-9.0, 7.0, 0), (-10.5, -1.0, 0), (-16.0, 5.0, 1),
    ):  # fmt: skip
        xz = centre + depth * normal
        if flat:
            xz[:, 0] = 0.0
        height = neck + rise if rise < 5 else np.full_like(neck, 9.5 + rise)
        rows.append(np.stack([xz[:, 0].clip(0), edge + sign * height, xz[:, 1]], 1))
    points = np.concatenate(rows)
    net = np.arange(len(points)).reshape(len(rows), -1)
    triangles = strip_triangles(net, closed=False)
    if not upper:
        triangles = triangles[:, ::-1]
    grid_v, grid_u = np.meshgrid(np.linspace(0, 1, len(rows)), along / along[-1], indexing="ij")
    uv = np.stack([grid_u.ravel(), grid_v.ravel()], 1)
    return Piece("upper_gums" if upper else "lower_gums", points, triangles, uv)


def tongue() -> Piece:
    """Half of the tongue. Texture: u across, v from the root to the tip."""
    rings, segments = 14, 9
    share = np.sin(np.linspace(0, 0.47 * np.pi, rings))
    angle = np.linspace(0, np.pi, segments)
    width = 21 * np.sqrt(1 - share**2.6) * (0.8 + 0.2 * share)
    thick = 9 * np.sqrt(1 - share**2.2)
    hump = 0.8 * np.isin(np.arange(segments), (1, 2, 3))  # the groove in the middle is lower
    points = np.stack(
        [
            width[:, None] * np.sin(angle) ** 0.8,
            (-79.5 - 1.5 * share)[:, None] + thick[:, None] * np.cos(angle) + hump,
            np.broadcast_to((44 + 42.5 * share)[:, None], (rings, segments)),
        ],
        -1,
    ).reshape(-1, 3)
    points[points[:, 0] < 1e-6, 0] = 0.0
    net = np.arange(rings * segments).reshape(rings, segments)
    tip = np.full(segments - 1, len(points))
    triangles = np.concatenate(
        [
            strip_triangles(net, closed=False)[:, ::-1],
            np.stack([tip, net[-1, 1:], net[-1, :-1]], 1),
        ]
    )
    points = np.concatenate([points, [[0.0, -81.0, 86.7]]])
    uv = np.stack([0.5 + points[:, 0] / 44, np.append(np.repeat(share, segments), 1.0)], 1)
    return Piece("tongue", points, triangles, uv)


def lining(slit: Array, middle: int) -> Array:
    """Rings of the mouth's inside from the lips' meeting line back to the throat.

    Args:
        slit: (N, 3) the line from the middle of the upper lip around the corner to the lower's.
        middle: Which of them is the corner.

    Returns:
        (rings, N, 3) positions, mm.
    """
    count = len(slit)
    turn = np.pi / 2 - np.pi * np.arange(count) / (count - 1)
    upper = np.clip(np.sin(turn), 0, None) ** 0.5
    lower = np.clip(-np.sin(turn), 0, None) ** 0.5
    lift = upper - lower
    rings = []
    for back, height in ((2.2, 0.3), (4.2, 2.6)):
        ring = slit.copy()
        ring[:, 2] -= back
        ring[:, 1] += height * lift
        ring[:, 0] *= 1 + 0.012 * back
        rings.append(ring)
    last = rings[-1]
    for share, width, height, z in (
        (0.5, 31, 13, 76),
        (1.0, 34, 18, 60),
        (1.0, 30, 17, 46),
        (1.0, 12, 8, 38),
        (1.0, 0.02, 0.02, 36),
    ):
        ellipse = np.stack(
            [width * np.cos(turn), -71 + height * np.sin(turn), np.full(count, float(z))], 1
        )
        depth_room = np.abs(np.cos(turn)) ** 2
        ellipse[:, 2] = np.where(
            share < 1, last[:, 2] * (1 - depth_room) - 2 + (z + 2) * depth_room - 0, z
        )
        rings.append(ellipse)
    for ring in rings:
        ring[[0, -1], 0] = 0.0
    return np.array(rings)
