"""The part of a frame that DECA looks at."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stccl.align.warp import Matrix, inverse
from stccl.tables.png import Image

SIDE_PX = 224
_BOX_GROWTH = 1.1
"""From the 68 points' box to a face's."""
_MARGIN = 1.25


def crop_matrix(points: NDArray[np.floating[Any]]) -> Matrix:
    """The map from a frame onto DECA's crop, by the box around 68 points.

    A square around the box's middle, 1.1 · 1.25 of the mean of its sides and rounded down to whole
    pixels, becomes 224×224; pixel centres are whole numbers.

    Args:
        points: (68, 2), px.

    Returns:
        2×3.

    Raises:
        ValueError: Where the points are not finite, or the square has no pixel.

    >>> points = np.array([[100.0, 50.0], [260.0, 210.0]])
    >>> crop_matrix(points).round(4).tolist()
    [[1.0136, 0.0, -70.9545], [0.0, 1.0136, -20.2727]]
    """
    (left, top), (right, bottom) = points.min(0), points.max(0)
    if not np.isfinite(points).all():
        raise ValueError("points: expected finite numbers, got NaN or infinity among them")
    # In the published order, since what is rounded down may lie next to a whole number.
    size_px = int((right - left + bottom - top) / 2 * _BOX_GROWTH * _MARGIN)
    if size_px < 1:
        raise ValueError(f"points: expected a face of some pixels, got {right - left:g} in width")
    corner = np.array([left + right - size_px, top + bottom - size_px]) / 2
    scale = (SIDE_PX - 1) / size_px
    return np.column_stack((scale * np.eye(2), -scale * corner))


def crop(image: Image, matrix: Matrix) -> NDArray[np.float32]:
    """The crop, as DECA's encoders take it.

    Bilinear between pixels without blurring first, black beyond the frame: as DECA was trained.

    Args:
        image: (H, W, 3) RGB, 0–255.
        matrix: From `crop_matrix`.

    Returns:
        (3, 224, 224) RGB in [0, 1].
    """
    to_frame = inverse(matrix)[::-1]  # rows before columns, as arrays have them
    seen = [
        ndimage.affine_transform(
            channel,
            to_frame[:, 1::-1],
            to_frame[:, 2],
            output_shape=(SIDE_PX, SIDE_PX),
            output=np.float32,
            order=1,
            mode="grid-constant",
        )
        for channel in np.moveaxis(image, 2, 0)
    ]
    pixels: NDArray[np.float32] = np.stack(seen)
    pixels /= 255
    return pixels
