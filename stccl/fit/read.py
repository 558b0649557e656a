"""The landmarks of a clip as the earlier stages left them."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.fit.observed import usable
from stccl.landmarks.smooth import Runs, runs
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table

Array = NDArray[Any]


class ClipLandmarks(NamedTuple):
    """Landmarks of T frames.

    Attributes:
        points_px: (T, 68, 2) the picture's corner at 0; NaN where there are none.
        faces: (T,) whether a frame has an aligned face.
        usable: (T,) whether a fit can use it.
        runs: Ranges, counted in usable frames alone, of frames that follow each other.
        size_px: Width and height of the picture.
    """

    points_px: Array
    faces: Array
    usable: Array
    runs: Runs
    size_px: tuple[int, int]


def read_landmarks(data: Path, clip: str) -> ClipLandmarks:
    """Points of the frames, which of them were aligned, and where they hang together."""
    table = read_table(data / "landmarks" / f"{clip}.parquet", "landmarks", ["box", "points"])
    aligned = read_table(data / "aligned" / f"{clip}.parquet", "aligned", ["matrix"])
    with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as frames:
        picture = frames[0]
    assert picture is not None, clip
    size_px = (picture.shape[1], picture.shape[0])
    # The tables count from the middle of the first pixel.
    points = _rows(table.column("points").to_pylist(), 136).reshape(-1, 68, 2) + 0.5
    faces = aligned.column("matrix").is_valid().to_numpy()
    use = faces & usable(points, size_px)
    boxes = np.where(use[:, None], _rows(table.column("box").to_pylist(), 4), np.nan)
    place = np.concatenate([[0], np.cumsum(use)])
    compact = [(int(place[start]), int(place[stop])) for start, stop in runs(boxes)]
    return ClipLandmarks(points, faces, use, compact, size_px)


def _rows(values: list[list[float] | None], length: int) -> Array:
    return np.array([[np.nan] * length if row is None else row for row in values], np.float64)
