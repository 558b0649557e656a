"""Who a face is: embeddings of dlib's network, or of ArcFace's where its file is there."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import cv2
import dlib
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from stccl.align.warp import canonical_px, similarity
from stccl.checkpoint import load_weights, read_weights
from stccl.errors import StageError
from stccl.landmarks.faces import Points
from stccl.metric.backbone import IResNet
from stccl.metric.images import as_input
from stccl.tables.png import Image
from stccl.weights import packaged

DLIB_FILE = ("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat")
"""The package with dlib's network, and the file in it."""

_DLIB_SIDE_PX = 150
_DLIB_PADDING = 0.25
_ARCFACE_SIDE_PX = 112
_BATCH = 32

# Middles of the eyes, tip of the nose and corners of the mouth in ArcFace's 112×112 crops, px.
_ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip


class FaceIdentity(Protocol):
    """Tells people apart."""

    def embed(self, images: Sequence[Image], points: Sequence[Points] | None = None) -> Tensor:
        """Embeddings of N faces.

        Args:
            images: RGB pictures: frames with `points`, or aligned square crops without.
            points: The 68 landmarks of the face in each, px.

        Returns:
            (N, D); near each other, by angle or distance, for pictures of one person.
        """
        ...


def face_identity(arcface: Path | None) -> FaceIdentity:
    """ArcFace's network from its file; without one, dlib's.

    Raises:
        StcclError: Where the file is missing or another one.
    """
    return DlibIdentity() if arcface is None else ArcFaceIdentity.from_file(arcface)


class DlibIdentity:
    """dlib's 29-layer residual network; 128 values, comes with `face_recognition_models`.

    Pictures of one person are at most some 0.6 apart.

    Source: King, High quality face recognition with deep metric learning (dlib, 2017).

    Raises:
        StageError: Where the package with the model is not installed.
    """

    dimensions = 128

    def __init__(self) -> None:
        path = packaged(*DLIB_FILE)
        if not path.is_file():
            raise StageError(f"experts: {path.name} is missing; install package {DLIB_FILE[0]}")
        self._network = dlib.face_recognition_model_v1(str(path))

    def embed(self, images: Sequence[Image], points: Sequence[Points] | None = None) -> Tensor:
        """See `FaceIdentity.embed`."""
        chips = [
            np.ascontiguousarray(
                dlib.get_face_chip(image, face, size=_DLIB_SIDE_PX, padding=_DLIB_PADDING)
            )
            for image, face in zip(images, _dlib_faces(images, points), strict=True)
        ]
        found: list[npt.NDArray[np.float64]] = []
        for start in range(0, len(chips), _BATCH):
            batch = chips[start : start + _BATCH]
            found += [np.array(value) for value in self._network.compute_face_descriptor(batch)]
        return torch.from_numpy(np.stack(found)) if found else torch.empty(0, self.dimensions)


class ArcFaceIdentity(IResNet):
    """ArcFace's 50-layer network with the layers that turn its last map into 512 values.

    Source: Deng et al., ArcFace (CVPR 2019).
    """

    dimensions = 512

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(512 * 7 * 7, self.dimensions)
        self.features = nn.BatchNorm1d(self.dimensions)

    @classmethod
    def from_file(cls, path: Path) -> "ArcFaceIdentity":
        """The network with the weights of an ArcFace backbone file; nothing in it is executed.

        Raises:
            StcclError: Where the file is missing or no such file, naming keys that do not fit.
        """
        network = cls()
        load_weights(network, read_weights(path), f"{path}: no ArcFace network of 50 layers")
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]
        """(B, 3, 112, 112), RGB in [-1, 1], to (B, 512)."""
        last = self.bn2(super().forward(images)[-1])
        return cast(Tensor, self.features(self.fc(last.flatten(1))))

    def embed(self, images: Sequence[Image], points: Sequence[Points] | None = None) -> Tensor:
        """See `FaceIdentity.embed`."""
        crops = [
            _arcface_crop(image, face)
            for image, face in zip(images, _faces(images, points), strict=True)
        ]
        with torch.inference_mode():
            found = [
                self(as_input(crops[start : start + _BATCH], _ARCFACE_SIDE_PX))
                for start in range(0, len(crops), _BATCH)
            ]
        return torch.cat(found) if found else torch.empty(0, self.dimensions)


def _faces(images: Sequence[Image], points: Sequence[Points] | None) -> Sequence[Points]:
    """Landmarks of every picture; those of the canonical face in aligned crops."""
    if points is None:
        return [_canonical(image.shape[0]) for image in images]
    if len(points) != len(images):
        raise ValueError(f"expected points of {len(images)} pictures, got {len(points)}")
    return points


@lru_cache(maxsize=4)
def _canonical(size_px: int) -> Points:
    return canonical_px(size_px).astype(np.float32)


def _dlib_faces(
    images: Sequence[Image], points: Sequence[Points] | None
) -> list[dlib.full_object_detection]:
    faces = []
    for image, face in zip(images, _faces(images, points), strict=True):
        height, width = image.shape[:2]
        corners = [dlib.point(round(float(x)), round(float(y))) for x, y in face]
        faces.append(dlib.full_object_detection(dlib.rectangle(0, 0, width, height), corners))
    return faces


def _arcface_crop(image: Image, face: Points) -> Image:
    """The crop that ArcFace was trained on."""
    eyes = [face[36:42].mean(0), face[42:48].mean(0)]
    five = np.array([*eyes, face[30], face[48], face[54]], np.float64)
    matrix = similarity(five, _ARCFACE_POINTS)
    if matrix is None:
        raise ValueError("expected the points of a face, got points that are not finite or equal")
    size = (_ARCFACE_SIDE_PX, _ARCFACE_SIDE_PX)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA).astype(np.uint8, copy=False)
