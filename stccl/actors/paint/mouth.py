"""Inside of the mouth: teeth, gums, tongue, lining; and the garment."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.render.picture import from_srgb
from stccl.render.surface import ALBEDO, CHANNELS, ROUGHNESS, SPECULAR

Array = NDArray[Any]


def paint_teeth(looks: Looks, size_px: int) -> Array:
    """Teeth, yellower towards the gum; v runs from the biting edge to the gum."""
    _, v = _grid(size_px)
    edge = from_srgb(np.array([0.82, 0.775, 0.69]))
    neck = from_srgb(np.array([0.72, 0.64, 0.53]))
    yellow = min(max((looks.age_years - 20) / 60, 0.0), 1.0)
    colour = edge + (0.35 + 0.5 * yellow) * v[..., None] * (neck - edge)
    return _texture(colour, 0.28, 0.8)


def paint_lid_lining(size_px: int) -> Array:
    """The wet pink edge of a lid at v = 0, then the white of the eye in its corners."""
    _, v = _grid(size_px)
    pink, white = from_srgb(np.array([[0.74, 0.47, 0.44], [0.71, 0.64, 0.61]]))
    colour = pink + np.clip(v / 0.3, 0, 1)[..., None] * (white - pink)
    return _texture(colour, 0.3, 0.6)


def paint_flesh(colour: tuple[float, float, float], roughness: float, size_px: int) -> Array:
    """Wet flesh of one sRGB colour, for gums, tongue and the mouth's lining."""
    flesh = np.broadcast_to(from_srgb(np.array(colour)), (size_px, size_px, 3))
    return _texture(flesh, roughness, 0.35)


def paint_cloth(looks: Looks, generator: np.random.Generator, size_px: int) -> Array:
    """Knitted cloth."""
    white = generator.standard_normal((size_px, size_px))
    folds = cv2.GaussianBlur(white, (0, 0), size_px / 24)
    weave = cv2.GaussianBlur(generator.standard_normal((size_px, size_px)), (0, 0), 1.0)
    shade = 1 + 0.06 * folds / folds.std() + 0.04 * weave / weave.std()
    colour = from_srgb(np.array(looks.clothes_colour)) * shade[..., None]
    return _texture(colour, 0.9, 0.1)


def _grid(size_px: int) -> tuple[Array, Array]:
    axis = (np.arange(size_px) + 0.5) / size_px
    u, v = np.meshgrid(axis, axis[::-1])
    return u, v


def _texture(colour: Array, roughness: float, specular: float) -> Array:
    texture = np.zeros((*colour.shape[:2], CHANNELS), np.float32)
    texture[..., ALBEDO] = np.clip(colour, 0.002, 1)
    texture[..., ROUGHNESS], texture[..., SPECULAR] = roughness, specular
    return texture
