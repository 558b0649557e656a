"""Where in its triangle a pixel lies and what is there, one picture at a time, and the way back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]


@kernel
def as_if_perspective(points: Array) -> Array:
    """(V, 3) float64: points with depths whose inverses fall evenly with the given ones.

    An orthographic camera's depths are linear there; the z-buffer interpolates inverses.
    """
    low, high = np.inf, -np.inf
    for index in range(len(points)):
        if np.isfinite(points[index, 2]):
            low, high = min(low, points[index, 2]), max(high, points[index, 2])
    out = np.empty((len(points), 3))
    scale = 1.0 / (high - low) if high > low else 0.0
    for index in range(len(points)):
        out[index, 0], out[index, 1] = points[index, 0], points[index, 1]
        out[index, 2] = np.inf
        if np.isfinite(points[index, 2]):
            out[index, 2] = 1.0 / (1.0 + (high - points[index, 2]) * scale)
    return out


@kernel
def locate(
    triangle: Array,
    points: Array,
    triangles: Array,
    perspective: bool,
    barycentric: Array,
    depth: Array,
) -> None:
    """Write the weights and the depth of every pixel; see `differentiable.rasterize`."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < 0:
                continue
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            weights, z = _place(points[a], points[b], points[c], column, row, perspective)
            if not min(weights) >= 0.0:
                weights = _within(weights)
                z = weights[0] * points[a, 2] + weights[1] * points[b, 2]
                z += weights[2] * points[c, 2]
            depth[row, column] = z
            for corner in range(3):
                barycentric[row, column, corner] = weights[corner]


@kernel
def locate_backward(
    triangle: Array,
    points: Array,
    triangles: Array,
    perspective: bool,
    by_weight: Array,
    by_depth: Array,
    to_points: Array,
) -> None:
    """Add to `to_points` the gradient of weights and depth times what is given for them."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < 0:
                continue
            vertices = (triangles[index, 0], triangles[index, 1], triangles[index, 2])
            a, b, c = points[vertices[0]], points[vertices[1]], points[vertices[2]]
            weights, _ = _place(a, b, c, column, row, perspective)
            if not min(weights) >= 0.0:
                continue
            edges = _edges(a, b, c, column, row)
            area = edges[0] + edges[1] + edges[2]
            far = (a[2], b[2], c[2])
            given = by_depth[row, column]
            mean = 0.0
            for corner in range(3):
                one = by_weight[row, column, corner]
                mean += weights[corner] * (one if perspective else one + given * far[corner])
            parts = edges[0] / far[0] + edges[1] / far[1] + edges[2] / far[2]
            for corner in range(3):
                one, z = by_weight[row, column, corner], far[corner]
                if perspective:
                    by_part = (one - mean) / parts - given * area / (parts * parts)
                    to_points[vertices[corner], 2] -= by_part * edges[corner] / (z * z)
                    by_edge = by_part / z + given / parts
                else:
                    to_points[vertices[corner], 2] += given * weights[corner]
                    by_edge = (one + given * z - mean) / area
                # The edge from the next corner to the last.
                start, end = vertices[(corner + 1) % 3], vertices[(corner + 2) % 3]
                to_points[start, 0] += by_edge * (points[end, 1] - (row + 0.5))
                to_points[start, 1] -= by_edge * (points[end, 0] - (column + 0.5))
                to_points[end, 0] -= by_edge * (points[start, 1] - (row + 0.5))
                to_points[end, 1] += by_edge * (points[start, 0] - (column + 0.5))


@kernel
def mix(
    triangle: Array, barycentric: Array, triangles: Array, attributes: Array, out: Array
) -> None:
    """Write the weighted attributes of the corners."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < 0:
                continue
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            first, second = barycentric[row, column, 0], barycentric[row, column, 1]
            third = barycentric[row, column, 2]
            for k in range(attributes.shape[1]):
                out[row, column, k] = (
                    first * attributes[a, k] + second * attributes[b, k] + third * attributes[c, k]
                )


@kernel
def mix_backward(
    triangle: Array,
    barycentric: Array,
    triangles: Array,
    attributes: Array,
    given: Array,
    to_weights: Array,
    to_attributes: Array,
) -> None:
    """Write the gradient to the weights, add that to the attributes."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < 0:
                continue
            for corner in range(3):
                vertex = triangles[index, corner]
                weight, total = barycentric[row, column, corner], 0.0
                for k in range(attributes.shape[1]):
                    total += given[row, column, k] * attributes[vertex, k]
                    to_attributes[vertex, k] += weight * given[row, column, k]
                to_weights[row, column, corner] = total


@kernel
def _edges(a: Array, b: Array, c: Array, column: int, row: int) -> tuple[float, float, float]:
    """Twice the areas that a pixel's middle spans with the edges opposite to a, b and c."""
    x, y = column + 0.5, row + 0.5
    ax, ay, bx, by, cx, cy = a[0] - x, a[1] - y, b[0] - x, b[1] - y, c[0] - x, c[1] - y
    return bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx


@kernel
def _place(
    a: Array, b: Array, c: Array, column: int, row: int, perspective: bool
) -> tuple[tuple[float, float, float], float]:
    """Weights of the corners and depth in a pixel's middle."""
    first, second, third = _edges(a, b, c, column, row)
    area = first + second + third
    if perspective:
        first, second, third = first / a[2], second / b[2], third / c[2]
        total = first + second + third
        return (first / total, second / total, third / total), area / total
    first, second, third = first / area, second / area, third / area
    return (first, second, third), first * a[2] + second * b[2] + third * c[2]


@kernel
def _within(weights: tuple[float, float, float]) -> tuple[float, float, float]:
    """The nearest weights that are none of a place outside; of a triangle without area, even."""
    first = min(max(weights[0], 0.0), 1.0)
    second = min(max(weights[1], 0.0), 1.0)
    third = min(max(weights[2], 0.0), 1.0)
    total = first + second + third
    if not total > 0.0:
        return 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0
    return first / total, second / total, third / total
