"""DECA's wrinkles, as normals of the pixels in which they are seen."""

import torch
from torch import Tensor
from torch.nn import functional

from stccl.face3d.images.seen import SeenFaces
from stccl.face3d.texture_files import SIDE, TextureLayout
from stccl.render.differentiable import interpolate, rasterize
from stccl.render.normals import vertex_normals

_MARGIN_X, _MARGIN_Y = 2, 5
"""Texels at the borders that belong to no dense triangle, as DECA has it."""


def detail_map(layout: TextureLayout, vertices: Tensor, displacement: Tensor) -> Tensor:
    r"""Normals of the displaced surface over the texture.

    .. math:: x'_t = x_t + (m_t d_t + f_t)\, n_t

    for the texel t that shows the place x of the surface and its normal n, with the decoder's
    displacement d, its mask m and the fixed displacement f; the result are the normals of the
    dense mesh whose vertices are the x'. As in NED's copy of DECA, what lies outside the mask is
    from that mesh, too. Source: Feng et al., "Learning an animatable detailed 3D face model"
    (SIGGRAPH 2021), Section 4.2, Eq. 9; the arithmetic of the published code.

    Args:
        layout: Of the mesh.
        vertices: (B, V, 3) m.
        displacement: (B, 1, 256, 256) m, from `DetailDecoder`.

    Returns:
        (B, 3, 256, 256) unit normals, row 0 at v = 1; 0 at the border and where there is no
        surface. Differentiable by vertices and displacement.
    """
    flat = layout.corners.reshape(-1, 2)
    places = torch.stack((flat[:, 0] * SIDE, (1 - flat[:, 1]) * SIDE, torch.ones_like(flat[:, 0])))
    own = torch.arange(len(flat), device=flat.device).view(-1, 3)
    drawn = rasterize(places.T[None], own, (SIDE, SIDE), perspective=False, two_sided=True)
    batch = len(vertices)
    texels = drawn._replace(
        triangle=drawn.triangle.expand(batch, -1, -1),
        barycentric=drawn.barycentric.expand(batch, -1, -1, -1),
        triangles=layout.triangles,
    )
    normals = vertex_normals(vertices, layout.triangles)
    found = interpolate(texels, torch.cat((vertices, normals), -1))
    height = displacement[:, 0] * layout.mask.to(vertices) + layout.fixed.to(vertices)
    dense = found[..., :3] + height[..., None] * found[..., 3:]
    bent = vertex_normals(dense.flatten(1, 2), _dense_triangles().to(vertices.device))
    return bent.view(batch, SIDE, SIDE, 3).movedim(-1, 1)


def detail_normals(faces: SeenFaces, layout: TextureLayout, normals: Tensor) -> Tensor:
    """Normals over the texture, brought to where they are seen, for `shape_image`.

    Args:
        faces: From `see_faces`, of the mesh of the layout.
        layout: Of the mesh.
        normals: (B, 3, 256, 256) from `detail_map`.

    Returns:
        (B, 3, H, W), straight between texels and therefore a little short where it bends; 0 where
        nothing is seen. Differentiable.
    """
    flat = layout.corners.reshape(-1, 2).to(faces.normals)
    own = torch.arange(len(flat), device=flat.device).view(-1, 3)
    u, v = interpolate(faces.seen._replace(triangles=own), flat).unbind(-1)
    grid = torch.stack((2 * u - 1, 1 - 2 * v), -1)
    found = functional.grid_sample(normals.to(grid), grid, align_corners=False)
    return torch.where(faces.seen.triangle[:, None] >= 0, found, 0)


def _dense_triangles() -> Tensor:
    """Two triangles between four neighbouring texels, counter-clockwise with v up."""
    rows = torch.arange(_MARGIN_Y, SIDE - 1 - _MARGIN_Y)[:, None]
    first = (rows * SIDE + torch.arange(_MARGIN_X, SIDE - 1 - _MARGIN_X)).flatten()
    right, below, across = first + 1, first + SIDE, first + SIDE + 1
    return torch.stack((first, below, right, right, below, across), -1).view(-1, 3)
