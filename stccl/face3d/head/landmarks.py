"""Where annotators put the 68 points of 300-W, as fixed places of the mesh."""

import numpy as np

from stccl.face3d.head import proportions as prop
from stccl.face3d.head import topology
from stccl.face3d.head.anatomy import PARTS, Anatomy
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import curve

# Right half of the jaw line from the ear (point 0) to the chin (8): directions from below the
# nose, degrees from the horizontal downwards.
_JAW_CENTRE_MM = (0.0, -38.0)
_JAW_DEGREES = (-33.0, -18.5, -1.5, 16.0, 34.0, 49.0, 62.5, 76.5, 90.0)
_BROW_SHARES = (0.99, 0.78, 0.54, 0.29, 0.03)
_BRIDGE_Y_MM = (2.0, -10.0, -22.0, -35.0)
_NOSE_BASE_MM = ((-12.5, -46.0), (-6.3, -48.0), (0.0, -49.3))


def _ray_hits(anatomy: Anatomy, targets: Array) -> tuple[Array, Array]:
    """The frontmost skin at each (x, y): triangle numbers (N,) and barycentrics (N, 3)."""
    skin = np.flatnonzero((anatomy.part[anatomy.triangles] == PARTS.index("skin")).all(1))
    corners = anatomy.points[anatomy.triangles[skin]]
    found, weights = [], []
    area = topology.signed_area(corners[:, :, :2])
    safe = np.where(np.abs(area) < 1e-9, 1e-9, area)
    for target in targets:
        at = np.broadcast_to(target, (len(corners), 1, 2))
        v = (
            topology.signed_area(np.concatenate([corners[:, :1, :2], at, corners[:, 2:, :2]], 1))
            / safe
        )
        w = topology.signed_area(np.concatenate([corners[:, :2, :2], at], 1)) / safe
        inside = (v > -1e-6) & (w > -1e-6) & (v + w < 1 + 1e-6) & (area > 0)
        depth = np.where(inside, corners[:, :, 2].mean(1), -np.inf)
        best = int(depth.argmax())
        if not np.isfinite(depth[best]):
            raise RuntimeError(f"no skin in front of {target.tolist()}")
        found.append(skin[best])
        weights.append((1 - v[best] - w[best], v[best], w[best]))
    return np.array(found), np.array(weights)


def _jaw_targets(anatomy: Anatomy) -> Array:
    face = (
        (anatomy.part == PARTS.index("skin"))
        & (anatomy.chart[:, 1] > -130)
        & (anatomy.points[:, 2] > -2)
        & (anatomy.points[:, 0] <= 0)
    )
    offset = anatomy.points[face, :2] - _JAW_CENTRE_MM
    direction = np.degrees(np.arctan2(-offset[:, 1], -offset[:, 0]))
    reach = np.linalg.norm(offset, axis=1)
    targets = []
    for degrees in _JAW_DEGREES:
        edge = np.sort(reach[np.abs(direction - degrees) < 4])[-2] * 0.975
        turn = np.radians(degrees)
        targets.append((-edge * np.cos(turn), -edge * np.sin(turn) + _JAW_CENTRE_MM[1]))
    return np.array(targets)


def landmark_places(anatomy: Anatomy) -> tuple[Array, Array]:
    """The 68 points: triangle numbers (68,) and barycentric coordinates (68, 3)."""
    places: dict[int, tuple[int, Array]] = {}

    def by_ray(numbers: list[int], targets: Array) -> None:
        for number, triangle, weight in zip(numbers, *_ray_hits(anatomy, targets), strict=True):
            places[number] = (int(triangle), weight)

    def at_vertex(number: int, vertex: int) -> None:
        triangle, corner = np.argwhere(anatomy.triangles == vertex)[0]
        places[number] = (int(triangle), np.eye(3)[corner])

    right = np.array([-1.0, 1.0])
    jaw = _jaw_targets(anatomy)
    by_ray(list(range(9)), jaw)
    by_ray(list(range(16, 8, -1)), jaw[:8] * right)
    brow_x = np.array(
        [prop.BROW_MM[0][0] + s * (prop.BROW_MM[-1][0] - prop.BROW_MM[0][0]) for s in _BROW_SHARES]
    )
    brow = np.stack([brow_x, curve(prop.BROW_MM, brow_x)], 1)
    by_ray(list(range(17, 22)), brow * right)
    by_ray(list(range(26, 21, -1)), brow)
    by_ray([27, 28, 29, 30], np.array([(0.0, y) for y in _BRIDGE_Y_MM]))
    base = np.array(_NOSE_BASE_MM)
    by_ray([31, 32, 33], base)
    by_ray([35, 34], base[:2] * right)

    inner = anatomy.lids.shape[1] - len(topology.LID_OFFSETS_MM)
    columns = topology.LID_COLUMNS
    for first, (eye, rim) in zip((36, 42), enumerate(anatomy.lids[:, inner]), strict=True):
        x = np.abs(anatomy.points[rim, 0])
        low, high = prop.INNER_CANTHUS_MM[0], prop.OUTER_CANTHUS_MM[0]
        share = (x - low) / (high - low)
        upper, lower = np.arange(1, columns), np.arange(columns + 1, 2 * columns)
        outer, inner_corner = rim[columns], rim[0]
        top = [rim[upper[np.abs(share[upper] - s).argmin()]] for s in (0.66, 0.33)]
        bottom = [rim[lower[np.abs(share[lower] - s).argmin()]] for s in (0.33, 0.66)]
        order = [outer, *top, inner_corner, *bottom]
        if eye == 1:  # the left eye is counted from its inner corner
            order = [inner_corner, *top[::-1], outer, *bottom[::-1]]
        for number, vertex in enumerate(order):
            at_vertex(first + number, int(vertex))

    lining = anatomy.lips.shape[1] - len(topology.LIP_SHARES) - len(topology.LIP_OFFSETS_MM)
    border = anatomy.lips[:, lining + len(topology.LIP_SHARES) - 1]
    slit = anatomy.lips[:, lining]
    corner = topology.MOUTH_COLUMNS

    def nearest(ring: Array, x: float, *, upper: bool) -> int:
        half = ring[: corner + 1] if upper else ring[corner:]
        return int(half[np.abs(np.abs(anatomy.points[half, 0]) - x).argmin()])

    at_vertex(48, int(slit[0][corner]))
    at_vertex(54, int(slit[1][corner]))
    for right_number, left_number, x, above in (
        (49, 53, 14.5, True), (50, 52, 5.4, True), (59, 55, 15.5, False), (58, 56, 7.5, False),
    ):  # fmt: skip
        at_vertex(right_number, nearest(border[0], x, upper=above))
        at_vertex(left_number, nearest(border[1], x, upper=above))
    at_vertex(51, int(border[0][0]))
    at_vertex(57, int(border[0][-1]))
    for right_number, left_number, x, above in (
        (60, 64, 22.0, True), (61, 63, 8.5, True), (67, 65, 8.5, False),
    ):  # fmt: skip
        at_vertex(right_number, nearest(slit[0], x, upper=above))
        at_vertex(left_number, nearest(slit[1], x, upper=above))
    at_vertex(62, int(slit[0][0]))
    at_vertex(66, int(slit[0][-1]))
    numbers = range(68)
    return np.array([places[n][0] for n in numbers]), np.array([places[n][1] for n in numbers])
