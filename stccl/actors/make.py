"""The actors dataset: takes as MEAD lays clips out, beside `truth/`."""

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import torch

from stccl.actors.edition import Edition
from stccl.actors.expressions import EXPRESSIONS
from stccl.actors.performance import Motion, Take, perform
from stccl.actors.scene import Scene
from stccl.actors.speaker import Speaker
from stccl.actors.truth import write_frames, write_maps, write_phonemes
from stccl.actors.visemes import VISEMES
from stccl.clip import Clip
from stccl.face3d.model import FaceCoefficients
from stccl.fingerprint import code_version, fingerprint
from stccl.runner import Runner
from stccl.tables.io import read_provenance
from stccl.video import write_sound, write_video

CODE = ("actors", "face3d/head", "face3d/model", "face3d/rotation", "render", "video")
"""What a take depends on, below `stccl/`."""
_PART = ".making-"
_CHUNK_SENTENCES = 4
_OTHER_RATE = 3
"""Every third man and woman is filmed at the other rate, as real collections mix them."""


def generate(
    folder: Path,
    speakers: tuple[str, ...] | Literal["all"],
    edition: Mapping[str, Any],
    seed: int,
    runner: Runner,
) -> None:
    """Make the takes that are not there yet, and remove those of another edition.

    Each depends on the seed and on what it is named by, not on what else is made:
    `<speaker>/video/front/<emotion>/level_<n>/<sentence>.mp4`, its sound
    `<speaker>/audio/<emotion>/level_<n>/<sentence>.m4a` and what is known of it (`truth/`, see
    `stccl.actors.truth`).

    Args:
        folder: Where to.
        speakers: Which, instead of the first `edition.speakers`.
        edition: See `Edition`.
        seed: Of everything about the speakers and their takes.
        runner: Spreads the work; a chunk is the takes of some sentences by one speaker, as it
            takes as long to set a speaker up as to film two takes.

    Raises:
        ParamsError: For an edition or speaker that cannot be.
        StageError: Where espeak-ng or ffmpeg fails.
    """
    wanted = Edition.parse(dict(edition), where="datasets.actors.edition")
    names = wanted.speaker_names if speakers == "all" else speakers
    cast = [Speaker(name, seed) for name in names]
    readings = [(speaker, sentence) for speaker in cast for sentence in wanted.sentence_ids]
    _remove_others(folder, readings, wanted)
    told, size = wanted.sentence_ids, _CHUNK_SENTENCES
    parts = [told[first : first + size] for first in range(0, len(told), size)]
    chunks = [(folder, speaker, part, wanted) for speaker in cast for part in parts]
    sizes = [len(part) * len(wanted.moods) for _ in cast for part in parts]
    for _ in runner.map(make_readings, chunks, sizes=sizes):
        pass


def make_readings(
    folder: Path, speaker: Speaker, sentences: tuple[str, ...], edition: Edition
) -> None:
    """`make_reading` of some sentences."""
    for sentence in sentences:
        make_reading(folder, speaker, sentence, edition)


def make_reading(folder: Path, speaker: Speaker, sentence: str, edition: Edition) -> None:
    """Make one speaker's takes of a sentence, in an edition's emotions, unless they are there."""
    mark = _mark(speaker, sentence, edition.side_px)
    maps = folder / "truth" / "maps" / f"{speaker.name}-{sentence}.parquet"
    moods_mark = fingerprint(of=mark, moods=edition.moods)
    if _fingerprint_of(maps) == moods_mark and all(
        _is_there(folder, speaker, sentence, *mood, mark) for mood in edition.moods
    ):
        return
    takes = [perform(speaker, sentence, *mood) for mood in edition.moods]
    for take in takes:
        if not _is_there(folder, speaker, sentence, take.emotion, take.level, mark):
            make_take(folder, take, edition.side_px, mark)
    write_maps(maps, takes, frame_rate_hz(speaker), {"fingerprint": moods_mark})


