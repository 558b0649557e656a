"""One number for how well a generated clip keeps the speech of its source."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch
from torch import Tensor

from stccl.errors import StcclError
from stccl.metric.config import STCCLConfig
from stccl.metric.contrast import mean_cosines
from stccl.metric.images import as_input
from stccl.metric.loss import STCCLLoss
from stccl.metric.part import Level
from stccl.tables.png import Image

_FRAMES_AT_ONCE = 8
_NO_VARIATION = 1e-9
"""Mean squared deviation of unit vectors that is rounding alone."""

FramePair = tuple[Image | None, Image | None]


@dataclass(frozen=True)
class Score:
    r"""How coherent two clips are; all values in [-1, 1].

    Similarities say how alike corresponding regions look; two sentences of one speaker look alike
    as well, and more so in the same emotion than in two. What speech leaves in both clips is that
    their regions change together, so the score is a correlation over time:

    .. math::
        r = \frac{\sum_{t,v} (q_{tv} - \bar q_v) \cdot (k_{tv} - \bar k_v)}
        {\sqrt{\sum_{t,v} |q_{tv} - \bar q_v|^2 \; \sum_{t,v} |k_{tv} - \bar k_v|^2}}

    q and k: the metric's unit vectors of the generated and the source clip; v: region of a level;
    t: frame (spatial) or pair of frames of a window (temporal; of a metric of correlations the
    window, and v is a row of a region's matrix); bar: mean over t, which takes away what the clip
    looks like all the time. It is 1 for equal clips and about 0 for clips that have
    nothing but the speaker in common.

    Attributes:
        score: Mean of the coherences there are; higher is better.
        spatial_positive: Mean cosine of corresponding regions within frames; None, as everything
            spatial, where that part is off.
        spatial_negative: Of the others.
        spatial_coherence: r over frames; None where nothing changes in one of the clips.
        temporal_positive: Mean cosine of corresponding regions between frames; None, as everything
            temporal, where that part is off or no two neighbouring frames have a face.
        temporal_negative: Of the others.
        temporal_coherence: r over pairs of frames; None where nothing changes in one of the clips.
        frames_compared: Frame pairs looked at.
        frames_left_out: Frame pairs where one clip has no face, or has ended.
    """

    score: float
    spatial_positive: float | None
    spatial_negative: float | None
    spatial_coherence: float | None
    temporal_positive: float | None
    temporal_negative: float | None
    temporal_coherence: float | None
    frames_compared: int
    frames_left_out: int

    def __str__(self) -> str:
        """A table to read."""
        lines = [f"score {self.score:.3f}", f"{'':10}coherence  positive  negative"]
        for part in ("spatial", "temporal"):
            cells = [getattr(self, f"{part}_{v}") for v in ("coherence", "positive", "negative")]
            shown = ["–" if cell is None else f"{cell:.3f}" for cell in cells]
            lines.append(f"{part:10}{shown[0]:>9}{shown[1]:>10}{shown[2]:>10}")
        left_out = f", {self.frames_left_out} left out" if self.frames_left_out else ""
        return "\n".join([*lines, f"{self.frames_compared} frames compared{left_out}"])


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
        StcclError: Where no frame can be compared, or nothing changes in one of the clips.
    """
    if window_frames < 2:
        raise ValueError(f"window_frames: expected at least 2, got {window_frames}")
    if path is None:
        pairs: Iterable[FramePair] = zip_longest(source_frames, generated_frames)
    else:
        source, generated = list(source_frames), list(generated_frames)
        pairs = ((source[i], generated[j]) for i, j in path)
    tally = _Tally(loss.config)
    device = next(loss.parameters()).device
    for window in _windows(pairs, window_frames, tally):
        if len(window) < 2 and not loss.config.spatial:
            tally.left_out += len(window)
            continue
        sides = [
            as_input(side, loss.config.size_px)[None].to(device)
            for side in zip(*window, strict=True)
        ]
        tally.compared += len(window)
        for part, levels in loss.compare(sides[1], sides[0])._asdict().items():
            tally.parts[part].add(levels)
    return tally.score()


class _Tally:
    """What is counted on the way through two clips."""

    def __init__(self, config: STCCLConfig) -> None:
        self.compared = 0
        self.left_out = 0
        rows = config.formulation == "correlation"
        self.parts = {"spatial": _OverTime(), "temporal": _OverTime(by_window=rows)}

    def score(self) -> Score:
        if not self.compared:
            raise StcclError(
                f"no frame to compare: {self.left_out} left out for want of a face in both clips; "
                "look at the clips"
            )
        spatial, temporal = self.parts.values()
        coherences = [part.coherence() for part in (spatial, temporal)]
        found = [coherence for coherence in coherences if coherence is not None]
        if not found:
            raise StcclError(
                f"nothing changes in {self.compared} frames of one of the clips, so there is no "
                "speech to compare; give clips, not stills"
            )
        return Score(
            score=sum(found) / len(found),
            spatial_positive=spatial.mean(0),
            spatial_negative=spatial.mean(1),
            spatial_coherence=coherences[0],
            temporal_positive=temporal.mean(0),
            temporal_negative=temporal.mean(1),
            temporal_coherence=coherences[1],
            frames_compared=self.compared,
            frames_left_out=self.left_out,
        )


class _OverTime:
    """Sums over the frames, or pairs of frames, of one part: clips of any length fit in memory.

    Args:
        by_window: A window is an instant, as in a correlation over time: its rows are one for every
            frame, and look alike in all windows. Windows of another length than the first have
            other rows and are left out.
    """

    def __init__(self, by_window: bool = False) -> None:
        self._by_window = by_window
        self._instants = 0
        self._shape: torch.Size | None = None
        self._cosines = torch.zeros(2, dtype=torch.float64)
        self._products = torch.zeros(3, dtype=torch.float64)
        self._vectors: list[Tensor] = []  # per level (2, S, C): sums of q and of k

    def add(self, levels: Sequence[Level]) -> None:
        if not levels:
            return
        shape = levels[0].query.shape
        self._shape = self._shape or shape
        if self._by_window and shape != self._shape:
            return
        instants = 1 if self._by_window else len(levels[0].query)
        self._instants += instants
        sums = []
        for level in levels:
            q, k = level.query.double().cpu(), level.key.double().cpu()
            cosines = torch.stack([cosine.mean() for cosine in mean_cosines(q, k)])
            self._cosines += instants * cosines / len(levels)
            if self._by_window:
                q, k = q.flatten(0, 1)[None], k.flatten(0, 1)[None]
            # Levels count alike, however many regions they have.
            self._products += _products(q, k) / q.shape[1]
            sums.append(torch.stack([q.sum(dim=0), k.sum(dim=0)]))
        before = self._vectors or [torch.zeros_like(level) for level in sums]
        self._vectors = [a + b for a, b in zip(before, sums, strict=True)]

    def mean(self, sign: int) -> float | None:
        """Mean cosine of vectors that belong together (0) and of the others (1)."""
        return float(self._cosines[sign] / self._instants) if self._instants else None

    def coherence(self) -> float | None:
        """Correlation of both sides over instants; None where one of them never changes."""
        if not self._instants:
            return None
        products = self._products.clone()
        for q, k in self._vectors:
            products -= _products(q, k) / (self._instants * len(q))
        together, of_query, of_key = (products / self._instants).tolist()
        if min(of_query, of_key) < _NO_VARIATION:
            return None
        return float(together / (of_query * of_key) ** 0.5)


def _products(q: Tensor, k: Tensor) -> Tensor:
    """Sums of q·k, q·q and k·k."""
    return torch.stack([(a * b).sum() for a, b in ((q, k), (q, q), (k, k))])


def _windows(
    pairs: Iterable[FramePair], window_frames: int, tally: _Tally
) -> Iterator[list[tuple[Image, Image]]]:
    """Windows one after the other, none reaching across a frame that is left out."""
    window: list[tuple[Image, Image]] = []
    for source, generated in pairs:
        if source is None or generated is None:
            tally.left_out += 1
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
