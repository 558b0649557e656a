"""A batch of faces as a camera sees them, from which the images of their geometry are made."""

from typing import NamedTuple

import torch
from torch import Tensor

from stccl.face3d.images.surface import FaceSurface
from stccl.render.differentiable import Seen, interpolate, rasterize
from stccl.render.normals import vertex_normals
from stccl.render.silhouette import antialias
from stccl.render.view import View

_LEAST_FACING = -0.15
"""Cosine to the camera above which NED counts a surface as turned towards it."""


class SeenFaces(NamedTuple):
    """What is seen of B faces."""

    surface: FaceSurface
    seen: Seen
    """Triangle, place in it and depth in every pixel."""
    normals: Tensor
    """(B, 3, H, W) between the vertices' unit normals; 0 where nothing is seen. Differentiable."""
    facing: Tensor
    """(B, 1, H, W) bool: a surface is seen, and from outside. Elsewhere images are black."""

    def soften(self, image: Tensor) -> Tensor:
        """An image (B, C, H, W) of these faces with soft outlines; see `silhouette.antialias`.

        With it gradients reach the vertices through the outlines, too. Renderers are given the
        images as they are.
        """
        pixels = antialias(image.movedim(1, -1), self.seen, self.surface.opposite)
        return pixels.movedim(-1, 1)


def see_faces(
    surface: FaceSurface, vertices: Tensor, view: View, size: tuple[int, int]
) -> SeenFaces:
    """Draw faces.

    Args:
        surface: Of the model.
        vertices: (B, V, 3) from the model, m.
        view: The camera; `Cropped` by the crop's matrix for pictures aligned with the face crop.
        size: Height and width of the pictures, px.
    """
    # Drawn from behind as well: through an open mouth the head's inside hides what is behind it.
    seen = rasterize(
        view.project(vertices),
        surface.triangles,
        size,
        perspective=view.perspective,
        two_sided=True,
    )
    normals = vertex_normals(vertices, surface.triangles)
    with torch.no_grad():
        cosine = (normals * view.towards(vertices)).sum(-1, keepdim=True)
        facing = interpolate(seen, cosine - _LEAST_FACING) > 0  # 0 where nothing is seen
    pixels = interpolate(seen, normals)
    return SeenFaces(surface, seen, pixels.movedim(-1, 1), facing.movedim(-1, 1))
