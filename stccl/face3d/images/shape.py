"""Shape images: the face in gray under five lamps."""

import torch
from torch import Tensor
from torch.nn import functional

from stccl.face3d.images.seen import SeenFaces
from stccl.render.lamps import lamp_light

_ALBEDO = 180 / 255
_STRENGTH = 1.7
_TOWARDS = ((-1.0, 1, 1), (1, 1, 1), (-1, -1, 1), (1, -1, 1), (0, 0, 1))
"""Of DECA's lamps: x to the image's right, y up, z to the camera."""


def shape_image(faces: SeenFaces, normals: Tensor | None = None) -> Tensor:
    r"""How the surface is bent, whatever its colour.

    .. math:: I = \frac{180}{255} \cdot \frac{1.7}{5} \sum_{i=1}^5 \min(1, \max(0, n \cdot l_i))

    with the normal n and the unit directions :math:`l_i` to lamps in the four corners and in the
    middle. Black where no surface is seen from outside. Source: DECA's rendering of shapes, as
    NED uses it.

    Args:
        faces: From `see_faces`.
        normals: (B, 3, H, W) to be lit instead of the faces' own: DECA's details, from
            `details.detail_normals`.

    Returns:
        (B, 3, H, W), three times the same, 0 to 0.8. Differentiable by the vertices.
    """
    normals = faces.normals if normals is None else normals
    lamps = functional.normalize(normals.new_tensor(_TOWARDS), dim=1)
    light = lamp_light(normals.movedim(1, -1), lamps)[:, None]
    gray = _ALBEDO * _STRENGTH * torch.where(faces.facing, light, 0)
    return gray.expand(-1, 3, -1, -1)
