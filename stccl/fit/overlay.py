"""The fitted mesh drawn over the face it was fitted to."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.face3d.model import FaceCoefficients, FaceModel
from stccl.render.camera import Camera
from stccl.render.mesh import interpolate, vertex_normals
from stccl.render.raster import rasterize
from stccl.tables.io import read_provenance, read_table
from stccl.tables.png import Image

Array = NDArray[Any]

_COLOUR = np.array([120.0, 205.0, 255.0])
_MESH_SHARE = 0.62
_LIGHT = np.array([0.25, 0.35, 0.9])
_FACE_RADIUS = 1.25
"""The mesh is shown within this many times the landmarks' greatest distance from their middle: the
face, without the back of the head that hair hides."""


def read_face(data: Path, clip: str, frame: int) -> tuple[str, FaceCoefficients, Camera] | None:
    """The model's name, coefficients (a batch of one) and camera of a frame; None without a fit."""
    path = data / "faces3d" / f"{clip}.parquet"
    row = read_table(path, "faces3d").slice(frame, 1).to_pylist()[0]
    if row["shape"] is None:
        return None
    parts = {name: torch.tensor([row[name]]) for name in FaceCoefficients._fields}
    parts["eyes"] = parts["eyes"].view(1, 2, 3)
    x, y = row["centre_px"]
    camera = Camera(round(2 * max(x, y)), row["focal_px"], row["distance_m"], 0.0, (x, y))
    provenance = read_provenance(path) or {}
    return provenance["params"]["model"], FaceCoefficients(**parts), camera


def overlay(
    picture: Image, model: FaceModel, face: FaceCoefficients, camera: Camera, matrix: Array
) -> Image:
    """The picture with the lit mesh half transparent on it.

    Args:
        picture: (H, W, 3), a frame or a crop of it.
        model: What the coefficients belong to.
        face: Coefficients of one frame.
        camera: Of the clip's frames.
        matrix: (2, 3) from pixels of the frame to those of the picture, whole numbers in the middle
            of a pixel, as in the `aligned` table.
    """
    with torch.inference_mode():
        vertices = model.vertices(face)
        landmarks = model.landmarks(vertices)[0].numpy()
    points = vertices[0].numpy().astype(np.float64)
    triangles = model.triangles.numpy()
    middle = landmarks.mean(0)
    reach = _FACE_RADIUS * np.linalg.norm(landmarks - middle, axis=1).max()
    near = np.linalg.norm(points - middle, axis=1) < reach
    triangles = triangles[near[triangles].all(1)]
    shown = camera.project(points)
    shown[:, :2] = (shown[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    fragments = rasterize(shown, triangles, picture.shape[:2])
    normals = interpolate(fragments, triangles, vertex_normals(points, triangles))
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)[..., None]
    seen = _MESH_SHARE * (fragments.triangle >= 0)[..., None]
    mixed = (1 - seen) * picture + seen * (0.25 + 0.75 * light) * _COLOUR
    return np.asarray(mixed.round().clip(0, 255), np.uint8)


WHOLE_FRAME = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""The `matrix` of a frame itself."""
