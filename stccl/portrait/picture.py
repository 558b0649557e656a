"""Speakers made from one photograph in the public domain (NASA's portrait of Eileen Collins)."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import skimage.data
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE_PX = 256

_LEFT_PX, _TOP_PX, _SIDE_PX = 125, 8, 200  # the head in the photograph


@dataclass(frozen=True)
class Looks:
    """What tells one speaker's face from another's; scales are relative to the photograph."""

    mirrored: bool
    face_width: float
    jaw_width: float
    face_height: float
    eye_size: float
    skin: tuple[float, float, float]  # gain of red, green, blue
    hair: tuple[float, float, float]
    background: tuple[int, int, int]


@cache
def photograph() -> tuple[Array, Array]:
    """The head, (256, 256, 3) RGB uint8, and its 68 points in 300-W order, (68, 2) pixels."""
    photo: Array = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    head = photo[_TOP_PX : _TOP_PX + _SIDE_PX, _LEFT_PX : _LEFT_PX + _SIDE_PX]
    picture = cv2.resize(head, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC)
    return picture, find_points(picture)


def find_points(picture: Array) -> Array:
    """The 68 points of the one face in a picture, (68, 2) pixels."""
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (box,) = dlib.get_frontal_face_detector()(large, 0)
    return np.array([(point.x, point.y) for point in _predictor()(large, box).parts()]) / 2


@cache
def _predictor() -> Any:
    # The package itself imports pkg_resources, which new setuptools no longer has.
    package = find_spec("face_recognition_models")
    assert package is not None
    assert package.origin is not None
    weights = Path(package.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib.shape_predictor(str(weights))


@cache
def grid() -> Array:
    """Pixel coordinates x, y of a picture, (256, 256, 2) float32; not to be written to."""
    axis = np.arange(SIZE_PX, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1)


def remap(picture: Array, source: Array) -> Array:
    """`picture` read at the pixels `source`, (H, W, 2); the result is (H, W, 3) uint8."""
    source = source.astype(np.float32)
    return cv2.remap(
        picture, source[..., 0], source[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def blob(centre: Array, radius_px: float) -> Array:
    """A Gaussian bump of height 1, (256, 256)."""
    bump: Array = np.exp(-((grid() - centre) ** 2).sum(axis=-1) / (2 * radius_px**2))
    return bump


def portrait(looks: Looks) -> Array:
    """The photograph as another person, (256, 256, 3) RGB uint8."""
    picture, points = photograph()
    skin, hair, background = (mask[..., None] for mask in _regions())
    colour = picture / 255.0
    colour *= 1 + skin * (np.array(looks.skin) - 1) + hair * (np.array(looks.hair) - 1)
    shade = np.linspace(1.08, 0.85, SIZE_PX)[:, None, None]
    colour += background * (np.array(looks.background) / 255.0 * shade - colour)

    face = points.mean(axis=0)
    chin = points[8] - [0, 12]
    at = grid()
    source = at + (at - face) * blob(face, 60)[..., None] * (
        1 / np.array([looks.face_width, looks.face_height]) - 1
    )
    source[..., 0] += (at - chin)[..., 0] * blob(chin, 38) * (1 / looks.jaw_width - 1)
    for eye in (points[36:42].mean(axis=0), points[42:48].mean(axis=0)):
        source += (at - eye) * blob(eye, 14)[..., None] * (1 / looks.eye_size - 1)
    warped = remap(np.clip(colour * 255, 0, 255).astype(np.uint8), source)
    return np.ascontiguousarray(warped[:, ::-1] if looks.mirrored else warped)


@cache
def _regions() -> tuple[Array, Array, Array]:
    """Soft masks of skin, hair and background, (256, 256) each."""
    picture, points = photograph()
    labels = np.full((SIZE_PX, SIZE_PX), cv2.GC_PR_FGD, np.uint8)
    labels[:, :25] = labels[:, -25:] = labels[:8] = cv2.GC_BGD
    labels[200:] = cv2.GC_PR_FGD  # the shoulders reach the edges
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, labels, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    person = cv2.erode(found, np.ones((3, 3)))  # the old background shines through at the edge

    brows, jaw = points[17:27] - np.array([0, 32]), points[:17] + np.array([0, 28])
    ears = points[[0, 16]] + np.array([[-12, 20], [12, 20]])
    inner, outer = (_hull(area) for area in (points, np.concatenate([brows, jaw, ears])))
    # Hair is darker than skin; the fringe is lit, the neck lies in the shade.
    bright = picture[..., 2] > np.where(grid()[..., 1] < points[27, 1], 135, 75)
    skin = np.maximum(inner * (grid()[..., 1] > points[27, 1] - 12), outer * bright * person)
    hair = person * (1 - skin) * (grid()[..., 1] < points[3, 1])
    skin, hair, background = (
        cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) for mask in (skin, hair, 1 - person)
    )
    return skin, hair, background


def _hull(points: Array) -> Array:
    mask = np.zeros((SIZE_PX, SIZE_PX), np.float32)
    return cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), (1.0,))
