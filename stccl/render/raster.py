"""Visibility: which triangle is seen at every sample, and where in it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]

_STEPS_PER_PX = 4096  # corners are rounded to this grid; inside or outside is then exact
_WIDE_PX = 2  # of a bounding box: beyond it, finding a row's first and last sample pays
_ROUNDING = 1e-6  # more than what a float misses of a number of samples
_LIMIT_PX = 16384.0  # keeps products of two grid coordinates within 64 bits


class Fragments(NamedTuple):
    """What is seen at every sample of a picture.

    Attributes:
        triangle: (H, W) int32, the index of the triangle seen; -1 where there is none.
        barycentric: (H, W, 3) float32, weights of its corners, perspective-correct, sum 1.
        depth: (H, W) float32, distance along the view axis; infinite where there is none.
    """

    triangle: Array
    barycentric: Array
    depth: Array


def rasterize(
    points_px: Array,
    triangles: Array,
    size: tuple[int, int],
    two_sided: Array | None = None,
) -> Fragments:
    """Draw triangles into a z-buffer.

    A sample sits in the middle of each pixel: that of column i and row j at (i + 0.5, j + 0.5).
    It belongs to a triangle whose inside it is in; one exactly on an edge that two triangles share
    belongs to one of them (the top-left rule), so that surfaces have neither cracks nor overlaps.
    With w_k the screen-space weights and z_k the depths of a triangle's corners, depth is
    z = 1 / sum(w_k / z_k) and the perspective-correct weights are w_k z / z_k.

    Args:
        points_px: (V, 3) float: x to the right, y down, in pixels, and depth, larger is further.
            Triangles with a corner at depth 0 or less, or over 16384 px away, are left out.
        triangles: (F, 3) integers, corners counter-clockwise as seen from the front.
        size: Height and width of the picture in pixels.
        two_sided: (F,) bool, triangles drawn from behind as well; none if not given.

    Returns:
        The fragments.

    >>> corners = np.array([[0, 0, 1], [0, 4, 1], [4, 0, 1]])
    >>> rasterize(corners, np.array([[0, 1, 2]]), (4, 4)).triangle
    array([[ 0,  0,  0, -1],
           [ 0,  0, -1, -1],
           [ 0, -1, -1, -1],
           [-1, -1, -1, -1]], dtype=int32)
    """
    return _drawn(points_px, triangles, size, two_sided, np.zeros((*size, 3), np.float32))


def nearest(
    points_px: Array,
    triangles: Array,
    size: tuple[int, int],
    two_sided: Array | None = None,
) -> tuple[Array, Array]:
    """Triangle and depth of `rasterize` alone, faster."""
    drawn = _drawn(points_px, triangles, size, two_sided, np.zeros((0, 0, 3), np.float32))
    return drawn.triangle, drawn.depth


def _drawn(
    points_px: Array,
    triangles: Array,
    size: tuple[int, int],
    two_sided: Array | None,
    barycentric: Array,
) -> Fragments:
    fragments = Fragments(
        np.full(size, -1, np.int32), barycentric, np.full(size, np.inf, np.float32)
    )
    if two_sided is None:
        two_sided = np.zeros(len(triangles), np.bool_)
    _draw(
        np.ascontiguousarray(points_px, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        two_sided,
        *fragments,
    )
    return fragments


@kernel
def _draw(
    points: Array,
    triangles: Array,
    two_sided: Array,
    triangle: Array,
    barycentric: Array,
    depth: Array,
) -> None:
    """Fill the fragments; weights only where there is room for them."""
    height, width = triangle.shape
    with_weights = len(barycentric) > 0
    grid, nearness = _on_grid(points)
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        if nearness[a] == 0.0 or nearness[b] == 0.0 or nearness[c] == 0.0:
            continue
        ax, ay = grid[a, 0], grid[a, 1]
        bx, by = grid[b, 0], grid[b, 1]
        cx, cy = grid[c, 0], grid[c, 1]
        # Twice the area; y points down, so counter-clockwise on the screen is positive like this.
        area = (by - ay) * (cx - ax) - (bx - ax) * (cy - ay)
        if area == 0 or (area < 0 and not two_sided[index]):
            continue
        turned = area < 0
        if turned:
            b, c, bx, by, cx, cy, area = c, b, cx, cy, bx, by, -area
        # The first and last samples whose middles lie within the bounding box.
        left = max(0, _first_at_or_after(min(ax, bx, cx)))
        right = min(width - 1, _last_at_or_before(max(ax, bx, cx)))
        top = max(0, _first_at_or_after(min(ay, by, cy)))
        bottom = min(height - 1, _last_at_or_before(max(ay, by, cy)))
        if left > right or top > bottom:
            continue
        # The weight of a corner is the function of the edge opposite to it, over the area.
        a_edge, a_right, a_down = _edge(bx, by, cx, cy, left, top)
        b_edge, b_right, b_down = _edge(cx, cy, ax, ay, left, top)
        c_edge, c_right, c_down = _edge(ax, ay, bx, by, left, top)
        # An edge that does not own the samples on it asks for at least one step inwards.
        a_least = _least(bx, by, cx, cy)
        b_least = _least(cx, cy, ax, ay)
        c_least = _least(ax, ay, bx, by)
        over_area = 1.0 / area
        a_near, b_near = nearness[a] * over_area, nearness[b] * over_area
        c_near = nearness[c] * over_area
        near_first = a_edge * a_near + b_edge * b_near + c_edge * c_near
        near_right = a_right * a_near + b_right * b_near + c_right * c_near
        near_down = a_down * a_near + b_down * b_near + c_down * c_near
        most = float(right - left)
        wide = right - left > _WIDE_PX
        a_inverse = b_inverse = c_inverse = 0.0
        if wide:
            a_inverse, b_inverse, c_inverse = (
                _inverse(a_right),
                _inverse(b_right),
                _inverse(c_right),
            )
        for row in range(top, bottom + 1):
            begin, end = 0, right - left
            if wide:
                first, last = _within(0.0, most, a_edge - a_least, a_inverse)
                first, last = _within(first, last, b_edge - b_least, b_inverse)
                first, last = _within(first, last, c_edge - c_least, c_inverse)
                begin, end = int(np.ceil(first - _ROUNDING)), int(np.floor(last + _ROUNDING))
            near = near_first + begin * near_right
            for along in range(begin, end + 1):
                column = left + along
                if near * depth[row, column] > 1.0:
                    a_weight = a_edge + along * a_right
                    b_weight = b_edge + along * b_right
                    c_weight = c_edge + along * c_right
                    if a_weight >= a_least and b_weight >= b_least and c_weight >= c_least:
                        z = 1.0 / near
                        depth[row, column] = z
                        triangle[row, column] = index
                        if with_weights:
                            barycentric[row, column, 0] = a_weight * a_near * z
                            barycentric[row, column, 2 if turned else 1] = b_weight * b_near * z
                            barycentric[row, column, 1 if turned else 2] = c_weight * c_near * z
                near += near_right
            a_edge += a_down
            b_edge += b_down
            c_edge += c_down
            near_first += near_down


@kernel
def _first_at_or_after(at: int) -> int:
    """The first sample whose middle is not before a place on the grid."""
    return (at + _STEPS_PER_PX // 2 - 1) // _STEPS_PER_PX


@kernel
def _last_at_or_before(at: int) -> int:
    """The last sample whose middle is not after a place on the grid."""
    return (at - _STEPS_PER_PX // 2) // _STEPS_PER_PX


@kernel
def _on_grid(points: Array) -> tuple[Array, Array]:
    """Where points are in steps of the grid, and one over their depth: 0 if they are left out."""
    grid = np.zeros((len(points), 2), np.int64)
    nearness = np.zeros(len(points))
    for index in range(len(points)):
        x, y, z = points[index, 0], points[index, 1], points[index, 2]
        if abs(x) < _LIMIT_PX and abs(y) < _LIMIT_PX and 0 < z < np.inf:
            grid[index, 0] = int(np.rint(x * _STEPS_PER_PX))
            grid[index, 1] = int(np.rint(y * _STEPS_PER_PX))
            nearness[index] = 1.0 / z
    return grid, nearness


@kernel
def _edge(
    from_x: int, from_y: int, to_x: int, to_y: int, column: int, row: int
) -> tuple[int, int, int]:
    """Twice the area an edge spans with a sample, and its change to the next column and row."""
    x = column * _STEPS_PER_PX + _STEPS_PER_PX // 2
    y = row * _STEPS_PER_PX + _STEPS_PER_PX // 2
    along_x, along_y = to_x - from_x, to_y - from_y
    return (
        along_y * (x - from_x) - along_x * (y - from_y),
        along_y * _STEPS_PER_PX,
        -along_x * _STEPS_PER_PX,
    )


@kernel
def _inverse(right: int) -> float:
    return 1.0 / right if right != 0 else 0.0


@kernel
def _within(first: float, last: float, inside: int, inverse: float) -> tuple[float, float]:
    """Narrow a row's columns to those within one edge.

    Args:
        first: The columns so far begin here; column 0 is where `inside` holds.
        last: They end here.
        inside: How far column 0 is within the edge; negative is outside.
        inverse: One over what one column to the right adds; 0 where that is nothing.
    """
    crossed = -inside * inverse
    if inverse > 0:
        return max(first, crossed), last
    if inverse < 0:
        return first, min(last, crossed)
    return first, last


@kernel
def _least(from_x: int, from_y: int, to_x: int, to_y: int) -> int:
    """0 for a left or a top edge, which owns the samples on it, else 1."""
    return 0 if to_y > from_y or (to_y == from_y and to_x < from_x) else 1
