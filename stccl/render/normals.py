"""Smooth normals of a batch of meshes, differentiable."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.render.batch import array, each_image, indices, like
from stccl.render.jit import kernel

Array = NDArray[Any]

_SHORTEST = 1e-12  # a sum of normals below this (of an area, m²) has no direction


def vertex_normals(vertices: Tensor, triangles: Tensor) -> Tensor:
    r"""Unit normals, the mean of the adjacent triangles' weighted by area.

    .. math:: n_v = \frac{m_v}{\lVert m_v \rVert}, \quad
        m_v = \sum_{(a, b, c) \ni v} (x_b - x_a) \times (x_c - x_a)

    Args:
        vertices: (B, V, 3), x.
        triangles: (F, 3) integers, counter-clockwise seen from outside.

    Returns:
        (B, V, 3), outwards; 0 for a vertex in no triangle of some area. Differentiable.

    >>> corners = torch.tensor([[[0.0, 0, 0], [2, 0, 0], [0, 2, 0]]])
    >>> vertex_normals(corners, torch.tensor([[0, 1, 2]]))[0, 0]
    tensor([0., 0., 1.])
    """
    normals: Tensor = _VertexNormals.apply(vertices, triangles)  # type: ignore[no-untyped-call]
    return normals


class _VertexNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: Tensor, triangles: Tensor) -> Tensor:
        points, corners = array(vertices), indices(triangles)
        normals = np.zeros(points.shape, points.dtype)
        each_image(
            len(points),
            lambda i: _normals(points[i], corners, normals[i]),
        )
        ctx.save_for_backward(vertices, triangles)
        return like(normals, vertices)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        vertices, triangles = ctx.saved_tensors
        points, corners, given = array(vertices), indices(triangles), array(gradients[0])
        to_points = np.zeros(points.shape, points.dtype)
        each_image(
            len(points),
            lambda i: _normals_backward(
                points[i],
                corners,
                given[i],
                to_points[i],
            ),
        )
        return like(to_points, vertices), None


@kernel
def _sums(points: Array, triangles: Array) -> Array:
    """(V, 3) float64: of every vertex the sum of its triangles' normals, twice their areas long."""
    sums = np.zeros((len(points), 3))
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
        uz, vz = points[b, 2] - points[a, 2], points[c, 2] - points[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            sums[corner, 0] += x
            sums[corner, 1] += y
            sums[corner, 2] += z
    return sums


@kernel
def _normals(points: Array, triangles: Array, normals: Array) -> None:
    sums = _sums(points, triangles)
    for vertex in range(len(points)):
        x, y, z = sums[vertex, 0], sums[vertex, 1], sums[vertex, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > _SHORTEST:
            normals[vertex, 0] = x / length
            normals[vertex, 1] = y / length
            normals[vertex, 2] = z / length


@kernel
def _normals_backward(points: Array, triangles: Array, given: Array, to_points: Array) -> None:
    sums = _sums(points, triangles)
    for vertex in range(len(points)):
        x, y, z = sums[vertex, 0], sums[vertex, 1], sums[vertex, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > _SHORTEST:
            x, y, z = x / length, y / length, z / length
            along = x * given[vertex, 0] + y * given[vertex, 1] + z * given[vertex, 2]
            # In place: from here on the gradient to the sum.
            sums[vertex, 0] = (given[vertex, 0] - along * x) / length
            sums[vertex, 1] = (given[vertex, 1] - along * y) / length
            sums[vertex, 2] = (given[vertex, 2] - along * z) / length
        else:
            sums[vertex] = 0.0
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
        uz, vz = points[b, 2] - points[a, 2], points[c, 2] - points[a, 2]
        x = sums[a, 0] + sums[b, 0] + sums[c, 0]
        y = sums[a, 1] + sums[b, 1] + sums[c, 1]
        z = sums[a, 2] + sums[b, 2] + sums[c, 2]
        # g . (u x v) changes with u as v x g does, and with v as g x u.
        by_ux, by_uy, by_uz = vy * z - vz * y, vz * x - vx * z, vx * y - vy * x
        by_vx, by_vy, by_vz = y * uz - z * uy, z * ux - x * uz, x * uy - y * ux
        to_points[b, 0] += by_ux
        to_points[b, 1] += by_uy
        to_points[b, 2] += by_uz
        to_points[c, 0] += by_vx
        to_points[c, 1] += by_vy
        to_points[c, 2] += by_vz
        to_points[a, 0] -= by_ux + by_vx
        to_points[a, 1] -= by_uy + by_vy
        to_points[a, 2] -= by_uz + by_vz
