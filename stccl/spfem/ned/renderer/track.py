"""The fitted face of a clip, frame by frame, where a renderer can use it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from stccl.fit.fitted import Fitted, read_fitted
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table


@dataclass(frozen=True)
class FaceTrack(Fitted):
    """A fitted face, and where it is in the aligned crops.

    Attributes:
        matrices: (N, 2, 3) from pixels of the frame to those of the crop, whole numbers in a
            pixel's middle; float64.
        crop_px: Side of the crop.
    """

    matrices: torch.Tensor
    crop_px: int

    def part(self, start: int, stop: int) -> Self:
        """The frames at positions `start` to `stop - 1`."""
        return replace(super().part(start, stop), matrices=self.matrices[start:stop])


def read_track(data: Path, clip: str) -> FaceTrack:
    """The fit of a clip, without the frames that have none.

    Args:
        data: Holds `faces3d/` and `aligned/`.
        clip: Its name.

    Raises:
        ClipRejected: Where no frame has a fit.
    """
    fitted = read_fitted(data, clip)
    aligned = data / "aligned" / f"{clip}.parquet"
    rows = read_table(aligned, "aligned", ["matrix"])["matrix"].take(fitted.frames).to_pylist()
    with FrameReader(aligned, "aligned") as crops:
        crop = crops[int(fitted.frames[0])]
    assert crop is not None, clip
    matrices = torch.tensor(rows, dtype=torch.float64).view(-1, 2, 3)
    return FaceTrack(**vars(fitted), matrices=matrices, crop_px=crop.shape[0])
