"""Faces by dlib: histogram-of-gradients detector and 68-point predictor; works offline.

Detector: Dalal & Triggs, CVPR 2005, as in dlib. Points: Kazemi & Sullivan, CVPR 2014, trained on
300-W; the model comes with the package `face_recognition_models`.
"""

import importlib.util
from pathlib import Path

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from stccl.errors import StageError
from stccl.landmarks.faces import Box, Detection, Picture, Points, View

_MODEL = "shape_predictor_68_face_landmarks.dat"

# The detector's window is 80 px: a face this size is found at the first levels of its pyramid, and
# one of half the area still fits the window.
_SOUGHT_FACE_PX = 112
_SMALL_FACE_PX = 72
_SHORT_SIDE_PX = 240
_LONG_SIDE_PX = 960

# The box for the points model relative to the points that speech leaves in place (brows, nose,
# eyes), in units of their RMS distance from their mean; y from there to the box's middle, at right
# angles to the line between the eyes. The detector's boxes were at 0.81 (median of 931 frames of 4
# people; interquartile range 0.15) with side 3.98 (0.26), in coarse steps. Of sides from 3.4 to
# 4.4, tried on 225 frames of 9 clips, the smallest gave points nearest to their mean over 30
# jittered boxes and resolutions (1.04 % of the distance between the eyes; side 3.98 1.20 %, the
# detector's own boxes 1.22 %) and shook least (0.41 %; 0.50 %, 0.69 %).
_STEADY = slice(17, 48)
_BOX_DOWN = 0.81
_BOX_SIDE = 3.4
_VIEW_MARGIN = 0.4


class Dlib68:
    """dlib's frontal-face detector and 68-point predictor.

    Faces narrower than 1/12 of the picture's long side are not looked for.

    Raises:
        StageError: Where the package with the model is not installed.
    """

    def __init__(self) -> None:
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(model_path()))

    def detect(self, picture: Picture, *, side_px: float | None = None) -> list[Detection]:
        """See `FaceFinder.detect`; the score is the margin of the detector's classifier."""
        height, width = picture.grey.shape
        if side_px is None:
            scale = max(1.0, _SHORT_SIDE_PX / min(height, width))
        elif _SMALL_FACE_PX <= side_px <= _SOUGHT_FACE_PX:
            scale = 1.0
        else:
            scale = _SOUGHT_FACE_PX / side_px
        scale = min(scale, _LONG_SIDE_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
        grey = cv2.resize(picture.grey, size, interpolation=method)
        found, scores, _ = self._detector.run(grey, 0, 0.0)
        factor = np.divide((width, height), size)
        return [
            Detection(_box_of(rectangle, factor), float(score))
            for rectangle, score in zip(found, scores, strict=True)
        ]

    def points(self, picture: Picture, box: Box) -> Points:
        """See `FaceFinder.points`."""
        view = View.of(picture.grey, box, _VIEW_MARGIN)
        corners = np.rint(view.to_view(box.reshape(2, 2))).astype(int).ravel()
        shape = self._predictor(view.pixels, dlib.rectangle(*corners.tolist()))
        found = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        return view.to_frame(found).astype(np.float32)

    def box_around(self, points: Points) -> Box:
        """See `FaceFinder.box_around`."""
        return box_around(points)


def box_around(points: Points) -> Box:
    """The square box in which the model finds these points best."""
    steady = points[_STEADY].astype(np.float64)
    middle = steady.mean(0)
    size = np.sqrt(((steady - middle) ** 2).sum(1).mean())
    across = points[42:48].mean(0) - points[36:42].mean(0)
    x, y = across / max(float(np.hypot(*across)), 1e-6)
    centre = middle + size * _BOX_DOWN * np.array([-y, x])
    half = size * _BOX_SIDE / 2
    return np.concatenate((centre - half, centre + half)).astype(np.float32)


def model_path() -> Path:
    """The predictor's file, found without importing its package (which needs `pkg_resources`)."""
    package = importlib.util.find_spec("face_recognition_models")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "models" / _MODEL
        if path.is_file():
            return path
    raise StageError(f"landmarks: {_MODEL} is missing; install the package face_recognition_models")


def _box_of(rectangle: dlib.rectangle, factor: npt.NDArray[np.float64]) -> Box:
    # dlib's rectangles count whole pixels and include the last one.
    ends = np.array(
        [[rectangle.left(), rectangle.top()], [rectangle.right() + 1, rectangle.bottom() + 1]]
    )
    return (ends * factor - 0.5).ravel().astype(np.float32)
