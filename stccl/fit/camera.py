"""The camera that a clip is taken to be filmed with, and where the head is at first sight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.fit.landmark_space import LandmarkSpace
from stccl.fit.observed import Observed
from stccl.fit.priors import POSE_UNKNOWNS
from stccl.render.camera import Camera

Array = NDArray[Any]


def assumed_camera(
    space: LandmarkSpace, seen: Observed, size_px: tuple[int, int], distance_m: float
) -> Camera:
    """A pinhole at the given distance that shows the face as large as it is.

    A picture of a face hardly tells focal length from distance, and clips come cropped and scaled.
    What the choice changes is the perspective within the face, which depends on the distance
    alone; so that is what is assumed.

    Args:
        space: The face at rest gives metres.
        seen: The clip's landmarks.
        size_px: Width and height of the picture, whose middle the optical axis is taken to meet.
        distance_m: From the camera to the head's origin, on average over the clip.
    """
    scale = float(np.median(np.abs(_similarity(space, seen.points_px)[0])))
    centre = (size_px[0] / 2, size_px[1] / 2)
    focal_px = scale * (distance_m - float(space.rest[:, 2].mean()))
    return Camera(max(size_px), focal_px, distance_m, 0.0, centre)


def first_guess(space: LandmarkSpace, seen: Observed, camera: Camera) -> Array:
    """(T, P) unknowns: the resting face from the front, turned in the picture's plane."""
    turn, middle = _similarity(space, seen.points_px)
    expressions = len(space.expression)
    scale = np.abs(turn)
    unknowns = np.zeros((len(turn), expressions + POSE_UNKNOWNS))
    roll = -np.angle(turn)
    unknowns[:, expressions + 5] = roll
    x, y, z = space.rest.mean(0)
    place = unknowns[:, expressions + 6 :]
    off = (middle - camera.centre_px) / scale[:, None]
    place[:, 0] = off[:, 0] - (x * np.cos(roll) - y * np.sin(roll))
    place[:, 1] = -off[:, 1] + camera.height_m - (x * np.sin(roll) + y * np.cos(roll))
    place[:, 2] = camera.distance_m - camera.focal_px / scale - z
    return unknowns


def _similarity(space: LandmarkSpace, points_px: Array) -> tuple[Array, Array]:
    """Pixels per metre times turn in the picture, as complex numbers (T,); and middles (T, 2)."""
    flat = (space.rest[:, :2] * [1, -1]) @ np.array([1, 1j])
    flat = flat - flat.mean()
    middle = points_px.mean(1)
    shown = (points_px - middle[:, None]) @ np.array([1, 1j])
    return shown @ flat.conj() / (np.abs(flat) ** 2).sum(), middle
