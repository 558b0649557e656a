"""From light to the bytes of a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel

Array = NDArray[Any]


def reduce_samples(image: Array) -> Array:
    """Half the size: every pixel the mean of its four samples.

    Args:
        image: (2 H, 2 W, C) float32.

    Returns:
        (H, W, C) float32.
    """
    height, width, channels = image.shape
    out = np.empty((height // 2, width // 2, channels), np.float32)
    _reduce(image, out)
    return out


def to_srgb(linear: Array) -> Array:
    """Linear light as bytes: the transfer curve of sRGB (IEC 61966-2-1), clipped and rounded.

    Args:
        linear: (...) float, 0 black to 1 white.

    Returns:
        (...) uint8.

    >>> to_srgb(np.array([0.0, 0.2140, 1.0, 2.0]))
    array([  0, 127, 255, 255], dtype=uint8)
    """
    steps = np.clip(linear, 0.0, 1.0) * (len(_CURVE) - 1) + 0.5
    encoded: Array = _CURVE[steps.astype(np.int32)]
    return encoded


def from_srgb(encoded: Array) -> Array:
    """The inverse of `to_srgb` for values of 0 to 1.

    >>> from_srgb(np.array([0.0, 0.5, 1.0])).round(4)
    array([0.   , 0.214, 1.   ])
    """
    encoded = np.asarray(encoded)
    linear: Array = np.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )
    return linear


def _curve(steps: int) -> Array:
    linear = np.arange(steps) / (steps - 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    curve: Array = np.rint(255 * encoded).astype(np.uint8)
    return curve


_CURVE = _curve(1 << 14)


@kernel
def _reduce(image: Array, out: Array) -> None:
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            for channel in range(out.shape[2]):
                out[row, column, channel] = 0.25 * (
                    image[2 * row, 2 * column, channel]
                    + image[2 * row, 2 * column + 1, channel]
                    + image[2 * row + 1, 2 * column, channel]
                    + image[2 * row + 1, 2 * column + 1, channel]
                )
