"""NMFC images: normalised mean-face coordinates, which place of a face is seen where."""

import torch
from torch import Tensor

from stccl.face3d.images.seen import SeenFaces
from stccl.render.differentiable import interpolate


def nmfc_image(faces: SeenFaces) -> Tensor:
    r"""Every place of the surface in a colour of its own, the same for all people and poses.

    .. math:: c_v = \frac{m_v - \min_u m_u}{\max_u m_u - \min_u m_u}

    for the mean face's vertex m_v at rest, by axis: red grows to the image's right, green upwards,
    blue to the front; between vertices as they lie. Source: NED, Section 3.3.

    Args:
        faces: From `see_faces`.

    Returns:
        (B, 3, H, W), 0 to 1; black where no surface is seen from outside. Differentiable by the
        vertices.
    """
    pixels = interpolate(faces.seen, faces.surface.mean_face).movedim(-1, 1)
    return torch.where(faces.facing, pixels, 0)
