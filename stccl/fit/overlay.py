"""The fitted mesh drawn over the face it was fitted to."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.face3d.images.mask import face_mask
from stccl.face3d.images.seen import see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import FaceSurface, face_surface
from stccl.fit.fitted import Fitted, read_fitted
from stccl.fit.models import face_model
from stccl.render.view import Cropped, Pinhole
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image

Array = NDArray[Any]

_COLOUR = np.array([120.0, 205.0, 255.0])
_MESH_SHARE = 0.62
_LIGHTEST = 0.7  # of what a shape image shows of a face


def read_face(data: Path, clip: str, frame: int) -> Fitted | None:
    """The fit of one frame; None where there is none."""
    fitted = read_fitted(data, clip)
    places = np.flatnonzero(fitted.frames == frame).tolist()
    return fitted.part(places[0], places[0] + 1) if places else None


def crop_with_mesh(data: Path, clip: str, frame: int) -> tuple[Image, Image] | None:
    """The aligned crop of a frame, bare and with the mesh; None without a fit."""
    face = read_face(data, clip, frame)
    if face is None:
        return None
    aligned = data / "aligned" / f"{clip}.parquet"
    matrix = read_table(aligned, "aligned", ["matrix"])["matrix"][frame].as_py()
    with FrameReader(aligned, "aligned") as crops:
        crop = crops[frame]
    assert crop is not None, (clip, frame)
    return crop, overlay(crop, face, np.reshape(matrix, (2, 3)))


def overlay(picture: Image, face: Fitted, matrix: Array) -> Image:
    """The picture with the lit mesh half transparent on it.

    Args:
        picture: (H, W, 3), a frame or a crop of it.
        face: What is shown: one frame.
        matrix: (2, 3) from pixels of the frame to those of the picture, whole numbers in the middle
            of a pixel, as in the `aligned` table.
    """
    model = face_model(face.model)
    surface = _surface(face.model)
    view = Cropped(Pinhole(face.camera), torch.from_numpy(np.asarray(matrix, np.float32)))
    with torch.no_grad():
        vertices = model.vertices(face.coefficients)
        faces = see_faces(surface, vertices, view, picture.shape[:2])
        light = shape_image(faces)[0].movedim(0, -1).numpy()
        shown = (face_mask(faces) * faces.facing)[0, 0, ..., None].numpy()
    seen = _MESH_SHARE * shown
    mixed = (1 - seen) * picture + seen * light / _LIGHTEST * _COLOUR
    return np.asarray(mixed.round().clip(0, 255), np.uint8)


@cache
def _surface(model: str) -> FaceSurface:
    return face_surface(face_model(model))
