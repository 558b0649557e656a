"""Soft outlines: how much of a pixel a surface covers, with gradients to where its outline lies.

In the spirit of Laine et al., "Modular primitives for high-performance differentiable rendering"
(ACM TOG 39(6), 2020, Section 3.6), where the triangle seen in a pixel is asked for its edges. On
meshes finer than the pixels the outline belongs to other triangles, so here every edge of the
outline looks for the pixels that it parts.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.render.batch import array, each_image, indices, like
from stccl.render.differentiable import Seen
from stccl.render.outline import blend, blend_backward, find_outline

Array = NDArray[Any]


def opposite_corners(triangles: Tensor) -> Tensor:
    """Across every edge, the third corner of the triangle on its other side.

    Args:
        triangles: (F, 3) integers.

    Returns:
        (F, 3) int64: column k belongs to the edge opposite to corner k; -1 where the surface ends.

    >>> opposite_corners(torch.tensor([[0, 1, 2], [2, 1, 3]]))
    tensor([[ 3, -1, -1],
            [-1, -1,  0]])
    """
    corners = indices(triangles)
    count = len(corners)
    ends = np.concatenate([np.sort(corners[:, sides], 1) for sides in ([1, 2], [2, 0], [0, 1])])
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    same = (ends[order[1:]] == ends[order[:-1]]).all(1)
    first, second = order[:-1][same], order[1:][same]
    opposite = np.full(3 * count, -1)
    apex = corners.T.ravel()
    opposite[first], opposite[second] = apex[second], apex[first]
    return torch.from_numpy(np.ascontiguousarray(opposite.reshape(3, count).T))


def antialias(image: Tensor, seen: Seen, opposite: Tensor) -> Tensor:
    r"""Pixels on an outline take the part of their neighbour's colour that the outline gives it.

    An outline is an edge where the surface ends or folds over as seen from the camera. Where one
    that nothing hides crosses the line between the middles of two pixels next to each other, along
    the axis it is steeper to, at a part :math:`\alpha` of the way from the pixel on its surface's
    side (colour c) to the other (colour d):

    .. math:: c' = c + (\tfrac12 - \alpha)(d - c) \text{ if } \alpha < \tfrac12, \quad
        d' = d + (\alpha - \tfrac12)(c - d) \text{ otherwise}

    so a straight outline makes every pixel the mean of its colours by area, and the picture is a
    continuous function of the corners. Where two outlines cross one line the nearer one counts.

    Args:
        image: (B, H, W, C), one colour for each pixel.
        seen: From `rasterize`, what the image was made from.
        opposite: (F, 3), of its triangles, from `opposite_corners`.

    Returns:
        (B, H, W, C). Differentiable by the image and by x and y of the points.
    """
    soft: Tensor = _Antialias.apply(image, seen.points_px, seen, opposite)  # type: ignore[no-untyped-call]
    return soft


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, points_px: Tensor, seen: Seen, opposite: Tensor) -> Tensor:
        colours, points, far = array(image), array(points_px), array(seen.depth)
        corners, across = indices(seen.triangles), indices(opposite)
        out = colours.copy()
        edges = np.full((len(points), 2, *far.shape[1:], 3), -1, np.int32)

        def draw(i: int) -> None:
            find_outline(
                far[i], points[i], corners, across, seen.perspective, seen.two_sided, edges[i]
            )
            blend(edges[i], points[i], colours[i], out[i])

        each_image(len(points), draw)
        ctx.save_for_backward(image, points_px)
        ctx.edges = edges
        return like(out, image)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        image, points_px = ctx.saved_tensors
        colours, points, given = array(image), array(points_px), array(gradients[0])
        to_image, to_points = given.copy(), np.zeros(points.shape, points.dtype)
        each_image(
            len(points),
            lambda i: blend_backward(
                ctx.edges[i], points[i], colours[i], given[i], to_image[i], to_points[i]
            ),
        )
        return like(to_image, image), like(to_points, points_px), None, None
