"""An eyeball: white, iris and pupil, in the polar texture of the eye."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.face3d.head.eyes import IRIS_RADIUS_MM
from stccl.face3d.head.proportions import EYE_RADIUS_MM
from stccl.render.picture import from_srgb
from stccl.render.surface import ALBEDO, CHANNELS, ROUGHNESS, SPECULAR

Array = NDArray[Any]


def paint_eye(looks: Looks, generator: np.random.Generator, size_px: int) -> Array:
    """The texture of `Surface` for both eyeballs: pupil in the middle, the back at radius 0.5."""
    axis = (np.arange(size_px) + 0.5) / size_px - 0.5
    x, y = np.meshgrid(axis, -axis)
    angle = 2 * np.pi * np.hypot(x, y)
    around = np.arctan2(y, x)
    radius = angle / np.arcsin(IRIS_RADIUS_MM / EYE_RADIUS_MM)  # 1 at the edge of the iris
    texel = 2 * np.pi / size_px / np.arcsin(IRIS_RADIUS_MM / EYE_RADIUS_MM)

    white = from_srgb(np.array([0.71, 0.67, 0.64]))
    veins: Array = cv2.GaussianBlur(generator.standard_normal(x.shape), (0, 0), size_px / 90)
    veins /= veins.std()
    redness = np.clip((angle - 0.7) / 0.5, 0, 1) * (0.5 + 0.2 * veins)
    colour = white * (1 - redness[..., None] * np.array([0.05, 0.35, 0.35]))

    iris = from_srgb(np.array(looks.eye_colour))
    fibres = _fibres(around, radius, generator)
    tone = 0.55 + 0.50 * fibres + 0.35 * np.exp(-(((radius - 0.5) / 0.14) ** 2))
    inner = np.exp(-(((radius - 0.42) / 0.12) ** 2))[..., None]
    iris_colour = iris * tone[..., None] * (1 + inner * np.array([0.5, 0.25, -0.05]))
    ring = np.clip((radius - 0.80) / 0.2, 0, 1) ** 1.5
    iris_colour *= (1 - 0.72 * ring)[..., None]

    def edge(at: float) -> Array:
        """1 inside a radius, 0 outside, soft over two texels or the limbus."""
        inside: Array = np.clip((at - radius) / max(2 * texel, 0.09) + 0.5, 0, 1)
        return inside

    colour += edge(1.0)[..., None] * (iris_colour - colour)
    pupil = np.clip((0.38 - radius) / max(2 * texel, 0.05) + 0.5, 0, 1)
    colour += pupil[..., None] * (0.004 - colour)
    texture = np.zeros((size_px, size_px, CHANNELS), np.float32)
    texture[..., ALBEDO] = np.clip(colour, 0.002, 1)
    texture[..., ROUGHNESS] = 0.21
    texture[..., SPECULAR] = 1.2
    return texture


def _fibres(around: Array, radius: Array, generator: np.random.Generator) -> Array:
    """Uneven rays from the pupil outwards, 0 to 1."""
    rays = np.zeros_like(around)
    for count in (23, 41, 67):
        phase = generator.uniform(0, 2 * np.pi)
        wobble = 0.5 * np.sin(5 * radius + generator.uniform(0, 6))
        rays += np.sin(count * around + phase + wobble) * generator.uniform(0.6, 1.0)
    fibres: Array = 0.5 + 0.5 * np.tanh(0.6 * rays)
    return fibres
