"""One number for how well a generated clip keeps the speech of its source."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch

from stccl.errors import StcclError
from stccl.metric.images import as_input
from stccl.metric.loss import STCCLLoss
from stccl.tables.png import Image

_FRAMES_AT_ONCE = 8

FramePair = tuple[Image | None, Image | None]


@dataclass(frozen=True)
class Score:
    """How coherent two clips are; cosines in [-1, 1], means over frames, regions and levels.

    Attributes:
        score: Mean of the margins there are; higher is better.
        spatial_positive: Of corresponding regions within frames; None where that part is off.
        spatial_negative: Of the others.
        spatial_margin: `spatial_positive - spatial_negative`.
        temporal_positive: Of corresponding regions between frames; None where that part is off or
            no window of frames is without gaps.
        temporal_negative: Of the others.
        temporal_margin: `temporal_positive - temporal_negative`.
        frames_compared: Frame pairs looked at.
        frames_left_out: Frame pairs where one clip has no face, or has ended.
    """

    score: float
    spatial_positive: float | None
    spatial_negative: float | None
    spatial_margin: float | None
    temporal_positive: float | None
    temporal_negative: float | None
    temporal_margin: float | None
    frames_compared: int
    frames_left_out: int


def score(
    source_frames: Iterable[Image | None],
    generated_frames: Iterable[Image | None],
    loss: STCCLLoss,
    *,
    path: Sequence[tuple[int, int]] | None = None,
    window_frames: int = _FRAMES_AT_ONCE,
) -> Score:
    """Compare two aligned clips, frame k with frame k or along a path.

    Frames are read as they are needed, so that long clips fit in memory; along a path both clips
    are held.

    Args:
        source_frames: H×W×3, RGB, 0–255, or None where there is no face.
        generated_frames: The same.
        loss: A trained metric.
        path: (source frame, generated frame) of every step, instead of frame k with frame k.
        window_frames: Frames whose differences in time are compared, at least 2.

    Raises:
        StcclError: Where no frame can be compared.
    """
    if window_frames < 2:
        raise ValueError(f"window_frames: expected at least 2, got {window_frames}")
    if path is None:
        pairs: Iterable[FramePair] = zip_longest(source_frames, generated_frames)
    else:
        source, generated = list(source_frames), list(generated_frames)
        pairs = ((source[i], generated[j]) for i, j in path)
    sums = _Sums()
    for window in _windows(pairs, window_frames, sums):
        if len(window) < 2 and not loss.config.spatial:
            sums.left_out += len(window)
            continue
        sides = [as_input(side, loss.config.size_px)[None] for side in zip(*window, strict=True)]
        device = next(loss.parameters()).device
        sums.add(loss, sides[1].to(device), sides[0].to(device))
    if not sums.compared:
        raise StcclError(
            f"no frame to compare: {sums.left_out} left out for want of a face in both clips; "
            "look at the clips"
        )
    return sums.score()


class _Sums:
    def __init__(self) -> None:
        self.compared = 0
        self.left_out = 0
        self._weights = {"spatial": 0, "temporal": 0}
        self._cosines = {"spatial": torch.zeros(2), "temporal": torch.zeros(2)}

    def add(self, loss: STCCLLoss, generated: torch.Tensor, source: torch.Tensor) -> None:
        frames = generated.shape[1]
        self.compared += frames
        for part, found in loss.similarity(generated, source)._asdict().items():
            if found is not None:
                weight = frames if part == "spatial" else frames - 1
                cosines = torch.stack([found.positive_cosine.mean(), found.negative_cosine.mean()])
                self._weights[part] += weight
                self._cosines[part] += weight * cosines.cpu()

    def score(self) -> Score:
        means = {
            part: (self._cosines[part] / weight).tolist() if weight else (None, None)
            for part, weight in self._weights.items()
        }
        margins = {
            part: None if positive is None else positive - negative
            for part, (positive, negative) in means.items()
        }
        found = [margin for margin in margins.values() if margin is not None]
        return Score(
            score=sum(found) / len(found),
            spatial_positive=means["spatial"][0],
            spatial_negative=means["spatial"][1],
            spatial_margin=margins["spatial"],
            temporal_positive=means["temporal"][0],
            temporal_negative=means["temporal"][1],
            temporal_margin=margins["temporal"],
            frames_compared=self.compared,
            frames_left_out=self.left_out,
        )


def _windows(
    pairs: Iterable[FramePair], window_frames: int, sums: _Sums
) -> Iterator[list[tuple[Image, Image]]]:
    """Windows one after the other, none reaching across a frame that is left out."""
    window: list[tuple[Image, Image]] = []
    for source, generated in pairs:
        if source is None or generated is None:
            sums.left_out += 1
            if window:
                yield window
            window = []
            continue
        window.append((source, generated))
        if len(window) == window_frames:
            yield window
            window = []
    if window:
        yield window
