"""The aligned pictures of a clip, to be read between their pixels."""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.fit.projection import Projected
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table

Array = NDArray[Any]

_BLUR_PX = 1.0
"""Standard deviation. The steps of a fit see this far around a point; finer texture misleads."""


class Crops(NamedTuple):
    """Blurred pictures of T frames and how they change from pixel to pixel.

    Attributes:
        pixels: (T, H, W, 9) float32: RGB in [0, 1], its change per px to the right, and down.
        matrices: (T, 2, 3) from pixels of the frame to those of the crop, whole numbers in the
            middle of a pixel.
    """

    pixels: Array
    matrices: Array

    def places(self, shown: Projected) -> tuple[Array, Array, Array, Array]:
        """Points in the crops, and what moves them there; see `Projected`.

        Returns:
            (T, N, 2) px, the crop's corner at 0; and by point, by rotation and by translation.
        """
        turn = self.matrices[:, None, :, :2]
        places = ((shown.pixels - 0.5)[..., None, :] @ turn.mT)[..., 0, :]
        places = places + self.matrices[:, None, :, 2] + 0.5
        return places, turn @ shown.by_point, turn @ shown.by_rotation, turn @ shown.by_translation

    def read(self, places: Array) -> tuple[Array, Array]:
        """Colours (T, N, 3) at (T, N, 2) places, straight between pixels, and slopes (T, N, 2, 3).

        Beyond the border the outermost pixels go on.
        """
        _, height, width, _ = self.pixels.shape
        x, y = (
            np.clip(places[..., axis] - 0.5, 0, side - 1)
            for axis, side in ((0, width), (1, height))
        )
        column = np.minimum(x.astype(int), width - 2)
        row = np.minimum(y.astype(int), height - 2)
        right, down = (x - column)[..., None], (y - row)[..., None]
        frame = np.arange(len(places))[:, None]
        upper, lower = (
            self.pixels[frame, row + below, column] * (1 - right)
            + self.pixels[frame, row + below, column + 1] * right
            for below in (0, 1)
        )
        found = upper * (1 - down) + lower * down
        return found[..., :3], found[..., 3:].reshape(*found.shape[:2], 2, 3)


def crops(pictures: Array, matrices: Array) -> Crops:
    """Blur (T, H, W, 3) uint8 pictures."""
    soft = np.stack(
        [cv2.GaussianBlur(p.astype(np.float32) / 255, (0, 0), _BLUR_PX) for p in pictures]
    )
    slopes = [np.gradient(soft, axis=axis) for axis in (2, 1)]
    return Crops(np.concatenate([soft, *slopes], -1), np.asarray(matrices, np.float64))


def read_crops(data: Path, clip: str, frames: Array) -> Crops:
    """The aligned pictures of some frames, all of which have a face."""
    path = data / "aligned" / f"{clip}.parquet"
    matrices = read_table(path, "aligned", ["matrix"])["matrix"].to_pylist()
    with FrameReader(path, "aligned") as reader:
        pictures = [reader[frame] for frame in frames.tolist()]
    assert all(picture is not None for picture in pictures), clip
    return crops(np.array(pictures), np.reshape([matrices[frame] for frame in frames], (-1, 2, 3)))
