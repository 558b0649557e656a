"""A face read off the pictures by DECA, frame by frame, as published."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.clip import Clip
from stccl.errors import StageError, StcclError
from stccl.face3d.deca import DECA, DecaCodes
from stccl.face3d.deca_crop import SIDE_PX, crop, crop_matrix
from stccl.face3d.model import FaceCoefficients
from stccl.fit.found import Found
from stccl.fit.models import wrinkle_files
from stccl.fit.read import ClipLandmarks
from stccl.render.camera import Camera
from stccl.tables.frames import FrameReader

Array = NDArray[Any]

_BATCH = 8
_DISTANCE_M = 1000.0
"""From so far away a pinhole sees as DECA's orthographic camera does: a head is 0.2 m deep, so that
places differ by 0.1 per mille of their distance from the middle."""
_NOWHERE_M = 1e9
_LEAST_PX_PER_M = 1.0


def from_pictures(clip: Clip, data: Path, seen: ClipLandmarks) -> Found:
    r"""What DECA's encoders say of every usable frame, cropped about its landmarks.

    Who it is may differ from frame to frame, as published. DECA's camera, with scale s and shift
    :math:`t`, shows the point x of the head, whose rotation about FLAME's root moves it by
    :math:`t_0` more than one about the origin, at

    .. math:: p = a (x + t_0 + t) + p_0

    px of the frame, with :math:`a = 112 s k` and :math:`p_0` from the crop's own scale k and place.
    A pinhole of focal length f at the distance D shows the same where the head is moved to the
    depth :math:`D - f / a`.

    Raises:
        StageError: Where DECA's files are missing or damaged.
    """
    numbers = np.flatnonzero(seen.usable)
    matrices = np.stack([crop_matrix(points - 0.5) for points in seen.points_px[numbers]])
    with FrameReader(data / "frames" / f"{clip.clip}.parquet", "frames") as frames:
        codes, face = _encoded(frames, numbers.tolist(), matrices)
    camera, translation = placed(
        codes.camera.double().numpy(), face.translation.double().numpy(), matrices, seen.size_px
    )
    return Found(
        shape=codes.shape.numpy(),
        expression=codes.expression.numpy(),
        jaw=face.jaw.numpy(),
        rotation=face.rotation.numpy(),
        translation=translation,
        camera=camera,
        light=codes.light.flatten(1).numpy(),
        texture=codes.texture.numpy(),
        detail=codes.detail.numpy() if wrinkle_files() else None,
    )


def _encoded(
    frames: FrameReader, numbers: list[int], matrices: Array
) -> tuple[DecaCodes, FaceCoefficients]:
    """A few frames at a time."""
    deca, device = _deca()
    found = []
    for start in range(0, len(numbers), _BATCH):
        part = slice(start, start + _BATCH)
        pictures = []
        for number, matrix in zip(numbers[part], matrices[part], strict=True):
            frame = frames[number]
            assert frame is not None, number
            pictures.append(crop(frame, matrix))
        with torch.inference_mode():
            codes = deca.encode(torch.from_numpy(np.stack(pictures)).to(device))
            found.append([each.cpu() for each in (*codes, *deca.coefficients(codes))])
    whole = [torch.cat(each) for each in zip(*found, strict=True)]
    count = len(DecaCodes._fields)
    return DecaCodes(*whole[:count]), FaceCoefficients(*whole[count:])


def placed(
    cameras: Array, translation: Array, matrices: Array, size_px: tuple[int, int]
) -> tuple[Camera, Array]:
    """A pinhole and where heads must be for it to see them as DECA does.

    Args:
        cameras: (T, 3) scale and shift, see `stccl.face3d.deca.project`.
        translation: (T, 3) m, of heads that turn about the origin.
        matrices: (T, 2, 3) from frames to DECA's crops.
        size_px: Width and height of the frames.

    Returns:
        The camera, and (T, 3) m. A head that DECA has mirrored or infinitely small is put so far
        away that it is one point, which fits no face.
    """
    half, growth = SIDE_PX / 2, 1 / matrices[:, 0, 0]
    per_metre = half * cameras[:, 0] * growth
    shown = per_metre > _LEAST_PX_PER_M
    safe = np.where(shown, per_metre, 1.0)
    focal_px = _DISTANCE_M * float(np.median(safe[shown])) if shown.any() else _DISTANCE_M
    centre = (size_px[0] / 2, size_px[1] / 2)
    # Crops count from the middle of their first pixel, cameras from the picture's corner.
    origin = (half - 0.5 - matrices[:, :, 2]) * growth[:, None] + 0.5 - centre
    moved = translation.copy()
    moved[:, :2] += cameras[:, 1:] + origin * [1, -1] / safe[:, None]
    moved[:, 2] = np.where(shown, _DISTANCE_M - focal_px / safe, -_NOWHERE_M)
    return Camera(max(size_px), focal_px, _DISTANCE_M, 0.0, centre), moved


@cache
def _deca() -> tuple[DECA, str]:
    """On a GPU where there is one: two ResNet-50 for every frame."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return DECA.from_folder().to(device), device
    except StcclError as error:
        raise StageError(f"fit.model: deca: {error}; `fit.model: head` needs no file") from None
