"""What vertices carry, one mesh at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]


def vertex_normals(vertices: Array, triangles: Array, twins: Array | None = None) -> Array:
    """Smooth unit normals: the triangles' normals around a vertex, weighted by their areas.

    Args:
        vertices: (V, 3) float.
        triangles: (F, 3) integers, counter-clockwise as seen from outside.
        twins: (V,) integers: for every vertex the first one at its place, so that a seam of the
            texture is no crease; each vertex its own if not given.

    Returns:
        (V, 3) float32; 0 for a vertex in no triangle.

    >>> flat = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    >>> vertex_normals(flat, np.array([[0, 1, 2]]))[0]
    array([0., 0., 1.], dtype=float32)
    """
    normals = np.zeros((len(vertices), 3), np.float32)
    if twins is None:
        twins = np.arange(len(vertices))
    _vertex_normals(
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(triangles, np.int64),
        np.ascontiguousarray(twins, np.int64),
        normals,
    )
    return normals


@kernel
def _vertex_normals(vertices: Array, triangles: Array, twins: Array, normals: Array) -> None:
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        for corner in (twins[a], twins[b], twins[c]):
            normals[corner, 0] += uy * vz - uz * vy
            normals[corner, 1] += uz * vx - ux * vz
            normals[corner, 2] += ux * vy - uy * vx
    for vertex in range(len(normals)):
        if twins[vertex] != vertex:
            continue
        x, y, z = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            normals[vertex, 0], normals[vertex, 1] = x / length, y / length
            normals[vertex, 2] = z / length
    for vertex in range(len(normals)):
        normals[vertex] = normals[twins[vertex]]
