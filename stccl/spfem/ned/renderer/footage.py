"""What a renderer learns from: runs of frames, drawn and cropped, kept in memory."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from stccl.clip import Clip
from stccl.errors import ClipRejected, StageError
from stccl.fit.identities import speaker_key
from stccl.spfem.ned.renderer.conditions import draw
from stccl.spfem.ned.renderer.generator import WINDOW_FRAMES
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.texture import Texture, texture_of
from stccl.spfem.ned.renderer.track import FaceTrack, read_track
from stccl.tables.frames import FrameReader
from stccl.tables.png import Image

_TEXTURE_FRAMES = 200
"""Of a speaker: three times as many make a texture hardly clearer."""


class Shots(NamedTuple):
    """T frames, or B times T, as they are kept."""

    images: Tensor
    """(…, 6, H, W) uint8: conditions, as from `draw`."""
    targets: Tensor
    """(…, 3, H, W) uint8: the crop, black outside the mask."""
    landmarks_px: Tensor
    """(…, 68, 2)."""


@dataclass(frozen=True)
class Passage:
    """Frames of a clip that follow each other.

    Attributes:
        track: Number of the clip.
        first: Position in its track from which on nothing is missing.
        start: Position of its first frame.
        frames: How many.
    """

    track: int
    first: int
    start: int
    frames: int


class Footage:
    """All frames of some clips that have a fit.

    A frame is drawn when it is first asked for: about 150 kB are kept of each at 128 px.

    Args:
        data: Holds `faces3d/` and `aligned/`.
        clips: Which ones; those without a fit are left out.
        config: Of the renderer: size of the pictures, and what of the crop they show.
        cached_frames: Most frames that are kept.

    Attributes:
        tracks: The fitted face of every clip.
        speakers: Whose it is.

    Raises:
        StageError: Where none is left.
    """

    def __init__(
        self, data: Path, clips: Sequence[Clip], config: RendererConfig, cached_frames: int
    ) -> None:
        self._data = data
        self._config = config
        self._cached_frames = cached_frames
        self._cache: OrderedDict[tuple[int, int], Shots] = OrderedDict()
        self.tracks: list[FaceTrack] = []
        self.speakers: list[str] = []
        self._runs: dict[str, list[list[tuple[int, int, int]]]] = {}
        for clip in sorted(clips, key=lambda clip: clip.clip):
            if not (data / "faces3d" / f"{clip.clip}.parquet").is_file():
                continue
            try:
                track = read_track(data, clip.clip)
            except ClipRejected:
                continue
            runs = [(len(self.tracks), *run) for run in track.runs()]
            self._runs.setdefault(speaker_key(clip), []).append(runs)
            self.tracks.append(track)
            self.speakers.append(speaker_key(clip))
        if not self.tracks:
            raise StageError(
                f"renderer: none of {len(clips)} clips has a fitted face; see "
                "data/fit/rejected.parquet"
            )

    def draw_passage(self, random: np.random.Generator, frames: int) -> Passage:
        """A speaker, a clip and a start, one after the other, each uniformly.

        Where a clip has no run of so many frames, another is drawn; where none has, an error.

        Raises:
            StageError: Where no clip has so many frames in a row.
        """
        speakers = {
            speaker: long
            for speaker, clips in self._runs.items()
            if (long := [runs for clip in clips if (runs := _at_least(clip, frames))])
        }
        if not speakers:
            raise StageError(
                f"renderer: no clip has {frames} fitted frames in a row; lower "
                "training.longest_sequence_frames"
            )
        runs = _one_of(random, speakers[_one_of(random, sorted(speakers))])
        starts = np.cumsum([stop - first - frames + 1 for _, first, stop in runs])
        place = int(random.integers(starts[-1]))
        run = int(np.searchsorted(starts, place, side="right"))
        track, first, _ = runs[run]
        return Passage(track, first, first + place - int([0, *starts][run]), frames)

    def read(self, passage: Passage, start: int, stop: int) -> Shots:
        """Its frames `start` to `stop - 1` with those before them that a window needs.

        Where the clip has none before, its first frame stands for them.

        Returns:
            Of `stop - start + 2` frames.
        """
        before = WINDOW_FRAMES - 1
        wanted = range(passage.start + start - before, passage.start + stop)
        shots = self._frames(passage.track, [max(place, passage.first) for place in wanted])
        return Shots(*(torch.stack(each) for each in zip(*shots, strict=True)))

    def textures(self) -> dict[str, Texture]:
        """Of every speaker, from frames spread evenly over the clips."""
        found = {}
        for speaker in self._runs:
            tracks = [number for number, who in enumerate(self.speakers) if who == speaker]
            places = [(t, place) for t in tracks for place in range(len(self.tracks[t].frames))]
            every = max(1, len(places) // _TEXTURE_FRAMES)
            shots = [self._frames(track, [place])[0] for track, place in places[::every]]
            found[speaker] = texture_of(
                torch.stack([shot.landmarks_px for shot in shots]),
                ((shot.images, as_pictures(shot.targets)) for shot in shots),
            )
        return found

    def _frames(self, track: int, places: list[int]) -> list[Shots]:
        missing = sorted({place for place in places if (track, place) not in self._cache})
        if missing:
            shots = self._draw(self.tracks[track], missing[0], missing[-1] + 1)
            self._cache.update(
                {(track, missing[0] + number): shot for number, shot in enumerate(shots)}
            )
        found = [self._cache[track, place] for place in places]
        for place in places:
            self._cache.move_to_end((track, place))
        while len(self._cache) > self._cached_frames:
            self._cache.popitem(last=False)
        return found

    def _draw(self, track: FaceTrack, start: int, stop: int) -> list[Shots]:
        part = track.part(start, stop)
        drawn = draw(part, self._config)
        masks = drawn.images[:, -1, :, :, None].numpy() > 0
        with FrameReader(self._data / "aligned" / f"{track.clip}.parquet", "aligned") as crops:
            pictures = [windowed(crops[int(frame)], self._config) for frame in part.frames]
        targets = torch.from_numpy(np.stack(pictures) * masks).movedim(-1, 1).contiguous()
        return [
            Shots(*shot) for shot in zip(drawn.images, targets, drawn.landmarks_px, strict=True)
        ]


def windowed(crop: Image | None, config: RendererConfig) -> Image:
    """What of a crop the renderer paints, in its size; black beyond the crop."""
    assert crop is not None
    side = config.size_px
    if crop.shape[0] != side:
        # Smaller: the mean of what falls into a pixel.
        how = cv2.INTER_AREA if crop.shape[0] > side else cv2.INTER_CUBIC
        crop = np.asarray(cv2.resize(crop, (side, side), interpolation=how), np.uint8)
    (x, y), (height, width) = config.corner_px, config.picture_px
    picture = np.zeros((height, width, 3), np.uint8)
    seen = crop[y : y + height, x : x + width]
    picture[: seen.shape[0], : seen.shape[1]] = seen
    return picture


def as_pictures(images: Tensor) -> Tensor:
    """uint8 in [0, 255] to float in [-1, 1]."""
    return images.float() / 127.5 - 1


def _at_least(runs: list[tuple[int, int, int]], frames: int) -> list[tuple[int, int, int]]:
    return [run for run in runs if run[2] - run[1] >= frames]


def _one_of(random: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(random.integers(len(choices)))]
