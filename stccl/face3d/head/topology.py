"""The skin's vertices and triangles: rings around eyes and mouth, an even net between them."""

from dataclasses import dataclass, field

import numpy as np
from matplotlib.path import Path as Polygon
from scipy.interpolate import PchipInterpolator
from scipy.spatial import Delaunay

from stccl.face3d.head import proportions as prop
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import curve, mouth_line

LID_COLUMNS = 30
"""Of each lid's rim, corners counted once; the loop of an eye has twice as many vertices."""
MOUTH_COLUMNS = 20
"""Steps along the mouth from the middle to a corner."""

LID_OFFSETS_MM = (0.0, 0.9, 1.9, 3.0, 4.3, 5.8, 7.6, 9.8)
LIP_SHARES = (0.0, 0.05, 0.12, 0.22, 0.36, 0.52, 0.70, 0.86, 1.0)
LIP_OFFSETS_MM = (1.1, 2.5, 4.4)

_SPACING_A = ((0, 2.1), (22, 2.3), (45, 3.0), (70, 5.5), (100, 9), (160, 13))
_SPACING_B = ((-262, 15), (-205, 11), (-170, 8), (-125, 4.5), (-112, 3.0), (-85, 2.4), (25, 2.5), (45, 4), (75, 6), (136, 8))  # fmt: skip
_NOSE_MM = (19.0, -51.0, -27.0)
_NOSE_SPACING_MM = 1.35


@dataclass
class HalfSkin:
    """The left half (x >= 0) in the chart; `a` = 0 and `a` = 160 are shared with the right."""

    a: Array
    b: Array
    side: Array
    """(N,) 1 above the slit of the mouth, -1 below, 0.0 where it makes no difference."""
    triangles: Array
    lids: Array
    """(rings, 2 * LID_COLUMNS) vertices of rings from the rim outwards: along the upper lid from
    the inner corner to the outer, back along the lower."""
    lips: Array
    """(rings, 2 * MOUTH_COLUMNS + 1) vertices of half rings from the slit outwards: from the
    middle of the upper lip around the corner to the middle of the lower."""


@dataclass
class _Builder:
    a: list[float] = field(default_factory=list)
    b: list[float] = field(default_factory=list)
    side: list[float] = field(default_factory=list)
    triangles: list[Array] = field(default_factory=list)

    def add(self, points: Array, side: Array) -> Array:
        first = len(self.a)
        self.a += points[:, 0].tolist()
        self.b += points[:, 1].tolist()
        self.side += side.tolist()
        return np.arange(first, first + len(points))

    def strips(self, rings: Array, *, closed: bool) -> None:
        self.triangles.append(strip_triangles(rings, closed=closed))


