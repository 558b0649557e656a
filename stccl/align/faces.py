"""Aligned faces of a clip with their landmarks, as those who judge them take them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stccl.align.warp import apply
from stccl.landmarks.faces import Points
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image

Floats = npt.NDArray[np.float64]


class ClipFaces(NamedTuple):
    """N faces of a clip.

    Attributes:
        images: Aligned crops, RGB.
        points: 68 landmarks of each, px of the crop.
    """

    images: list[Image]
    points: list[Points]


def read_faces(data: Path, clip: str, frames: int) -> ClipFaces:
    """Up to so many faces of a clip, spread evenly over the frames that have one.

    Args:
        data: Holds `aligned/` and `landmarks/`.
        clip: Id of the clip.
        frames: How many.
    """
    _, points = read_points(data, clip)
    faces = ClipFaces([], [])
    with FrameReader(data / "aligned" / f"{clip}.parquet", "aligned") as pictures:
        for k in evenly(np.flatnonzero(np.isfinite(points).all((1, 2))), frames):
            image = pictures[k]
            assert image is not None, (clip, k)
            faces.images.append(image)
            faces.points.append(points[k].astype(np.float32))
    return faces


def read_points(data: Path, clip: str) -> tuple[Floats, Floats]:
    """(T, 68, 2) landmarks of all frames of a clip, px of the frame and px of the crop.

    NaN where a frame has no face.
    """
    points = _rows(data, "landmarks", clip, "points", (68, 2))
    matrices = _rows(data, "aligned", clip, "matrix", (2, 3))
    return points, np.stack([apply(m, p) for m, p in zip(matrices, points, strict=True)])


def evenly(items: Sequence[int] | npt.NDArray[np.intp], count: int) -> list[int]:
    """So many of the items, or all, spread over them from the first to the last.

    >>> evenly([2, 3, 5, 7, 11], 3)
    [2, 5, 11]
    """
    at = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [int(items[k]) for k in at]


def _rows(data: Path, table: str, clip: str, name: str, shape: tuple[int, int]) -> Floats:
    """(T, …) values of a column; NaN where a frame has none."""
    found = read_table(data / table / f"{clip}.parquet", table, [name]).column(name).to_pylist()
    empty = np.full(shape, np.nan)
    return np.stack([empty if row is None else np.reshape(row, shape) for row in found])
