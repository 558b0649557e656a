"""One utterance: a row of `data/clips.parquet`."""

from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa

from stccl.tables.io import read_table

EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
"""MEAD's words for the emotions, in the order used everywhere."""


@dataclass(frozen=True)
class Clip:
    """One speaker saying one sentence once, in one emotion.

    Attributes:
        clip: Unique id, `<dataset>-<speaker>-<emotion>-<level>-<sentence>[-<take>]`, safe as a
            file name.
        level: Intensity of the emotion, from 1.
        take: Which repetition this is; empty where a dataset has one.
        split: `metric-train`, `metric-test`, `spfem-train`, `spfem-test` or `unused`.
        words: Clips of one speaker with the same non-empty `words` say the same words.
        media_path: The picture, relative to the project's folder; absolute where the dataset's root
            is an absolute path outside of it.
        audio_path: The sound; equal to `media_path` where one file holds both.
        fps, frames, duration_s: As found in the source file; None where it could not be read.
        sha256: Of the picture file followed by the sound file where that is another one.
    """

    clip: str
    dataset: str
    speaker: str
    emotion: str
    level: int
    sentence: str
    take: str
    split: str
    words: str
    media_path: str
    audio_path: str
    fps: float | None
    frames: int | None
    duration_s: float | None
    sha256: str


def read_clips(data: Path) -> list[Clip]:
    """All clips of `<data>/clips.parquet`, in the order of their ids."""
    return clips_of(read_table(data / "clips.parquet", "clips"))


def clips_of(table: pa.Table) -> list[Clip]:
    """The rows of a clips table as `Clip` objects."""
    names = [field.name for field in fields(Clip)]
    return [Clip(**row) for row in table.select(names).to_pylist()]