def make_take(folder: Path, take: Take, side_px: int, mark: str = "") -> None:
    """Film a take: picture, sound and truth below a folder, named as `generate` says.

    Args:
        folder: Where to.
        take: What is played.
        side_px: Of the picture.
        mark: Kept in the truth, to tell later what it was made from.
    """
    scene, fps = _scene(take.speaker, side_px), frame_rate_hz(take.speaker)
    times_s = take.frame_times_s(fps)
    motion = take.at(times_s)
    faces = coefficients(motion, scene.shape)
    facts = {
        "fingerprint": mark,
        "fps": fps,
        "camera": scene.camera._asdict(),
        "shape": [float(value) for value in scene.shape],
        "expressions": EXPRESSIONS,
        "visemes": tuple(VISEMES),
    }
    making = folder / f"{_PART}{os.getpid()}"
    files = _files(take.speaker.name, take.said.sentence, take.emotion, take.level)
    for path in files:
        (making / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    picture, sound, phonemes, frames = (making / path for path in files)
    points_px, pictures = scene.film(faces)
    try:
        write_video(picture, pictures, fps)
        write_sound(sound, take.samples, take.sample_rate_hz)
        write_phonemes(phonemes, take.phonemes, facts)
        write_frames(frames, times_s, motion, points_px, facts)
        # The frames' truth comes last: a take whose frames are there, with this mark, is whole.
        for path in files:
            (making / path).replace(folder / path)
    finally:
        shutil.rmtree(making)


def film_target(
    path: Path, clip: Clip, emotion: str, level: int, edition: Mapping[str, Any], seed: int,
    sound: Path,
) -> None:  # fmt: skip
    """Film what a perfect manipulation of a take would be: the same words, timing and head.

    Args:
        path: An mp4 file.
        clip: A take that `generate` made.
        emotion: Of the face instead.
        level: Its intensity.
        edition: As for `generate`.
        seed: As for `generate`.
        sound: The take's.

    Raises:
        ParamsError: For an edition, emotion or level that cannot be.
        StageError: Where espeak-ng or ffmpeg fails.
    """
    side_px = Edition.parse(dict(edition), where="datasets.actors.edition").side_px
    speaker = Speaker(clip.speaker, seed)
    take = perform(speaker, clip.sentence, clip.emotion, clip.level).in_emotion(emotion, level)
    scene, fps = _scene(speaker, side_px), frame_rate_hz(speaker)
    faces = coefficients(take.at(take.frame_times_s(fps)), scene.shape)
    _, pictures = scene.film(faces)
    write_video(path, pictures, fps, sound)


def frame_rate_hz(speaker: Speaker) -> int:
    """25, or 30 for every third man and woman.

    >>> [frame_rate_hz(Speaker(name)) for name in ("M001", "M002", "M003", "W003")]
    [25, 25, 30, 30]
    """
    return 25 if speaker.number % _OTHER_RATE else 30


def coefficients(motion: Motion, shape: torch.Tensor) -> FaceCoefficients:
    """A batch of the moments, for a speaker of (S,) identity `shape`."""
    parts = (motion.expression, motion.rotation, motion.translation, motion.jaw, motion.eyes)
    moments = [torch.from_numpy(part) for part in parts]
    return FaceCoefficients(shape.expand(len(moments[0]), -1), *moments)


@lru_cache(maxsize=2)
def _scene(speaker: Speaker, side_px: int) -> Scene:
    return Scene(speaker, size_px=side_px)


def _files(speaker: str, sentence: str, emotion: str, level: int) -> tuple[Path, Path, Path, Path]:
    """Picture, sound, phonemes and frames of a take, below the folder."""
    place, take = f"{emotion}/level_{level}/{sentence}", f"{speaker}-{emotion}-{level}-{sentence}"
    return (
        Path(f"{speaker}/video/front/{place}.mp4"),
        Path(f"{speaker}/audio/{place}.m4a"),
        Path(f"truth/phonemes/{take}.parquet"),
        Path(f"truth/frames/{take}.parquet"),
    )


def _is_there(
    folder: Path, speaker: Speaker, sentence: str, emotion: str, level: int, mark: str
) -> bool:
    files = [folder / path for path in _files(speaker.name, sentence, emotion, level)]
    return all(path.exists() for path in files) and _fingerprint_of(files[-1]) == mark


def _fingerprint_of(table: Path) -> str | None:
    provenance = read_provenance(table)
    return None if provenance is None else str(provenance["fingerprint"])


@cache
def _mark(speaker: Speaker, sentence: str, side_px: int) -> str:
    return fingerprint(
        speaker=speaker.name, seed=speaker.seed, sentence=sentence, side_px=side_px,
        code=code_version(CODE),
    )  # fmt: skip


def _remove_others(folder: Path, readings: list[tuple[Speaker, str]], edition: Edition) -> None:
    """Takes that are not asked for would be used if they stayed."""
    wanted = {folder / f"truth/maps/{s.name}-{sentence}.parquet" for s, sentence in readings}
    for speaker, sentence in readings:
        for mood in edition.moods:
            wanted.update(folder / path for path in _files(speaker.name, sentence, *mood))
    for path in _made(folder):
        if path not in wanted:
            path.unlink()
    for unfinished in folder.glob(f"{_PART}*"):
        shutil.rmtree(unfinished)


def _made(folder: Path) -> Iterator[Path]:
    yield from folder.glob("truth/*/*.parquet")
    yield from folder.glob("*/video/front/*/level_*/*.mp4")
    yield from folder.glob("*/audio/*/level_*/*.m4a")
