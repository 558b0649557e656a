"""The fitted face of a clip, frame by frame, where a renderer can use it."""

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.errors import ClipRejected
from stccl.face3d.model import FaceCoefficients
from stccl.render.camera import Camera
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_provenance, read_table


class FaceTrack(NamedTuple):
    """A face in N frames of a clip: those with a crop and a fit."""

    clip: str
    model: str
    """Name of the face model."""
    frames: NDArray[np.int64]
    """(N,) their numbers in the clip, increasing."""
    coefficients: FaceCoefficients
    """Of N frames."""
    camera: Camera
    """Of the full frame."""
    matrices: torch.Tensor
    """(N, 2, 3) from pixels of the frame to those of the crop, whole numbers in a pixel's middle;
    float64."""
    crop_px: int
    """Side of the crop."""

    def part(self, start: int, stop: int) -> Self:
        """The frames at positions `start` to `stop - 1`."""
        return self._replace(
            frames=self.frames[start:stop],
            coefficients=FaceCoefficients(*(part[start:stop] for part in self.coefficients)),
            matrices=self.matrices[start:stop],
        )

    def runs(self) -> list[tuple[int, int]]:
        """Ranges of positions whose frames follow each other without a gap.

        >>> track = FaceTrack("c", "head", np.array([0, 1, 4, 5, 6]), *[None] * 4)
        >>> track.runs()
        [(0, 2), (2, 5)]
        """
        cuts = np.flatnonzero(np.diff(self.frames) != 1) + 1
        edges = [0, *cuts.tolist(), len(self.frames)]
        return [(a, b) for a, b in pairwise(edges) if a < b]


def read_track(data: Path, clip: str) -> FaceTrack:
    """The fit of a clip, without the frames that have none.

    Args:
        data: Holds `faces3d/` and `aligned/`.
        clip: Its name.

    Raises:
        ClipRejected: Where no frame has a fit.
    """
    path = data / "faces3d" / f"{clip}.parquet"
    fits = read_table(path, "faces3d")
    aligned = data / "aligned" / f"{clip}.parquet"
    matrices = read_table(aligned, "aligned", ["matrix"]).column("matrix")
    usable = fits.column("shape").is_valid().to_numpy() & matrices.is_valid().to_numpy()
    frames = np.flatnonzero(usable)
    if not len(frames):
        raise ClipRejected(
            "no_fit", f"none of {len(usable)} frames has a fitted face", "see `stccl doctor`"
        )
    with FrameReader(aligned, "aligned") as crops:
        crop = crops[int(frames[0])]
    assert crop is not None, clip

    def column(name: str) -> torch.Tensor:
        rows = fits.column(name).to_pylist()
        return torch.tensor([rows[frame] for frame in frames], dtype=torch.float32)

    coefficients = {name: column(name) for name in FaceCoefficients._fields}
    coefficients["eyes"] = coefficients["eyes"].view(-1, 2, 3)
    first: dict[str, Any] = fits.slice(int(frames[0]), 1).to_pylist()[0]
    x, y = first["centre_px"]
    camera = Camera(round(2 * max(x, y)), first["focal_px"], first["distance_m"], 0.0, (x, y))
    rows = matrices.to_pylist()
    return FaceTrack(
        clip,
        (read_provenance(path) or {})["params"]["model"],
        frames,
        FaceCoefficients(**coefficients),
        camera,
        torch.tensor([rows[frame] for frame in frames], dtype=torch.float64).view(-1, 2, 3),
        crop.shape[0],
    )
