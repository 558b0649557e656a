"""What a camera sees of a batch of meshes, with exact gradients to vertices and attributes.

Which triangle is seen in a pixel is found without gradient (`raster`); where in it, how far away
and with which attributes follows from its corners, and so do the gradients. They leave out that
one surface comes into a pixel where another one was: put `silhouette.antialias` behind it for
that. Loops run on the CPU; tensors of other devices are fetched and brought back.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.render import raster
from stccl.render.barycentric import (
    as_if_perspective,
    locate,
    locate_backward,
    mix,
    mix_backward,
)
from stccl.render.batch import array, each_image, indices, like

Array = NDArray[Any]


class Seen(NamedTuple):
    """What is seen in every pixel of B pictures, and what they were drawn from."""

    triangle: Tensor
    """(B, H, W) int32, number of the triangle; -1 where there is none."""
    barycentric: Tensor
    """(B, H, W, 3), weights of its corners, sum 1; 0 where there is none. Differentiable."""
    depth: Tensor
    """(B, H, W), infinite where there is nothing. Differentiable."""
    points_px: Tensor
    """(B, V, 3)."""
    triangles: Tensor
    """(F, 3)."""
    perspective: bool
    two_sided: bool


def rasterize(
    points_px: Tensor,
    triangles: Tensor,
    size: tuple[int, int],
    *,
    perspective: bool,
    two_sided: bool = False,
) -> Seen:
    r"""The triangles seen in the middle of every pixel, and where in them.

    With e_k the area that the pixel's middle spans with the edge opposite to corner k, and z_k the
    corners' depths:

    .. math:: b_k = \frac{e_k / z_k}{\sum_j e_j / z_j}, \quad
        z = \frac{\sum_j e_j}{\sum_j e_j / z_j}

    for a pinhole camera; without perspective all z_k of b_k are 1 and :math:`z = \sum_k b_k z_k`.
    What is seen is decided with corners rounded to 1/4096 px, so a weight may fall short of 0 by
    that; it is then 0, and the pixel has no gradient to positions.

    Args:
        points_px: (B, V, 3) x to the right and y down, the picture's corner at 0 and the middle of
            its first pixel at 0.5; depth, larger is further. Triangles with a corner over 16384 px
            away are left out, with perspective also those with one at depth 0 or less.
        triangles: (F, 3) integers, corners counter-clockwise as seen from the front.
        size: Height and width of the pictures, px.
        perspective: Whether `points_px` come from a pinhole camera, or from an orthographic one.
        two_sided: Whether triangles are seen from behind as well.

    >>> corners = torch.tensor([[[0.0, 0, 1], [0, 4, 1], [4, 0, 3]]])
    >>> seen = rasterize(corners, torch.tensor([[0, 1, 2]]), (4, 4), perspective=False)
    >>> seen.depth[0, 0]
    tensor([1.2500, 1.7500, 2.2500,    inf])
    """
    found = _Rasterize.apply(points_px, triangles, size, perspective, two_sided)  # type: ignore[no-untyped-call]
    triangle, barycentric, depth = found
    return Seen(triangle, barycentric, depth, points_px, triangles, perspective, two_sided)


def interpolate(seen: Seen, attributes: Tensor) -> Tensor:
    """Attributes of the vertices in every pixel: sum_k b_k a_k over a triangle's corners k.

    Args:
        seen: From `rasterize`.
        attributes: (B, V, A), or (V, A) for the same in all pictures.

    Returns:
        (B, H, W, A); 0 where nothing is seen. Differentiable by weights and attributes.
    """
    attributes = attributes.expand(len(seen.triangle), -1, -1).to(seen.barycentric.dtype)
    values: Tensor = _Interpolate.apply(seen.triangle, seen.barycentric, seen.triangles, attributes)  # type: ignore[no-untyped-call]
    return values


def visible_vertices(seen: Seen, tolerance: float) -> Tensor:
    """Which vertices nothing hides: not all of the four pixels around them show something nearer.

    Args:
        seen: From `rasterize`.
        tolerance: How far behind what is seen a vertex may lie, in the unit of depth.

    Returns:
        (B, V) bool; False beyond the picture. Vertices on the far side within a pixel of the
        outline count as visible.
    """
    height, width = seen.depth.shape[1:]
    places = seen.points_px[..., :2].detach()
    inside = ((places >= 0) & (places < places.new_tensor([width, height]))).all(-1)
    first = torch.where(inside[..., None], (places - 0.5).floor(), 0).long()
    furthest = torch.stack(
        [
            seen.depth.flatten(1).gather(
                1,
                (first[..., 1] + down).clamp(0, height - 1) * width
                + (first[..., 0] + right).clamp(0, width - 1),
            )
            for down in (0, 1)
            for right in (0, 1)
        ]
    ).amax(0)
    return inside & (seen.points_px[..., 2] - furthest <= tolerance)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        points_px: Tensor,
        triangles: Tensor,
        size: tuple[int, int],
        perspective: bool,
        two_sided: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        points, corners = array(points_px), indices(triangles)
        sides = np.full(len(corners), two_sided)
        triangle = np.empty((len(points), *size), np.int32)
        barycentric = np.zeros((*triangle.shape, 3), points.dtype)
        depth = np.full(triangle.shape, np.inf, points.dtype)

        def draw(image: int) -> None:
            own = points[image]
            screen = own if perspective else as_if_perspective(own)
            triangle[image] = raster.nearest(screen, corners, size, sides)[0]
            locate(triangle[image], own, corners, perspective, barycentric[image], depth[image])

        each_image(len(points), draw)
        seen = torch.from_numpy(triangle).to(points_px.device)
        ctx.save_for_backward(points_px, triangles, seen)
        ctx.perspective = perspective
        ctx.mark_non_differentiable(seen)
        return seen, like(barycentric, points_px), like(depth, points_px)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        points_px, triangles, seen = ctx.saved_tensors
        points, corners, triangle = array(points_px), indices(triangles), array(seen)
        by_weight, by_depth = array(gradients[1]), array(gradients[2])
        to_points = np.zeros(points.shape, points.dtype)
        each_image(
            len(points),
            lambda i: locate_backward(
                triangle[i],
                points[i],
                corners,
                ctx.perspective,
                by_weight[i],
                by_depth[i],
                to_points[i],
            ),
        )
        return like(to_points, points_px), None, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, triangle: Tensor, barycentric: Tensor, triangles: Tensor, attributes: Tensor
    ) -> Tensor:
        ctx.save_for_backward(triangle, barycentric, triangles, attributes)
        corners, values = indices(triangles), array(attributes)
        seen, weights = array(triangle), array(barycentric)
        out = np.zeros((*seen.shape, values.shape[2]), values.dtype)
        each_image(
            len(seen),
            lambda i: mix(
                seen[i],
                weights[i],
                corners,
                values[i],
                out[i],
            ),
        )
        return like(out, attributes)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None, Tensor]:
        triangle, barycentric, triangles, attributes = ctx.saved_tensors
        corners, values, given = indices(triangles), array(attributes), array(gradients[0])
        seen, weights = array(triangle), array(barycentric)
        to_weights = np.zeros(weights.shape, weights.dtype)
        to_values = np.zeros(values.shape, values.dtype)
        each_image(
            len(seen),
            lambda i: mix_backward(
                seen[i],
                weights[i],
                corners,
                values[i],
                given[i],
                to_weights[i],
                to_values[i],
            ),
        )
        return None, like(to_weights, barycentric), None, like(to_values, attributes)
