"""Values over a face, as colours on top of it."""

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt

from stccl.tables.png import Image

COLOURS = "magma"
"""Perceptually uniform: equal steps in value look like equal steps, in grey as well."""


def overlay(
    image: Image,
    values: npt.NDArray[np.floating],
    *,
    low: float,
    high: float,
    opacity: float = 0.6,
) -> Image:
    """Lay a map of values over a picture.

    Args:
        image: H×W×3, RGB, uint8.
        values: h×w, a value per region, stretched over the whole picture. NaN leaves the picture
            bare there.
        low: Value at the dark end of the scale; what lies below takes its colour.
        high: Value at the bright end; what lies above takes its colour.
        opacity: Of the colours, 0–1.

    Returns:
        H×W×3, RGB, uint8.

    Raises:
        ValueError: Where `values` is no map or the scale is empty.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"values: expected h×w, got shape {values.shape}")
    if not low < high:
        raise ValueError(f"scale: expected low < high, got {low} and {high}")
    height, width = image.shape[:2]
    known = np.isfinite(values)
    scaled = np.where(known, (values - low) / (high - low), 0).clip(0, 1).astype(np.float32)
    # The colours of unknown regions must not bleed into known ones: weights are stretched alike.
    weight = _stretch(known.astype(np.float32), width, height)
    level = _stretch(scaled * known, width, height) / np.maximum(weight, 1e-6)
    colour = matplotlib.colormaps[COLOURS](level.clip(0, 1))[..., :3] * 255
    alpha = (opacity * weight)[..., None]
    return np.asarray(np.rint(image * (1 - alpha) + colour * alpha), np.uint8)


def _stretch(values: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    stretched = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(stretched, np.float32)


def scale_colours(steps: int) -> list[str]:
    """The scale itself as hexadecimal colours, dark end first, for a legend."""
    colours = matplotlib.colormaps[COLOURS](np.linspace(0, 1, steps))[:, :3]
    return [matplotlib.colors.to_hex(colour) for colour in colours]
