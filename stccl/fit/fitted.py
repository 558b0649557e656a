"""The fitted face of a clip, as the tables hold it."""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.errors import ClipRejected
from stccl.face3d.model import FaceCoefficients
from stccl.render.camera import Camera
from stccl.tables.io import read_provenance, read_table


@dataclass(frozen=True)
class Fitted:
    """The face in those N frames of a clip that have a fit.

    Attributes:
        clip: Its name.
        model: Name of the face model.
        frames: (N,) their numbers in the clip, increasing.
        coefficients: Of N frames.
        camera: Of the full frame.
        detail: (N, 128) wrinkles by DECA; None without them.
    """

    clip: str
    model: str
    frames: NDArray[np.int64]
    coefficients: FaceCoefficients
    camera: Camera
    detail: torch.Tensor | None

    def part(self, start: int, stop: int) -> Self:
        """The frames at positions `start` to `stop - 1`."""
        return replace(
            self,
            frames=self.frames[start:stop],
            coefficients=FaceCoefficients(*(part[start:stop] for part in self.coefficients)),
            detail=None if self.detail is None else self.detail[start:stop],
        )

    def runs(self) -> list[tuple[int, int]]:
        """Ranges of positions whose frames follow each other without a gap.

        >>> Fitted("c", "head", np.array([0, 1, 4, 5, 6]), *[None] * 3).runs()
        [(0, 2), (2, 5)]
        """
        cuts = np.flatnonzero(np.diff(self.frames) != 1) + 1
        edges = [0, *cuts.tolist(), len(self.frames)]
        return [(a, b) for a, b in pairwise(edges) if a < b]


def read_fitted(data: Path, clip: str) -> Fitted:
    """The fit of a clip, without the frames that have none.

    Args:
        data: Holds `faces3d/`.
        clip: Its name.

    Raises:
        ClipRejected: Where no frame has a fit.
    """
    path = data / "faces3d" / f"{clip}.parquet"
    table = read_table(path, "faces3d")
    fits = table.filter(table["shape"].is_valid())
    if not len(fits):
        raise ClipRejected(
            "no_fit", f"none of {len(table)} frames has a fitted face", "see `stccl doctor`"
        )

    def column(name: str) -> torch.Tensor:
        return torch.from_numpy(np.array(fits[name].to_pylist(), np.float32))

    coefficients = {name: column(name) for name in FaceCoefficients._fields}
    coefficients["eyes"] = coefficients["eyes"].view(-1, 2, 3)
    first: dict[str, Any] = fits.slice(0, 1).to_pylist()[0]
    x, y = first["centre_px"]
    return Fitted(
        clip,
        (read_provenance(path) or {})["params"]["model"],
        fits["frame"].to_numpy().astype(np.int64),
        FaceCoefficients(**coefficients),
        Camera(round(2 * max(x, y)), first["focal_px"], first["distance_m"], 0.0, (x, y)),
        None if first["detail"] is None else column("detail"),
    )
