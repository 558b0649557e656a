"""How well the 3-D face fits: residuals of all clips, and the mesh on some faces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stccl.clip import Clip
from stccl.fit.overlay import crop_with_mesh
from stccl.report.faces import data_url, evenly, fit, sheet_clips
from stccl.tables.io import read_table

_SIDE_PX = 150


@dataclass(frozen=True)
class ClipFit:
    """Residuals of a clip, as fractions of the distance of the eyes.

    Attributes:
        median, worst: Over its fitted frames.
        empty: Frames without a fit, for want of a face or because it was missed.
    """

    clip: str
    median: float
    worst: float
    empty: int


@dataclass(frozen=True)
class Fits:
    """Residuals of all clips, the worst clip first."""

    clips: tuple[ClipFit, ...]
    frames: int

    @property
    def median(self) -> float:
        """Of the clips' medians."""
        return float(np.median([clip.median for clip in self.clips]))

    @property
    def empty(self) -> int:
        """Frames without a fit."""
        return sum(clip.empty for clip in self.clips)


@dataclass(frozen=True)
class Overlay:
    """A crop and, below it, the same with the mesh, as one picture for the page."""

    speaker: str
    emotion: str
    frame: int
    residual: float
    picture: str
    side: int


def read_fits(data: Path, clips: Iterable[str]) -> Fits:
    """Of these clips' tables."""
    found, frames = [], 0
    for clip in sorted(clips):
        residual = _residuals(data, clip)
        known = residual[np.isfinite(residual)]
        frames += len(residual)
        median, worst = float(np.median(known)), float(known.max())
        found.append(ClipFit(clip, median, worst, len(residual) - len(known)))
    return Fits(tuple(sorted(found, key=lambda fit: (-fit.median, fit.clip))), frames)


def overlays(data: Path, clips: Sequence[Clip], speakers: int, emotions: int) -> list[Overlay]:
    """The mesh on the middle frames of some emotions of some speakers."""
    shown = []
    for speaker, by_emotion in sheet_clips(clips, speakers).items():
        chosen = list(by_emotion)
        for number in evenly(np.arange(len(chosen)), emotions):
            clip = by_emotion[chosen[number]]
            residual = _residuals(data, clip.clip)
            frame = int(evenly(np.flatnonzero(np.isfinite(residual)), 1)[0])
            pictures = crop_with_mesh(data, clip.clip, frame)
            assert pictures is not None, clip.clip
            both = np.vstack([fit(picture, _SIDE_PX) for picture in pictures])
            values = (speaker, clip.emotion, frame, float(residual[frame]))
            shown.append(Overlay(*values, data_url(both), both.shape[1]))
    return shown


def _residuals(data: Path, clip: str) -> npt.NDArray[np.float64]:
    """(T,) of a clip's fitted frames; NaN for the others."""
    table = read_table(data / "faces3d" / f"{clip}.parquet", "faces3d", ["shape", "residual"])
    residual = table.column("residual").to_numpy().astype(np.float64)
    fitted = table.column("shape").is_valid().to_numpy()
    return np.where(fitted, residual, np.nan)
