"""Windows of aligned frame pairs: two emotions, the same words, the same instants."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stccl.errors import StageError
from stccl.metric.images import as_input
from stccl.tables.frames import FrameReader
from stccl.tables.io import open_table, read_table

_OPEN_CLIPS = 64
"""Clips a process keeps open; one that reads hundreds would run out of file handles."""


@dataclass(frozen=True)
class Window:
    """Evenly spaced steps of a pair; both clips move on between any two.

    Attributes:
        step: Where on the warping path it starts.
        source_frames: T frames of the source clip, strictly increasing.
        target_frames: T frames of the target clip, strictly increasing.
    """

    step: int
    source_frames: tuple[int, ...]
    target_frames: tuple[int, ...]


@dataclass(frozen=True)
class PairWindows:
    """A pair of clips and all its windows; T is the same for all."""

    pair: str
    source: str
    target: str
    speaker: str
    source_emotion: str
    target_emotion: str
    split: str
    windows: tuple[Window, ...]


def read_pairs(
    data: Path, split: str, window_frames: int, frame_stride: int = 1
) -> list[PairWindows]:
    """The pairs of a split that have at least one window, by name.

    A window takes every `frame_stride`-th of the path's steps, without those that repeat a frame
    of either clip: a warped path dwells, and two equal frames have no disparity to compare. It
    never reaches across a frame without a face.
    """
    rows = read_table(data / "pairs.parquet", "pairs").to_pylist()
    rows = sorted(
        (row for row in rows if row["split"] == split), key=lambda row: (row["pair"], row["step"])
    )
    reach = frame_stride * (window_frames - 1) + 1
    faces: dict[str, npt.NDArray[np.bool_]] = {}
    pairs = []
    for name, path in groupby(rows, key=lambda row: row["pair"]):
        steps = list(path)
        first = steps[0]
        for clip in (first["source"], first["target"]):
            if clip not in faces:
                faces[clip] = _has_face(data / "aligned" / f"{clip}.parquet")
        windows = [
            _window(run[start : start + reach : frame_stride])
            for run in _runs(steps, faces[first["source"]], faces[first["target"]])
            for start in range(len(run) - reach + 1)
        ]
        if windows:
            about = {
                key: first[key]
                for key in (
                    "source", "target", "speaker", "source_emotion", "target_emotion", "split",
                )
            }  # fmt: skip
            pairs.append(PairWindows(pair=name, **about, windows=tuple(windows)))
    return pairs


def training_pairs(data: Path, window_frames: int, frame_stride: int = 1) -> list[PairWindows]:
    """The pairs of `metric-train`.

    Raises:
        StageError: Where there is none.
    """
    pairs = read_pairs(data, "metric-train", window_frames, frame_stride)
    if not pairs:
        reach = frame_stride * (window_frames - 1) + 1
        raise StageError(
            f"metric: no pair of split metric-train has {reach} frames in a row with faces in both "
            "clips; give the dataset speakers who say the same words in several emotions"
        )
    return pairs


def evenly(pairs: Sequence[PairWindows], per_pair: int) -> list[tuple[PairWindows, Window]]:
    """Up to `per_pair` windows of every pair, spread evenly over it."""
    chosen = []
    for pair in pairs:
        count = min(per_pair, len(pair.windows))
        indices = np.linspace(0, len(pair.windows) - 1, count).round().astype(int)
        chosen += [(pair, pair.windows[i]) for i in indices]
    return chosen


class WindowReader:
    """Pictures of windows, ready for the metric; keeps the clips it reads open.

    Args:
        data: The data folder.
        size_px: Side of the pictures it gives.
    """

    def __init__(self, data: Path, size_px: int) -> None:
        self._data = data
        self._size_px = size_px
        self._readers: OrderedDict[str, FrameReader] = OrderedDict()

    def read(self, pair: PairWindows, window: Window) -> tuple[Tensor, Tensor]:
        """Target (the emotional clip) and source (the neutral one), each (T, 3, H, W)."""
        return (
            self._clip(pair.target, window.target_frames),
            self._clip(pair.source, window.source_frames),
        )

    def _clip(self, clip: str, frames: Sequence[int]) -> Tensor:
        if clip not in self._readers:
            path = self._data / "aligned" / f"{clip}.parquet"
            self._readers[clip] = FrameReader(path, "aligned")
            if len(self._readers) > _OPEN_CLIPS:
                self._readers.popitem(last=False)[1].close()
        self._readers.move_to_end(clip)
        images = [self._readers[clip][frame] for frame in frames]
        return as_input([image for image in images if image is not None], self._size_px)

    def __getstate__(self) -> dict[str, Any]:
        # A worker process opens its own files.
        return {**self.__dict__, "_readers": OrderedDict()}


class TrainingWindows(Dataset[tuple[Tensor, Tensor]]):
    """Sample i is a function of the seed and i: nothing else, so that training can resume.

    Speaker, emotion, pair and window are drawn one after the other, each uniformly, as in the
    published code, so that a speaker with more clips does not count for more.

    Args:
        pairs: What to draw from.
        reader: Where pictures come from.
        seed: Of the drawing.
    """

    def __init__(self, pairs: Sequence[PairWindows], reader: WindowReader, seed: int) -> None:
        self._reader = reader
        self._seed = seed
        self._tree: dict[str, dict[str, list[PairWindows]]] = {}
        for pair in pairs:
            emotions = self._tree.setdefault(pair.speaker, {})
            emotions.setdefault(pair.target_emotion, []).append(pair)

    def draw(self, index: int) -> tuple[PairWindows, Window]:
        """The pair and window of sample `index`."""
        random = np.random.default_rng([self._seed, index])
        emotions = self._tree[_one_of(random, sorted(self._tree))]
        pair = _one_of(random, emotions[_one_of(random, sorted(emotions))])
        return pair, _one_of(random, pair.windows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._reader.read(*self.draw(index))


def training_batches(
    windows: TrainingWindows, *, batch: int, first_step: int, steps: int, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of the steps `first_step`…`steps - 1`, each (B, T, 3, H, W): target and source.

    Args:
        windows: Samples; step s takes those from s·batch on.
        batch: B.
        first_step: 0, or where an interrupted training goes on.
        steps: Where it ends.
        workers: Processes that read ahead; 0 reads in this one. Their number changes no batch.
    """
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        windows,
        batch_size=batch,
        sampler=range(first_step * batch, steps * batch),
        num_workers=workers,
        # A forked copy of a process with busy threads may wait for ever.
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)


def _one_of(random: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(random.integers(len(choices)))]


def _has_face(path: Path) -> npt.NDArray[np.bool_]:
    with open_table(path, "aligned") as file:
        column = file.read(columns=["matrix"]).column(0)
    return cast(npt.NDArray[np.bool_], column.is_valid().to_numpy())


def _runs(
    steps: Sequence[dict[str, Any]],
    source_faces: npt.NDArray[np.bool_],
    target_faces: npt.NDArray[np.bool_],
) -> list[list[dict[str, Any]]]:
    """Stretches of steps with faces on both sides, thinned to those where both clips move on."""
    runs: list[list[dict[str, Any]]] = [[]]
    for step in steps:
        if not (source_faces[step["source_frame"]] and target_faces[step["target_frame"]]):
            runs.append([])
        elif not runs[-1] or (
            step["source_frame"] > runs[-1][-1]["source_frame"]
            and step["target_frame"] > runs[-1][-1]["target_frame"]
        ):
            runs[-1].append(step)
    return runs


def _window(steps: Sequence[dict[str, Any]]) -> Window:
    return Window(
        step=steps[0]["step"],
        source_frames=tuple(step["source_frame"] for step in steps),
        target_frames=tuple(step["target_frame"] for step in steps),
    )
