"""The faces of a clip as its tables hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stccl.align.warp import apply
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image


@dataclass(frozen=True)
class Seen:
    """T frames of a clip with their faces.

    Attributes:
        points: (T, 68, 2) landmarks, px of the frame; NaN without a face.
        crops: The aligned faces, None without one.
        crop_points: (T, 68, 2) landmarks, px of the crop.
    """

    points: npt.NDArray[np.float64]
    crops: Sequence[Image | None]
    crop_points: npt.NDArray[np.float64]

    def spread(self, frames: int) -> tuple[list[Image], list[npt.NDArray[np.float32]]]:
        """Up to so many faces, evenly spread, and their points."""
        there = [k for k, crop in enumerate(self.crops) if crop is not None]
        places = np.linspace(0, len(there) - 1, min(frames, len(there))).round().astype(int)
        chosen = [there[place] for place in places]
        images = [crop for k in chosen if (crop := self.crops[k]) is not None]
        return images, [self.crop_points[k].astype(np.float32) for k in chosen]


def see(data: Path, clip: str) -> Seen:
    """A clip that is in the tables."""
    points = _rows(data, "landmarks", clip, "points", 136).reshape(-1, 68, 2)
    matrices = _rows(data, "aligned", clip, "matrix", 6).reshape(-1, 2, 3)
    with FrameReader(data / "aligned" / f"{clip}.parquet", "aligned") as reader:
        crops = list(reader)
    in_crop = np.stack([apply(m, p) for m, p in zip(matrices, points, strict=True)])
    return Seen(points, crops, in_crop)


def _rows(data: Path, table: str, clip: str, name: str, length: int) -> npt.NDArray[np.float64]:
    values: list[Any] = read_table(data / table / f"{clip}.parquet", table, [name])[
        name
    ].to_pylist()
    return np.array([[np.nan] * length if row is None else row for row in values], np.float64)
