"""What the renderer is told of a face, drawn in the face crop."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from stccl.face3d.images.gaze import gaze_image
from stccl.face3d.images.mask import face_mask
from stccl.face3d.images.nmfc import nmfc_image
from stccl.face3d.images.seen import see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import FaceSurface, face_surface
from stccl.face3d.model import FaceCoefficients
from stccl.fit.models import face_model, wrinkles
from stccl.render.view import Cropped, Pinhole
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.track import FaceTrack

_DRAWN_TOGETHER = 32
"""Frames; more would need more memory and be no faster."""


class Drawn(NamedTuple):
    """N frames, as they are kept."""

    images: Tensor
    """(N, 6, H, W) uint8: NMFC 3, red of the gaze, gray of the shape, mask."""
    landmarks_px: Tensor
    """(N, 68, 2) of the model, whole numbers in a pixel's middle."""


def draw(
    track: FaceTrack,
    config: RendererConfig,
    coefficients: FaceCoefficients | None = None,
) -> Drawn:
    """The conditions of a track, or of the same face with another expression.

    The mesh is drawn straight into the crop at the size wanted; nothing is sampled twice.

    Args:
        track: Where the face is, and how it was filmed.
        config: Of the renderer: size of the images, and what of the crop they show.
        coefficients: What is drawn, of as many frames; the track's own without them.
    """
    parts = []
    for start in range(0, len(track.frames), _DRAWN_TOGETHER):
        stop = start + _DRAWN_TOGETHER
        part = track.part(start, stop)
        shown = part.coefficients
        if coefficients is not None:
            shown = FaceCoefficients(*(values[start:stop] for values in coefficients))
        parts.append(_draw(part, shown, config))
    return Drawn(*(torch.cat(each) for each in zip(*parts, strict=True)))


def covering(shown: Drawn, filmed: Drawn) -> Drawn:
    """With a mask of the face as it is and as it was.

    Where the chin was before, something has to be shown.
    """
    images = shown.images.clone()
    images[:, -1] = torch.maximum(images[:, -1], filmed.images[:, -1])
    return shown._replace(images=images)


def conditions(images: Tensor) -> Tensor:
    """The renderer's ten channels of images as `draw` keeps them.

    Args:
        images: (…, 6, H, W) uint8 as from `draw`, or float in [0, 1].

    Returns:
        (…, 10, H, W) float in [0, 1]: NMFC 3, gaze 3, shape 3, mask 1.

    >>> images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1) * 51
    >>> [round(value, 1) for value in conditions(images).flatten().tolist()]
    [0.0, 0.2, 0.4, 0.6, 0.0, 0.0, 0.8, 0.8, 0.8, 1.0]
    """
    if images.dtype == torch.uint8:
        images = images.float() / 255
    nmfc, red, gray, mask = torch.split(images, [3, 1, 1, 1], -3)
    zero = torch.zeros_like(red)
    return torch.cat((nmfc, red, zero, zero, gray, gray, gray, mask), -3)


@torch.no_grad()
def _draw(track: FaceTrack, shown: FaceCoefficients, config: RendererConfig) -> Drawn:
    model = face_model(track.model)
    surface = _surface(track.model)
    size = config.picture_px
    view = Cropped(Pinhole(track.camera), to_pictures(track, config).float())
    vertices = model.vertices(shown)
    faces = see_faces(surface, vertices, view, size)
    points = torch.cat((model.landmarks(vertices), model.pupils(vertices)), 1)
    points_px = view.project(points)[..., :2] - 0.5
    gaze = gaze_image(points_px[:, 68:], points_px[:, 36:48], size)
    normals = None
    if track.detail is not None:
        normals = wrinkles().normals(faces, vertices, shown, track.detail)
    shape = shape_image(faces, normals)[:, :1]
    images = torch.cat((nmfc_image(faces), gaze[:, :1], shape, face_mask(faces)), 1)
    return Drawn((images * 255).round().to(torch.uint8), points_px[:, :68])


def to_pictures(track: FaceTrack, config: RendererConfig) -> Tensor:
    """Maps from frames to the renderer's pictures: s (x + 1/2) - 1/2 - corner after the crop's.

    Returns:
        (N, 2, 3); whole numbers are pixel centres.
    """
    scale = config.size_px / track.crop_px
    matrices = track.matrices * scale
    matrices[..., 2] += (scale - 1) / 2 - torch.tensor(config.corner_px)
    return matrices


@cache
def _surface(model: str) -> FaceSurface:
    return face_surface(face_model(model))
