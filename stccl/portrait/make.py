"""The clips of the portrait dataset, with the truth about their mouths and their time."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.io import wavfile

from stccl.clip import EMOTIONS
from stccl.download.params import DatasetParams
from stccl.errors import StageError
from stccl.fingerprint import code_version, fingerprint
from stccl.portrait.face import Actions, Array, Face, Pose
from stccl.portrait.picture import SIZE_PX, Looks, portrait
from stccl.portrait.speech import SAMPLE_RATE_HZ, SENTENCES, Delivery, Utterance, Voice, speak

MADE_EMOTIONS = ("neutral", "happy", "surprised")

_PART = ".making-"
_MAX_OPENING = 0.2  # of the distance between the outer corners of the eyes


@dataclass(frozen=True)
class Speaker:
    """Who speaks, and at what rate the camera took it."""

    looks: Looks
    voice: Voice
    fps: int


@dataclass(frozen=True)
class Mood:
    """How an emotion looks and sounds; `opening` multiplies how far the mouth opens."""

    actions: Actions
    delivery: Delivery
    opening: float


SPEAKERS = {
    "P01": Speaker(
        Looks(False, 1.0, 1.0, 1.0, 1.0, (1, 1, 1), (1, 1, 1), (96, 122, 150)), Voice(200, 1.12), 25
    ),
    "P02": Speaker(
        Looks(
            True, 1.07, 1.08, 0.96, 0.95, (0.72, 0.62, 0.55), (0.33, 0.28, 0.27), (170, 160, 140)
        ),
        Voice(118, 0.98),
        25,
    ),
    "P03": Speaker(
        Looks(False, 0.93, 0.93, 1.05, 1.07, (1.04, 0.97, 0.93), (1.05, 0.62, 0.42), (70, 105, 90)),
        Voice(225, 1.18),
        30,
    ),
    "P04": Speaker(
        Looks(True, 1.0, 1.1, 1.05, 0.97, (0.88, 0.80, 0.72), (0.55, 0.52, 0.55), (140, 105, 110)),
        Voice(140, 1.03),
        25,
    ),
}

MOODS = {
    "neutral": Mood(Actions(corner_up=-10, corner_out=-8), Delivery(1.0, 0.0, 1.0, 0.12), 1.0),
    "angry": Mood(
        Actions(inner_brow=-7, brows_apart=-3, lower_lid=2, corner_up=-16, corner_out=-9),
        Delivery(0.86, 0.25, 1.15, 0.2),
        1.1,
    ),
    "contempt": Mood(
        Actions(outer_brow=-2, upper_lid=-1.5, lower_lid=2, corner_up=-6, corner_out=-4, chin=4),
        Delivery(1.12, 0.2, 0.95, 0.08),
        0.85,
    ),
    "disgusted": Mood(
        Actions(
            inner_brow=-5, lower_lid=3, upper_lid=-1, corner_up=-14, upper_lip=7, corner_out=-6
        ),
        Delivery(1.15, 0.25, 0.95, 0.15),
        0.95,
    ),
    "fear": Mood(
        Actions(inner_brow=7, outer_brow=3, brows_apart=-3, upper_lid=1, corner_up=-14),
        Delivery(0.9, 0.3, 1.4, 0.1),
        0.9,
    ),
    "happy": Mood(
        Actions(inner_brow=2, outer_brow=3, lower_lid=2.5, corner_up=3, corner_out=3),
        Delivery(0.9, 0.4, 1.25, 0.25),
        1.1,
    ),
    "sad": Mood(
        Actions(inner_brow=4, outer_brow=-3, upper_lid=-1, corner_up=-19, corner_out=-9, chin=3),
        Delivery(1.2, 0.25, 0.88, 0.06),
        0.8,
    ),
    "surprised": Mood(
        Actions(inner_brow=7, outer_brow=8, upper_lid=1, corner_up=-12, corner_out=-11),
        Delivery(1.12, 0.4, 1.35, 0.3),
        1.3,
    ),
}
assert tuple(MOODS) == EMOTIONS


def generate(
    folder: Path, params: DatasetParams, seed: int, progress: Callable[[int, int], None]
) -> None:
    """Make the clips that are not there yet: `<speaker>/<emotion>/<sentence>.mp4`.

    One at a time per folder; `make_clip` may run in many processes.

    Raises:
        StageError: Where `params.speakers` names a speaker there is not.
    """
    speakers = tuple(SPEAKERS) if params.speakers == "all" else params.speakers
    for unfinished in folder.glob(f"{_PART}*"):
        shutil.rmtree(unfinished)
    clips = [(s, e, t) for s in speakers for e in MADE_EMOTIONS for t in SENTENCES]
    for done, clip in enumerate(clips):
        progress(done, len(clips))
        make_clip(folder, *clip, seed)
    progress(len(clips), len(clips))


def make_clip(folder: Path, speaker: str, emotion: str, sentence: str, seed: int) -> Path:
    """Make one clip, unless it is there, and its truth.

    `truth/<speaker>-<emotion>-<sentence>.parquet` has a row per frame: `frame`, `time_s`,
    `calm_time_s` (frames of two emotions show the same moment of a sentence where it is the same)
    and `opening`, the distance of the inner lips over that of the outer eye corners.

    Returns:
        The clip.
    """
    if speaker not in SPEAKERS:
        known = ", ".join(SPEAKERS)
        raise StageError(f"portrait has no speaker {speaker}; it has {known}")
    clip = folder / speaker / emotion / f"{sentence}.mp4"
    truth = folder / "truth" / f"{speaker}-{emotion}-{sentence}.parquet"
    mark = fingerprint(seed=seed, code=code_version(("portrait",)), clip=truth.stem).encode()
    if clip.exists() and truth.exists() and _mark(truth) == mark:
        return clip

    rng = np.random.default_rng([seed, *truth.stem.encode()])
    who, mood = SPEAKERS[speaker], MOODS[emotion]
    said = speak(sentence, who.voice, mood.delivery, rng)
    time_s = np.arange(int(said.duration_s * who.fps)) / who.fps
    opening, spread = said.mouth(time_s)
    opening = opening * mood.opening * _MAX_OPENING
    actions = mood.actions.vector() + np.outer(spread, Actions(corner_out=4).vector())
    actions += np.outer(_blinks(time_s, rng), Actions(upper_lid=-7, lower_lid=2).vector())
    pose = _sway(time_s, rng)
    face = _face(speaker)
    frames = [face.draw(*at) for at in zip(actions, opening, pose, strict=True)]

    table = pa.table(
        {
            "frame": np.arange(len(time_s), dtype=np.int32),
            "time_s": time_s,
            "calm_time_s": said.calm_time_s(time_s),
            "opening": opening,
        }
    )
    for path in (clip, truth):
        path.parent.mkdir(parents=True, exist_ok=True)
    # The truth comes last: a clip whose truth is there, and carries this mark, is whole.
    with tempfile.TemporaryDirectory(dir=folder, prefix=_PART) as place:
        part = Path(place)
        _encode(part / clip.name, frames, said, who.fps)
        pq.write_table(table.replace_schema_metadata({b"fingerprint": mark}), part / truth.name)
        (part / clip.name).replace(clip)
        (part / truth.name).replace(truth)
    return clip


def _mark(truth: Path) -> bytes | None:
    metadata = pq.read_schema(truth).metadata or {}
    return metadata.get(b"fingerprint")


@cache
def _face(speaker: str) -> Face:
    return Face(portrait(SPEAKERS[speaker].looks))


def _sway(time_s: Array, rng: np.random.Generator) -> list[Pose]:
    """A head that is never quite still."""
    slow_hz = rng.uniform(0.15, 0.6, (5, 2, 1))
    waves = np.sin(2 * np.pi * (slow_hz * time_s + rng.uniform(0, 1, (5, 2, 1)))).sum(axis=1)
    return [Pose(*at) for at in (waves.T * [0.035, 0.02, 0.018, 0.02, 0.012]).tolist()]


def _blinks(time_s: Array, rng: np.random.Generator) -> Array:
    """How closed the eyes are, 0 to 1: a blink of 0.2 s somewhere in the clip."""
    middle_s = rng.uniform(0.3, 0.8) * time_s[-1]
    closed: Array = np.exp(-(((time_s - middle_s) / 0.07) ** 2))
    return closed


def _encode(path: Path, frames: list[Array], said: Utterance, fps: int) -> None:
    sound = path.with_suffix(".wav")
    wavfile.write(sound, SAMPLE_RATE_HZ, np.round(said.samples * 32767).astype(np.int16))
    size = f"{SIZE_PX}x{SIZE_PX}"
    picture = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=size, framerate=fps)
    # One thread and bit-exact flags: the same frames give the same bytes on every run.
    command = ffmpeg.output(
        picture, ffmpeg.input(str(sound)), str(path), vcodec="libx264", crf=16, preset="veryfast",
        pix_fmt="yuv420p", acodec="aac", audio_bitrate="96k", threads=1, fflags="+bitexact",
        **{"flags:v": "+bitexact", "flags:a": "+bitexact"}, map_metadata=-1, loglevel="error",
    )  # fmt: skip
    try:
        command.run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), input=b"".join(f.tobytes() for f in frames),
            capture_stdout=True, capture_stderr=True, overwrite_output=True,
        )  # fmt: skip
    except ffmpeg.Error as error:
        last = (error.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise StageError(f"ffmpeg could not write {path.name}: {last}") from None
