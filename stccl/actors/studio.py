"""Where actors are filmed: camera, lamps, wall, and the sensor's noise."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.render.camera import Camera
from stccl.render.light import Lights, surrounding_light
from stccl.render.picture import from_srgb

Array = NDArray[Any]

_FOCAL_PER_PX = 3.55
_DISTANCE_M = 1.10
_SHOT_NOISE, _READ_NOISE = 0.008, 0.003  # of white


def portrait_camera(size_px: int) -> Camera:
    """A head and shoulders as MEAD frames them, in a square picture."""
    return Camera(
        size_px=size_px,
        focal_px=_FOCAL_PER_PX * size_px,
        distance_m=_DISTANCE_M,
        height_m=0.002,
        centre_px=(size_px / 2, size_px / 2),
    )


def lamps(looks: Looks) -> Lights:
    """A soft key from one side, a rim from behind the other, and light from all around."""
    azimuth, height = looks.key_azimuth_rad, looks.key_height_rad
    key = _direction(azimuth, height)
    rim = _direction(azimuth + np.pi - 0.9 * np.sign(azimuth), 0.35)
    warm = looks.key_warmth
    key_colour = 0.98 * np.array([1 + 0.05 * warm, 1.0, 1 - 0.10 * warm])
    around = np.array(
        [
            _direction(0.0, 1.35),
            _direction(-np.sign(azimuth) * 0.9, 0.15),
            _direction(np.sign(azimuth) * 0.5, 0.5),
            _direction(0.0, 0.0),
            _direction(0.0, -1.2),
        ]
    )
    wall = from_srgb(np.array(looks.wall_colour))
    cool = np.array([1 - 0.03 * warm, 1.0, 1 + 0.05 * warm])
    colours = looks.fill * np.array(
        [0.45 * cool, 0.50 * cool, 0.50 * key_colour, 0.25 * cool, 0.10 + 0.35 * wall]
    )
    return Lights(
        surrounding=surrounding_light(around, colours),
        directions=np.array([key, rim], np.float32),
        colours=np.array([key_colour, 0.22 * cool], np.float32),
    )


def catch_light(looks: Looks) -> Lights:
    """The same light with the lamps' mirror image for eyes, where lids would often hide it."""
    light = lamps(looks)
    towards = _direction(0.42 * np.sign(looks.key_azimuth_rad), 0.36)
    return light._replace(
        directions=np.concatenate([light.directions, [towards]], dtype=np.float32),
        colours=np.concatenate([light.colours, [[0.5, 0.5, 0.5]]], dtype=np.float32),
    )


def wall(looks: Looks, generator: np.random.Generator, size_px: int) -> Array:
    """An uneven wall out of focus, (size_px, size_px, 3) float32 linear RGB."""
    axis = np.linspace(-1, 1, size_px)
    x, y = np.meshgrid(axis, axis)
    lit_side = np.sign(looks.key_azimuth_rad)
    glow = np.exp(-((x + 0.25 * lit_side) ** 2 / 1.1 + (y + 0.1) ** 2 / 1.6))
    shade = 0.42 + 0.55 * glow
    folds = cv2.resize(
        generator.standard_normal((4, 7)), (size_px, size_px), interpolation=cv2.INTER_CUBIC
    )
    shade *= 1 + 0.05 * folds
    picture: Array = shade[..., None] * from_srgb(np.array(looks.wall_colour))
    return picture.astype(np.float32)


def noise_tile(generator: np.random.Generator, size_px: int) -> Array:
    """Noise of a sensor that has been demosaiced, so a little smooth; standard deviation 1."""
    white = generator.standard_normal((size_px, size_px, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), 0.6)
    tile: Array = smooth / smooth.std()
    return tile


def expose(light: Array, noise: Array) -> Array:
    """What the sensor makes of light: soft highlights, shot and read noise; linear, 0..1.

    The response is y = 1 - exp(-1.3 x), noise of standard deviation sqrt(s^2 y + r^2) on top.
    """
    response = 1 - np.exp(-1.3 * light)
    sensed: Array = response + noise * np.sqrt(_SHOT_NOISE**2 * response + _READ_NOISE**2)
    return sensed


def _direction(azimuth: float, height: float) -> Array:
    """Unit vector; azimuth 0 is the camera's, positive to the image's right."""
    flat = np.cos(height)
    return np.array([flat * np.sin(azimuth), np.sin(height), flat * np.cos(azimuth)])
