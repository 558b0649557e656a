"""Face masks from geometry."""

import cv2
import numpy as np
import torch
from torch import Tensor

from stccl.face3d.images.seen import SeenFaces
from stccl.render.batch import array, each_image
from stccl.render.differentiable import interpolate


def face_mask(faces: SeenFaces) -> Tensor:
    """Where the face is seen: chin to forehead, ear to ear, an open mouth included.

    Stands for the face segmentation of NED's renderer. Hair and hands before the face are not in
    the model: what they hide is in the mask.

    Args:
        faces: From `see_faces`.

    Returns:
        (B, 1, H, W), 0 or 1, without gradient.
    """
    within = interpolate(faces.seen, faces.surface.within_face[:, None])[..., 0]
    pixels = array(within > 0).astype(np.uint8)

    def fill(image: int) -> None:
        outlines, _ = cv2.findContours(pixels[image], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(pixels[image], outlines, -1, (1,), cv2.FILLED)

    each_image(len(pixels), fill)
    return torch.from_numpy(pixels).to(faces.normals)[:, None]
