"""The average head: every part in place, left and right, with the names of its places."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from stccl.face3d.head import eyes, mouth, nose, topology
from stccl.face3d.head.chart import chart_to_uv
from stccl.face3d.head.ear import ear
from stccl.face3d.head.piece import Piece
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import front_skin

PARTS = (
    "skin", "lid_lining", "mouth_lining", "eyeball", "upper_teeth", "lower_teeth", "upper_gums",
    "lower_gums", "tongue", "garment", "ear",
)  # fmt: skip
NECKLINE_MM = -193.0
"""Chart height b below which the skin wears a garment."""


@dataclass(frozen=True)
class Anatomy:
    """The mean head; V vertices, F triangles. Millimetres from the pupils."""

    points: Array
    """(V, 3)."""
    triangles: Array
    """(F, 3), counter-clockwise seen from outside."""
    part: Array
    """(V,) number in `PARTS`."""
    uv: Array
    """(V, 2) texture coordinates; each part has a chart of its own."""
    mirror: Array
    """(V,) the vertex at the mirrored place."""
    chart: Array
    """(V, 2) of the skin and the linings: (a, b) with a >= 0 on both sides."""
    above: Array
    """(V,) 1 above the slit of the mouth, -1 below it."""
    follows: Array
    """(V,) how far a vertex follows the skin at its chart coordinates; 0 for rigid parts."""
    lids: Array
    """(2, rings, columns): right and left eye; rings from the lining's innermost outwards."""
    lips: Array
    """(2, rings, columns): right and left half; rings from the throat outwards."""


@dataclass
class _Half:
    """Pieces of the left half, put one after the other."""

    points: list[Array]
    triangles: list[Array]
    part: list[Array]
    uv: list[Array]
    chart: list[Array]
    above: list[Array]
    follows: list[Array]
    size: int = 0

    def add(
        self,
        piece: Piece,
        chart: Array | None = None,
        above: Array | None = None,
        follows: Array | None = None,
    ) -> Array:
        count = len(piece.points)
        self.points.append(piece.points)
        self.triangles.append(piece.triangles + self.size)
        self.part.append(np.full(count, PARTS.index(piece.part)))
        self.uv.append(piece.uv)
        self.chart.append(np.zeros((count, 2)) if chart is None else chart)
        self.above.append(np.ones(count) if above is None else above)
        self.follows.append(np.zeros(count) if follows is None else follows)
        self.size += count
        return np.arange(self.size - count, self.size)


def _with_nose(skin: topology.HalfSkin, points: Array) -> Array:
    width, low, high = nose.WINDOW_MM
    inside = (skin.a < width) & (skin.b > low) & (skin.b < high)
    inside[skin.lids.ravel()] = inside[skin.lips.ravel()] = False
    movable = np.flatnonzero(inside)
    edges = np.concatenate([skin.triangles, skin.triangles[:, ::-1]])[:, [0, 1, 1, 2, 2, 0]]
    edges = np.unique(edges.reshape(-1, 2), axis=0)
    linked = csr_array(
        (np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (len(points), len(points))
    )
    average = linked[movable] / linked[movable].sum(axis=1)[:, None]
    beside = np.intersect1d(skin.lids.ravel(), np.flatnonzero((skin.a < width) & (skin.b > low)))
    points[beside] = nose.raised(points[beside])
    return nose.grow_nose(points, csr_array(average), movable)


def build_anatomy() -> Anatomy:
    """The mean head, the same every time."""
    half = _Half([], [], [], [], [], [], [])
    skin = topology.half_skin()
    points = _with_nose(skin, front_skin(skin.a, skin.b, skin.side))
    points[(skin.a < 1e-9) | (skin.a > 160 - 1e-9), 0] = 0.0
    chart = np.stack([skin.a, skin.b], 1)
    worn = skin.b < NECKLINE_MM
    half.add(
        Piece("skin", points, skin.triangles, chart_to_uv(chart)),
        chart,
        skin.side,
        np.ones(len(points)),
    )
    half.part[-1][worn] = PARTS.index("garment")

    # Linings continue the nets of lids and lips inwards; their first ring is the rim itself.
    rim = skin.lids[0]
    inside, follow = eyes.lid_inside(points[rim])
    shape = inside.shape[:2]
    net = half.size + np.arange(shape[0] * shape[1]).reshape(shape)[::-1]
    lids = np.concatenate([net, skin.lids])
    strips = topology.strip_triangles(np.concatenate([net, rim[None]]), closed=True)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, shape[1]), np.linspace(0, 1, shape[0])), -1)
    half.add(
        Piece("lid_lining", inside.reshape(-1, 3), strips - half.size, grid.reshape(-1, 2)),
        np.tile(chart[rim], (shape[0], 1)),
        None,
        np.repeat(follow, shape[1]),
    )
    slit = skin.lips[0]
    inside = mouth.lining(points[slit], topology.MOUTH_COLUMNS)
    shape = inside.shape[:2]
    net = half.size + np.arange(shape[0] * shape[1]).reshape(shape)[::-1]
    lips = np.concatenate([net, skin.lips])
    strips = topology.strip_triangles(np.concatenate([net, slit[None]]), closed=False)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, shape[1]), np.linspace(0, 1, shape[0])), -1)
    half.add(
        Piece("mouth_lining", inside.reshape(-1, 3), strips - half.size, grid.reshape(-1, 2)),
        np.tile(chart[slit], (shape[0], 1)),
        np.tile(skin.side[slit], shape[0]),
        np.repeat(mouth.LINING_FOLLOWS, shape[1]),
    )
    half.add(eyes.eyeball())
    half.add(ear())
    for upper in (True, False):
        half.add(mouth.teeth(upper=upper))
        half.add(mouth.gums(upper=upper))
    half.add(mouth.tongue())
    return _mirrored(half, lids, lips)


def _mirrored(half: _Half, lids: Array, lips: Array) -> Anatomy:
    points = np.concatenate(half.points)
    middle = np.abs(points[:, 0]) < 1e-6
    points[middle, 0] = 0.0
    size = len(points)
    off_middle = np.flatnonzero(~middle)
    twin = np.arange(size)
    twin[off_middle] = size + np.arange(len(off_middle))
    mirror = np.concatenate([twin, off_middle])
    triangles = np.concatenate(half.triangles)
    triangles = np.concatenate([triangles, twin[triangles][:, ::-1]])

    def both(values: list[Array]) -> Array:
        left = np.concatenate(values)
        return np.concatenate([left, left[off_middle]])

    uv = both(half.uv)
    part = both(half.part)
    uv[size:, 0] = 1 - uv[size:, 0]
    anatomy = Anatomy(
        points=np.concatenate([points, points[off_middle] * [-1, 1, 1]]),
        triangles=triangles,
        part=part,
        uv=uv,
        mirror=mirror,
        chart=both(half.chart),
        above=both(half.above),
        follows=both(half.follows),
        lids=np.stack([twin[lids], lids]),
        lips=np.stack([twin[lips], lips]),
    )
    return anatomy
