"""The faces of a clip as its tables hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stccl.align.faces import ClipFaces, evenly, read_points
from stccl.tables.frames import FrameReader
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

    def spread(self, frames: int) -> ClipFaces:
        """Up to so many faces, evenly spread."""
        chosen = evenly([k for k, crop in enumerate(self.crops) if crop is not None], frames)
        images = [crop for k in chosen if (crop := self.crops[k]) is not None]
        return ClipFaces(images, [self.crop_points[k].astype(np.float32) for k in chosen])


def see(data: Path, clip: str) -> Seen:
    """A clip that is in the tables."""
    points, in_crop = read_points(data, clip)
    with FrameReader(data / "aligned" / f"{clip}.parquet", "aligned") as reader:
        crops = list(reader)
    return Seen(points, crops, in_crop)
