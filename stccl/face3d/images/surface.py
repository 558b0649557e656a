"""What of a face model the images show, worked out once."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from stccl.face3d.model import FaceModel
from stccl.render.silhouette import opposite_corners

_JAW = slice(0, 17)
_BROWS_INSIDE = (21, 22)
_NOSE_BASE = 33
_FOREHEAD = 0.6
"""Of the height from the nose's base to the brows, how much of the forehead is face."""


class FaceSurface(NamedTuple):
    """The outer surface of a face model: F triangles between its V vertices."""

    triangles: Tensor
    """(F, 3) int64."""
    opposite: Tensor
    """(F, 3) int64, see `opposite_corners`."""
    mean_face: Tensor
    """(V, 3) normalised coordinates of the template; see `nmfc`."""
    within_face: Tensor
    """(V,) m: how far inside the face, from chin to forehead and ear to ear; negative outside."""


def face_surface(model: FaceModel) -> FaceSurface:
    """What the images show of a model.

    The mean face's coordinates are its template's, stretched along each axis so that the surface
    just fills 0 to 1. The face is what lies, at rest and seen from the front, within the jaw line
    and an arch over the forehead, and not behind the ends of the jaw line at the ears. Hair begins
    about as high above the brows as the nose's base is below them (the upper and the middle third
    of a face are alike: Farkas, "Anthropometry of the head and face", 1994). The arch stays lower:
    what the brows move is below it, and hair over the forehead, which no face model has, above.
    """
    triangles, template = model.surface_triangles, model.template
    shown = template[triangles.flatten()]
    low, high = shown.amin(0), shown.amax(0)
    landmarks = model.landmarks(template[None])[0].cpu().numpy()
    points = template.double().cpu().numpy()
    outline = _outline(landmarks).astype(np.float32)
    within = [cv2.pointPolygonTest(outline, (x, y), measureDist=True) for x, y, _ in points]
    before = points[:, 2] - landmarks[[0, 16], 2].mean()
    return FaceSurface(
        triangles,
        opposite_corners(triangles).to(triangles.device),
        ((template - low) / (high - low)).clamp(0, 1),
        torch.from_numpy(np.minimum(within, before)).to(template),
    )


def _outline(landmarks: np.ndarray) -> np.ndarray:
    """(N, 2): along the jaw from ear to ear, back over the forehead on half an ellipse."""
    jaw = landmarks[_JAW, :2]
    middle, reach = (jaw[0] + jaw[-1]) / 2, (jaw[-1] - jaw[0]) / 2
    brows = landmarks[_BROWS_INSIDE, 1].mean()
    height = brows + _FOREHEAD * (brows - landmarks[_NOSE_BASE, 1]) - middle[1]
    angle = np.linspace(0, np.pi, 33)[1:-1, None]
    arch = middle + np.cos(angle) * reach + np.sin(angle) * [0, height]
    return np.concatenate([jaw, arch])
