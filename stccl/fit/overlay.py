"""The fitted mesh drawn over the face it was fitted to."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.face3d.model import FaceCoefficients
from stccl.fit.models import face_model
from stccl.render.camera import Camera
from stccl.render.mesh import interpolate, vertex_normals
from stccl.render.raster import rasterize
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_provenance, read_table
from stccl.tables.png import Image

Array = NDArray[Any]

_COLOUR = np.array([120.0, 205.0, 255.0])
_MESH_SHARE = 0.62
_LIGHT = np.array([0.25, 0.35, 0.9])
_REACH = 1.25
"""How far from their middle, beside the furthest landmark, a vertex still belongs to the face."""
_BELOW_CHIN = -0.06
"""How far below the chin, beside the way up to the bridge of the nose."""
_CHIN, _BRIDGE = 8, 27


class Face(NamedTuple):
    """A row of `faces3d`: a batch of one."""

    model: str
    coefficients: FaceCoefficients
    camera: Camera


def read_face(data: Path, clip: str, frame: int) -> Face | None:
    """The fit of one frame; None where there is none."""
    path = data / "faces3d" / f"{clip}.parquet"
    row = read_table(path, "faces3d").slice(frame, 1).to_pylist()[0]
    if row["shape"] is None:
        return None
    parts = {name: torch.tensor([row[name]]) for name in FaceCoefficients._fields}
    parts["eyes"] = parts["eyes"].view(1, 2, 3)
    x, y = row["centre_px"]
    camera = Camera(round(2 * max(x, y)), row["focal_px"], row["distance_m"], 0.0, (x, y))
    model = (read_provenance(path) or {})["params"]["model"]
    return Face(model, FaceCoefficients(**parts), camera)


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


def overlay(picture: Image, face: Face, matrix: Array) -> Image:
    """The picture with the lit mesh half transparent on it.

    Args:
        picture: (H, W, 3), a frame or a crop of it.
        face: What is shown.
        matrix: (2, 3) from pixels of the frame to those of the picture, whole numbers in the middle
            of a pixel, as in the `aligned` table.
    """
    model = face_model(face.model)
    with torch.inference_mode():
        vertices = model.vertices(face.coefficients)
        landmarks = model.landmarks(vertices)[0].numpy()
    points = vertices[0].numpy().astype(np.float64)
    triangles = _of_the_face(points, model.triangles.numpy(), landmarks)
    shown = face.camera.project(points)
    shown[:, :2] = (shown[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    fragments = rasterize(shown, triangles, picture.shape[:2])
    normals = interpolate(fragments, triangles, vertex_normals(points, triangles))
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)[..., None]
    seen = _MESH_SHARE * (fragments.triangle >= 0)[..., None]
    mixed = (1 - seen) * picture + seen * (0.25 + 0.75 * light) * _COLOUR
    return np.asarray(mixed.round().clip(0, 255), np.uint8)


def _of_the_face(points: Array, triangles: Array, landmarks: Array) -> Array:
    """The triangles of the face, without neck and back of the head."""
    middle = landmarks.mean(0)
    reach = np.linalg.norm(landmarks - middle, axis=1).max()
    up = landmarks[_BRIDGE] - landmarks[_CHIN]
    above = (points - landmarks[_CHIN]) @ up / (up @ up)
    near = np.linalg.norm(points - middle, axis=1) < _REACH * reach
    face: Array = triangles[(near & (above > _BELOW_CHIN))[triangles].all(1)]
    return face
