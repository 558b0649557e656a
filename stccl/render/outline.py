"""Edges of the outline and the pixels they part, one picture at a time; see `silhouette`.

A line runs from the middle of a pixel to that of the next one, axis 0 to the right and axis 1
downwards. `edges` (2, H, W, 3) holds for each line the two ends of the edge that crosses it and
whether the surface lies on the side of the line's first pixel (1) or of its second (0).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]

_ROUNDED_PX = 1 / 2048  # twice the rasteriser's grid


@kernel
def find_outline(
    depth: Array,
    points: Array,
    triangles: Array,
    opposite: Array,
    perspective: bool,
    two_sided: bool,
    edges: Array,
) -> None:
    """Write for each line the nearest edge of the outline that crosses it and is not hidden."""
    height, width = depth.shape
    nearest = np.full((2, height, width), np.inf)
    for index in range(len(triangles)):
        for corner in range(3):
            start, end = triangles[index, (corner + 1) % 3], triangles[index, (corner + 2) % 3]
            beyond = opposite[index, corner]
            if beyond >= 0 and start > end:
                continue  # its other triangle has it the other way round
            side = _side(points, start, end, triangles[index, corner])
            if beyond >= 0 and side * _side(points, start, end, beyond) <= 0.0:
                continue
            if not (side < 0.0 or (side > 0.0 and (two_sided or beyond >= 0))):
                continue  # without area, or seen from behind
            across = abs(points[end, 0] - points[start, 0])
            down = abs(points[end, 1] - points[start, 1])
            axis = 0 if across <= down else 1
            other = 1 - axis
            from_ = min(points[start, other], points[end, other])
            to = max(points[start, other], points[end, other])
            # Lines whose pixels' middles lie between the ends.
            first = int(max(np.ceil(from_ - 0.5), 0.0))
            last = int(min(np.ceil(to - 0.5) - 1.0, (height if axis == 0 else width) - 1.0))
            rising = points[end, other] > points[start, other]
            # Whether the surface lies towards the lines' second pixels.
            forward = (side < 0.0) == rising if axis == 0 else (side > 0.0) == rising
            for line in range(first, last + 1):
                share = (line + 0.5 - points[start, other]) / (
                    points[end, other] - points[start, other]
                )
                one, two = points[start, 2], points[end, 2]
                far = one + share * (two - one)
                if perspective:
                    if not (one > 0.0 and two > 0.0):
                        break  # behind the eye
                    far = one * two / (two + share * (one - two))
                at = points[start, axis] + share * (points[end, axis] - points[start, axis])
                place = _first_pixel(depth, axis, line, at - 0.5, far, forward)
                if place < 0:
                    continue
                row, column = (line, place) if axis == 0 else (place, line)
                beside_row, beside_column = row + axis, column + other
                outer = depth[row, column] if forward else depth[beside_row, beside_column]
                inner = depth[beside_row, beside_column] if forward else depth[row, column]
                if far < outer and far < nearest[axis, row, column] and inner < np.inf:
                    nearest[axis, row, column] = far
                    edges[axis, row, column, 0], edges[axis, row, column, 1] = start, end
                    edges[axis, row, column, 2] = 0 if forward else 1


@kernel
def _first_pixel(depth: Array, axis: int, line: int, at: float, far: float, forward: bool) -> int:
    """The first of the two pixels that a crossing parts, by its place; -1 beyond the picture."""
    last = depth.shape[1 - axis] - 1
    place = int(np.floor(at))
    middle = int(np.floor(at + 0.5))
    if abs(at - middle) < _ROUNDED_PX and 0 < middle < last:
        # So close to a pixel's middle the z-buffer, which rounds, may see it on the other side.
        outwards = middle - 1 if forward else middle + 1
        own = depth[line, middle] if axis == 0 else depth[middle, line]
        beside = depth[line, outwards] if axis == 0 else depth[outwards, line]
        covered = abs(own - far) < 0.5 * abs(beside - far)
        place = middle - 1 if covered == forward else middle
    return place if 0 <= place < last else -1


@kernel
def blend(edges: Array, points: Array, image: Array, out: Array) -> None:
    """Write the soft picture; `out` comes as a copy of `image`."""
    for axis in range(2):
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                if edges[axis, row, column, 0] < 0:
                    continue
                part, _ = _crossing(edges, points, axis, row, column)
                inner, outer = _pixels(edges, axis, row, column)
                for k in range(image.shape[2]):
                    step = image[outer[0], outer[1], k] - image[inner[0], inner[1], k]
                    if part < 0.5:
                        out[inner[0], inner[1], k] += (0.5 - part) * step
                    else:
                        out[outer[0], outer[1], k] -= (part - 0.5) * step


@kernel
def blend_backward(
    edges: Array, points: Array, image: Array, given: Array, to_image: Array, to_points: Array
) -> None:
    """Add the gradients; `to_image` comes as a copy of `given`."""
    for axis in range(2):
        other = 1 - axis
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                if edges[axis, row, column, 0] < 0:
                    continue
                start, end = edges[axis, row, column, 0], edges[axis, row, column, 1]
                part, share = _crossing(edges, points, axis, row, column)
                inner, outer = _pixels(edges, axis, row, column)
                taker = inner if part < 0.5 else outer
                by_part = 0.0
                for k in range(image.shape[2]):
                    one = given[taker[0], taker[1], k]
                    moved = (0.5 - part) * one
                    to_image[inner[0], inner[1], k] -= moved
                    to_image[outer[0], outer[1], k] += moved
                    step = image[outer[0], outer[1], k] - image[inner[0], inner[1], k]
                    by_part -= one * step
                by_place = by_part if edges[axis, row, column, 2] == 1 else -by_part
                slope = points[end, axis] - points[start, axis]
                slope /= points[end, other] - points[start, other]
                to_points[start, axis] += by_place * (1.0 - share)
                to_points[end, axis] += by_place * share
                to_points[start, other] -= by_place * (1.0 - share) * slope
                to_points[end, other] -= by_place * share * slope


@kernel
def _side(points: Array, start: int, end: int, third: int) -> float:
    """Twice the area of a triangle on the screen; its sign tells on which side of the edge."""
    ux, uy = points[end, 0] - points[start, 0], points[end, 1] - points[start, 1]
    vx, vy = points[third, 0] - points[start, 0], points[third, 1] - points[start, 1]
    return float(ux * vy - uy * vx)


@kernel
def _crossing(edges: Array, points: Array, axis: int, row: int, column: int) -> tuple[float, float]:
    """How far from the inner pixel to the outer, and how far along the edge, they cross."""
    start, end = edges[axis, row, column, 0], edges[axis, row, column, 1]
    other = 1 - axis
    line, place = (row, column) if axis == 0 else (column, row)
    share = (line + 0.5 - points[start, other]) / (points[end, other] - points[start, other])
    at = points[start, axis] + share * (points[end, axis] - points[start, axis])
    part = at - (place + 0.5)
    return (part if edges[axis, row, column, 2] == 1 else 1.0 - part), share


@kernel
def _pixels(
    edges: Array, axis: int, row: int, column: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Row and column of the inner pixel, then of the outer one."""
    one, two = (row, column), (row + axis, column + 1 - axis)
    return (one, two) if edges[axis, row, column, 2] == 1 else (two, one)
