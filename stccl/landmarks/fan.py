"""Faces by FAN: S3FD detector and 2-D face alignment network (package `face-alignment`).

Bulat & Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV
2017. The package would fetch missing weights by itself; here that is refused beforehand.
"""

import os
from pathlib import Path

import numpy as np
import torch
from face_alignment import FaceAlignment, LandmarksType
from face_alignment.api import models_urls as fan_urls
from face_alignment.detection.sfd.sfd_detector import models_urls as s3fd_urls

from stccl.errors import StageError
from stccl.landmarks.faces import Box, Detection, Picture, Points, View

_VIEW_MARGIN = 0.7
"""The network looks at 200/195 of the box's width plus height, its middle 12 % higher up."""


class Fan:
    """S3FD and 2DFAN-4, on the GPU where there is one.

    Weights are read from PyTorch's hub folder (`$TORCH_HOME/hub/checkpoints`, by default
    `~/.cache/torch/hub/checkpoints`).

    Raises:
        StageError: Where a file is not there, naming it, its source and its place.
    """

    def __init__(self) -> None:
        require_weights(Path(torch.hub.get_dir()) / "checkpoints")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        # Compiling needs a C++ compiler on the machine and caches outside the project.
        self._model = FaceAlignment(
            LandmarksType.TWO_D, device=device, flip_input=True, compile=False
        )

    def detect(self, picture: Picture, *, side_px: float | None = None) -> list[Detection]:
        """See `FaceFinder.detect`; the score is S3FD's probability. It needs no known side."""
        found = self._model.face_detector.detect_from_image(picture.rgb)
        boxes = sorted((np.asarray(face, np.float32) for face in found), key=lambda face: -face[4])
        return [Detection(face[:4], float(face[4])) for face in boxes]

    def points(self, picture: Picture, box: Box) -> Points:
        """See `FaceFinder.points`."""
        view = View.of(picture.rgb, box, _VIEW_MARGIN)
        corners = view.to_view(box.reshape(2, 2)).ravel()
        found = self._model.get_landmarks_from_image(view.pixels, detected_faces=[corners])
        return view.to_frame(np.asarray(found[0], np.float64)).astype(np.float32)

    def box_around(self, points: Points) -> Box:
        """The tightest box around the points: what the network was trained with."""
        return np.concatenate((points.min(0), points.max(0))).astype(np.float32)


def require_weights(folder: Path) -> None:
    """Refuse to go on where the weights are not in `folder`.

    Raises:
        StageError: Naming the first missing file, where to get it and where to put it.
    """
    for url in (s3fd_urls["s3fd"], fan_urls["2DFAN-4"]):
        path = folder / os.path.basename(url)  # noqa: PTH119 (the name in a URL, not a path)
        if not path.is_file():
            raise StageError(
                f"landmarks: {path.name} is missing; get it from {url} and put it into {folder}, "
                "or set landmarks.detector: dlib, which works offline"
            )