def signed_area(corners: Array) -> Array:
    """Twice the area of (N, 3, 2) triangles, positive if counter-clockwise."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])


def strip_triangles(rings: Array, *, closed: bool) -> Array:
    """Two triangles per cell of a (rings, columns) net of vertex numbers."""
    inner, outer = rings[:-1], rings[1:]
    if closed:
        inner_next, outer_next = np.roll(inner, -1, 1), np.roll(outer, -1, 1)
    else:
        inner, inner_next = inner[:, :-1], inner[:, 1:]
        outer, outer_next = outer[:, :-1], outer[:, 1:]
    first = np.stack([inner, inner_next, outer], -1).reshape(-1, 3)
    second = np.stack([inner_next, outer_next, outer], -1).reshape(-1, 3)
    return np.concatenate([first, second])


def lid_shares() -> Array:
    """(LID_COLUMNS,) how far along a lid its columns are, denser towards the corners."""
    step = np.arange(LID_COLUMNS) / LID_COLUMNS
    return np.asarray((1 - np.cos(np.pi * step)) / 2 * 0.55 + step * 0.45)


def lid_rim(share: Array, *, upper: bool) -> Array:
    """Points of a rim, (N, 2) mm, `share` of the way from the inner corner to the outer."""
    inner, outer = np.array(prop.INNER_CANTHUS_MM), np.array(prop.OUTER_CANTHUS_MM)
    chord = inner + share[:, None] * (outer - inner)
    heights, size = (
        (prop.UPPER_LID, prop.UPPER_LID_HEIGHT_MM)
        if upper
        else (prop.LOWER_LID, -prop.LOWER_LID_HEIGHT_MM)
    )
    chord[:, 1] += size * curve(heights, share)
    return np.asarray(chord)


def _outward(loop: Array, *, closed: bool) -> Array:
    """Unit normals of a clockwise line of points, pointing away from its middle."""
    ahead = np.roll(loop, -1, 0) - np.roll(loop, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = loop[1] - loop[0], loop[-1] - loop[-2]
        ahead[0, 1] = ahead[-1, 1] = 0.0
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _lids(builder: _Builder) -> Array:
    share = lid_shares()
    upper = lid_rim(share, upper=True)
    lower = lid_rim(1 - share, upper=False)
    rim = np.concatenate([upper, lower])
    centre = np.array([(prop.INNER_CANTHUS_MM[0] + prop.OUTER_CANTHUS_MM[0]) / 2, 0.0])
    # Away from the rim the rings turn into ellipses: corners get less far than lids.
    angle = np.arctan2(rim[:, 1] - centre[1] + 0.2, rim[:, 0] - centre[0])
    round_normal = np.stack([np.cos(angle) * 0.75, np.sin(angle)], 1)
    ellipse = np.stack([rim[:, 0] - centre[0], 4.0 * (rim[:, 1] - centre[1])], 1)
    normal = ellipse / np.linalg.norm(ellipse, axis=1, keepdims=True)
    normal = 0.5 * normal + 0.5 * round_normal
    for _ in range(3):
        normal = (np.roll(normal, 1, 0) + 2 * normal + np.roll(normal, -1, 0)) / 4
    rings = [builder.add(rim + offset * normal, np.zeros(len(rim))) for offset in LID_OFFSETS_MM]
    return np.array(rings)


def _lips(builder: _Builder) -> Array:
    step = np.arange(MOUTH_COLUMNS + 1) / MOUTH_COLUMNS
    share = np.sin(np.pi / 2 * step) * 0.6 + step * 0.4
    corner_x = prop.MOUTH_LINE_MM[-1][0]
    x = share * corner_x
    slit = np.stack([x, mouth_line(x)], 1)
    border_x = share * prop.UPPER_BORDER_MM[-1][0]
    upper = np.stack([border_x, curve(prop.UPPER_BORDER_MM, border_x)], 1)
    lower = np.stack([border_x, curve(prop.LOWER_BORDER_MM, border_x)], 1)
    inside = np.concatenate([slit, slit[-2::-1]])
    border = np.concatenate([upper, lower[-2::-1]])
    side = np.ones(len(inside))
    side[MOUTH_COLUMNS + 1 :] = -1
    rings = [builder.add(inside + s * (border - inside), side) for s in LIP_SHARES]
    normal = _outward(border, closed=False)
    for _ in range(4):
        padded = np.concatenate([normal[:1], normal, normal[-1:]])
        normal = (padded[:-2] + 2 * normal + padded[2:]) / 4
    normal[0], normal[-1] = (0, 1), (0, -1)
    rings += [builder.add(border + offset * normal, side) for offset in LIP_OFFSETS_MM]
    return np.array(rings)


def _lattice_axis(spacing: tuple[tuple[float, float], ...]) -> Array:
    """Positions whose gaps follow `spacing`, from the first key to the last."""
    where = np.linspace(spacing[0][0], spacing[-1][0], 4000)
    gap = np.interp(where, *np.array(spacing, dtype=float).T)
    count = np.concatenate([[0], np.cumsum(np.diff(where) / gap[:-1])])
    total = round(float(count[-1]))
    return np.interp(np.arange(total + 1) / total, count / count[-1], where)


def _lattice() -> Array:
    columns, rows = _lattice_axis(_SPACING_A), _lattice_axis(_SPACING_B)[:-1]
    points = []
    for number, b in enumerate(rows):
        # Fewer columns towards the crown, where the head gets narrow.
        share = float(PchipInterpolator((-262, 70, 100, 125, 136), (1, 1, 0.8, 0.6, 0.5))(b))
        across = np.interp(
            np.linspace(0, 1, round((len(columns) - 1) * share) + 1),
            np.linspace(0, 1, len(columns)),
            columns,
        )
        if number % 2:
            across = np.concatenate([across[:1], (across[1:] + across[:-1]) / 2, across[-1:]])
        points.append(np.stack([across, np.full(len(across), b)], 1))
    points.append(np.array([[0.0, 136.0]]))
    return np.concatenate(points)


def _nose_lattice() -> Array:
    width, low, high = _NOSE_MM
    rows = np.arange(low, high, _NOSE_SPACING_MM * 0.87)
    points = []
    for number, b in enumerate(rows):
        across = np.arange(0, width, _NOSE_SPACING_MM) + (number % 2) * _NOSE_SPACING_MM / 2
        if number % 2:
            across = np.concatenate([[0.0], across])
        points.append(np.stack([across, np.full(len(across), b)], 1))
    return np.concatenate(points)


def _free_points(rings: list[Array]) -> Array:
    """Points of the nets that are clear of the rings (polygons in the chart)."""
    fine, coarse = _nose_lattice(), _lattice()
    width, low, high = _NOSE_MM
    clear = (coarse[:, 0] > width + 0.8) | (coarse[:, 1] < low - 0.9) | (coarse[:, 1] > high + 0.5)
    points = np.concatenate([fine, coarse[clear]])
    for ring in rings:
        polygon = Polygon(np.concatenate([ring, ring[:1]]))
        inside = polygon.contains_points(points)
        gap = np.sqrt(((points[:, None] - ring[None]) ** 2).sum(-1)).min(1)
        points = points[~inside & (gap > 1.3)]
    return points


def _squeezed(points: Array) -> Array:
    """The chart with the crown drawn together, for triangles of even shape."""
    share = np.interp(points[:, 1], (-262, 60, 100, 125, 136), (1, 1, 0.8, 0.45, 0.0))
    return np.stack([80 + (points[:, 0] - 80) * share, points[:, 1]], 1)


def half_skin() -> HalfSkin:
    """Build the left half of the skin in the chart.

    Raises:
        RuntimeError: If the net between the rings does not meet them edge to edge.
    """
    builder = _Builder()
    lids, lips = _lids(builder), _lips(builder)
    a, b = np.array(builder.a), np.array(builder.b)
    outer_eye = np.stack([a[lids[-1]], b[lids[-1]]], 1)
    outer_mouth = np.stack([a[lips[-1]], b[lips[-1]]], 1)
    beyond = outer_mouth[[-1, 0]] * [0, 1] - [1.0, 0]  # the right half of the mouth, roughly
    free = _free_points([outer_eye, np.concatenate([outer_mouth, beyond])])
    net = np.concatenate([lids[-1], lips[-1], builder.add(free, np.zeros(len(free)))])
    # The upper lip's chart coordinates tell above from below everywhere outside of the slit.
    chart = np.stack([np.array(builder.a), np.array(builder.b)], 1)
    flat = _squeezed(chart[net])
    triangles = Delaunay(flat).simplices
    middle = flat[triangles].mean(1)
    hole = Polygon(_squeezed(outer_eye)).contains_points(middle)
    hole |= Polygon(_squeezed(outer_mouth)).contains_points(middle)
    triangles = triangles[~hole & (np.abs(signed_area(flat[triangles])) > 1e-3)]
    edges = {tuple(sorted(edge)) for tri in triangles for edge in (tri[:2], tri[1:], tri[::2])}
    size = len(lids[-1])
    wanted = [(i, (i + 1) % size) for i in range(size)]
    wanted += [(size + i, size + i + 1) for i in range(len(lips[-1]) - 1)]
    if missing := [pair for pair in wanted if tuple(sorted(pair)) not in edges]:
        raise RuntimeError(f"the net leaves gaps along {len(missing)} edges of the rings")
    clockwise = signed_area(flat[triangles]) < 0
    triangles[clockwise] = triangles[clockwise, ::-1]
    builder.triangles.append(net[triangles])
    builder.strips(lids, closed=True)
    builder.strips(lips, closed=False)
    faces = np.concatenate(builder.triangles)
    side = np.array(builder.side)
    side = np.where(side == 0, np.where(chart[:, 1] > mouth_line(chart[:, 0]), 1.0, -1.0), side)
    return HalfSkin(chart[:, 0], chart[:, 1], side, faces, lids, lips)
