"""What faces do in clips, and the windows of it that training draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stccl.clip import Clip
from stccl.errors import StageError
from stccl.fit.fitted import Fitted, read_fitted
from stccl.spfem.ned.manipulator.signal import signal_of

EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""In the order of NED's labels; no contempt."""


@dataclass(frozen=True)
class Take(Fitted):
    """The fitted face of a clip, and what it shows."""

    emotion: str


class Batch(NamedTuple):
    """What a training step sees; signals in the units of their coefficients."""

    source: Tensor
    """(B, T, N)."""
    source_label: Tensor
    """(B,) int64."""
    reference: Tensor
    """(B, T, N) of other emotions or the same."""
    target_label: Tensor
    """(B,) int64, the references' emotions."""
    latent: Tensor
    """(B, Z) Gaussian noise."""
    shape: Tensor
    """(B, S) whose faces the sources are."""


def read_take(data: Path, clip: Clip) -> Take:
    """The fit in `<data>/faces3d/<clip>.parquet`.

    Raises:
        ClipRejected: Where no frame has one.
    """
    return Take(**vars(read_fitted(data, clip.clip)), emotion=clip.emotion)


class TrainingWindows:
    """Step s sees a function of the seed and s: nothing else, so that training can resume.

    Emotions are drawn uniformly, then windows of each, so that an emotion with more clips does not
    count for more. A window never crosses a frame without a face.

    Args:
        takes: What to draw from; those of an emotion not in `EMOTIONS` are left out.
        window_frames: T.
        latent: Z.
        seed: Of the drawing.

    Raises:
        StageError: Where there are windows of fewer than two emotions, or takes of several models.
    """

    def __init__(self, takes: Sequence[Take], window_frames: int, latent: int, seed: int) -> None:
        self._latent = latent
        self._seed = seed
        self._place = torch.arange(window_frames)
        known = [take for take in takes if take.emotion in EMOTIONS]
        starts: dict[int, list[int]] = {}
        before = 0
        for take in known:
            for start, stop in take.runs():
                first, end = before + start, before + stop - window_frames + 1
                starts.setdefault(EMOTIONS.index(take.emotion), []).extend(range(first, end))
            before += len(take.frames)
        self._starts = [torch.tensor(starts[label]) for label in sorted(starts) if starts[label]]
        self._labels = torch.tensor([label for label in sorted(starts) if starts[label]])
        if len(self._labels) < 2:
            raise StageError(
                f"manipulator: {len(known)} clips have {window_frames} fitted frames in a row in "
                f"{len(self._labels)} emotions, and it takes two; give it more clips of "
                f"{', '.join(EMOTIONS)}"
            )
        models = sorted({take.model for take in known})
        if len(models) > 1:
            raise StageError(
                f"manipulator: coefficients of several face models ({', '.join(models)}); run "
                "`dvc repro fit`"
            )
        self.face_model = models[0]
        self.signal = torch.cat([signal_of(take.coefficients) for take in known])
        """(T, N) all frames, one take after the other."""
        self._shape = torch.cat([take.coefficients.shape for take in known])

    def draw(self, step: int, windows: int) -> Batch:
        """The batch of a step, with B `windows`."""
        random = np.random.default_rng([self._seed, step])
        source, source_label = self._draw(random, windows)
        reference, target_label = self._draw(random, windows)
        latent = random.standard_normal((windows, self._latent), np.float32)
        return Batch(
            self.signal[source[:, None] + self._place],
            source_label,
            self.signal[reference[:, None] + self._place],
            target_label,
            torch.from_numpy(latent),
            self._shape[source],
        )

    def _draw(self, random: np.random.Generator, windows: int) -> tuple[Tensor, Tensor]:
        """First frames and labels."""
        emotions = random.integers(len(self._labels), size=windows)
        places = random.random(windows)
        firsts = [
            self._starts[emotion][int(place * len(self._starts[emotion]))]
            for emotion, place in zip(emotions, places, strict=True)
        ]
        return torch.stack(firsts), self._labels[torch.from_numpy(emotions)]
