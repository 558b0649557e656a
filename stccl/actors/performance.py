"""A speaker says a sentence in an emotion: sound, and every movement of the face at any moment."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stccl.actors.emotions import Feeling, feel
from stccl.actors.expressions import column
from stccl.actors.head_motion import HeadMotion, move
from stccl.actors.speaker import Speaker
from stccl.actors.timbre import SAMPLE_RATE_HZ
from stccl.actors.utterance import Utterance, say
from stccl.actors.visemes import JAW, Mouth, mouth, visemes_of
from stccl.actors.voice import delivery, voice
from stccl.errors import ParamsError

Array = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32]

WIDEST_JAW_RAD = 0.35

_EFFORT_PER_DB = 0.022
_ARTICULATION = (0.9, 1.1)

_OPENERS = [column(n) for n in ("lips_part", "lower_lip_depressor", "upper_lip_raiser")]
_SHAPERS = [column(n) for n in ("lip_tightener", "lip_stretcher", "chin_raiser")]
_CLOSING_STOPS_SHAPING = 0.8
_ROUNDERS = [column(n) for n in ("lip_pucker", "lip_funneler")]
_SPREADERS = [
    column(n) for n in ("lip_corner_puller_right", "lip_corner_puller_left", "lip_stretcher")
]
_ROUNDING_STOPS_SPREADING, _SPREADING_STOPS_ROUNDING = 0.5, 0.35
_BLINKS = [column("blink_right"), column("blink_left")]
_WIDE_EYES = column("upper_lid_raiser")


class PhonemeRow(NamedTuple):
    """A phoneme in time, with what the mouth does for it.

    Attributes:
        name: espeak-ng's, without the stress mark; `_` is a pause.
        start_s: Where it begins.
        end_s: Where it ends.
        word: The words it is part of; empty in pauses.
        viseme: Names of `stccl.actors.visemes.VISEMES`, joined by `+` where it passes through two.
    """

    name: str
    start_s: float
    end_s: float
    word: str
    viseme: str


class Motion(NamedTuple):
    """A face at T moments, float32.

    Attributes:
        expression: (T, 26) coefficients in [0, 1], ordered as `stccl.actors.expressions`.
        jaw: (T, 3) axis-angle in rad; +x opens, 0 to 0.35.
        eyes: (T, 2, 3) axis-angle in rad within the head, the image's left eye first.
        rotation: (T, 3) axis-angle in rad of the head.
        translation: (T, 3) of the head, in m.
        visemes: (T, V) share of each of `stccl.actors.visemes.VISEMES`; rows sum to 1.
        speech: (T, 27) what speech alone would do: expressions and the jaw's angle.
        action_units: (T, 27) what the emotion alone would do: expressions and the jaw's angle.
    """

    expression: Frames
    jaw: Frames
    eyes: Frames
    rotation: Frames
    translation: Frames
    visemes: Frames
    speech: Frames
    action_units: Frames


@dataclass(frozen=True)
class Take:
    """One performance.

    Attributes:
        speaker: Who.
        emotion: What the face shows.
        level: How strongly, 1 to 3.
        said: The sound and its phonemes.
        effort: How far the mouth moves for speech, 1 in calm speech.
        head: Motion of head, eyes and lids.
        feeling: The emotion through the clip.
    """

    speaker: Speaker
    emotion: str
    level: int
    said: Utterance
    effort: float
    head: HeadMotion
    feeling: Feeling

    @property
    def samples(self) -> npt.NDArray[np.int16]:
        """(N,) the sound, mono."""
        return self.said.samples

    @property
    def sample_rate_hz(self) -> int:
        """Of the sound."""
        return SAMPLE_RATE_HZ

    @property
    def duration_s(self) -> float:
        """Of the sound."""
        return self.said.duration_s

    @cached_property
    def phonemes(self) -> tuple[PhonemeRow, ...]:
        """From 0 s to the end without a gap."""
        return tuple(
            PhonemeRow(p.name, p.start_s, p.end_s, p.word, "+".join(visemes_of(p.name)))
            for p in self.said.phonemes
        )

    def frame_times_s(self, fps: float) -> Array:
        """(F,) the moments of the frames that fit into the sound."""
        return np.arange(int(self.duration_s * fps + 1e-6)) / fps

    def at(self, times_s: Array) -> Motion:
        """The face at (T,) moments."""
        driven = mouth(self.said.phonemes, times_s, self.effort)
        felt = self.feeling.at(times_s)
        expression, jaw_rad = _combine(driven, felt, self.head.blink(times_s))
        values = (
            expression,
            jaw_rad[:, None] * [1.0, 0.0, 0.0],
            self.head.eyes(times_s),
            self.head.rotation(times_s),
            self.head.translation(times_s),
            driven.weights,
            np.column_stack([driven.expression, driven.jaw_rad]),
            felt,
        )
        return Motion(*(value.astype(np.float32) for value in values))

    def in_emotion(self, emotion: str, level: int) -> "Take":
        """The same take with another emotion's face.

        Sound, timing, what speech does to the mouth, blinks, eyes and head stay: what a perfect
        manipulation of this take would be.

        Raises:
            ParamsError: For an emotion or level that there is not.
        """
        feeling = _feeling(self.speaker, self.said, emotion, level)
        return replace(self, emotion=emotion, level=level, feeling=feeling)


def perform(speaker: Speaker, sentence: str, emotion: str, level: int) -> Take:
    """A speaker says a sentence in an emotion; the same arguments give the same take.

    Raises:
        ParamsError: For a sentence, emotion or level that there is not.
        StageError: Where espeak-ng is missing, with how to install it.
    """
    said = say(speaker, sentence, emotion, level)
    low, high = _ARTICULATION
    own = low + (high - low) * speaker.spread("articulation")
    loudness_db = delivery(emotion, level, voice(speaker).expressiveness).loudness_db
    return Take(
        speaker=speaker,
        emotion=emotion,
        level=level,
        said=said,
        effort=own * (1 + _EFFORT_PER_DB * loudness_db),
        head=move(said, emotion, speaker.rng(f"head {sentence} {emotion} {level}")),
        feeling=_feeling(speaker, said, emotion, level),
    )


def time_map(source: Take, target: Take) -> Array:
    """When the same moments of one sentence are in two takes of it.

    Between the knots, which are the phonemes' boundaries, time runs evenly.

    Returns:
        (K, 2) times in s in the source and in the target, both increasing from 0 to the end; map
        with `np.interp(times_s, knots[:, 0], knots[:, 1])`.

    Raises:
        ParamsError: Where the takes say different phonemes.
    """
    spoken = [[phoneme.name for phoneme in take.said.phonemes] for take in (source, target)]
    if spoken[0] != spoken[1]:
        raise ParamsError(
            f"{source.said.sentence} of {source.speaker.name} in {source.emotion} and "
            f"{target.said.sentence} of {target.speaker.name} in {target.emotion} do not have the "
            "same phonemes; map takes of one sentence by one speaker"
        )
    return np.column_stack([source.said.boundaries_s, target.said.boundaries_s])


def _feeling(speaker: Speaker, said: Utterance, emotion: str, level: int) -> Feeling:
    speech_s = (float(said.boundaries_s[1]), float(said.boundaries_s[-2]))
    return feel(speaker, said.sentence, emotion, level, speech_s, said.duration_s)


def _combine(driven: Mouth, felt: Array, blink: Array) -> tuple[Array, Array]:
    """Speech and emotion in one face: (T, 26) coefficients and (T,) the jaw's angle.

    Two causes of a movement add up to a + b - ab, so that neither is lost and 1 is the most.
    Rounding and spreading weaken each other. Where speech needs the lips closed, what an emotion
    opens stays shut, and what makes lips thin or bulge gives way.
    """
    speech, emotion = driven.expression.copy(), felt[:, :JAW].copy()
    free = 1 - driven.closure[:, None]
    emotion[:, _OPENERS] *= free
    emotion[:, _SHAPERS] *= 1 - _CLOSING_STOPS_SHAPING * driven.closure[:, None]
    rounding = speech[:, _ROUNDERS].max(axis=1, keepdims=True)
    spreading = emotion[:, _SPREADERS].max(axis=1, keepdims=True)
    emotion[:, _SPREADERS] *= 1 - _ROUNDING_STOPS_SPREADING * rounding
    speech[:, _ROUNDERS] *= 1 - _SPREADING_STOPS_ROUNDING * spreading
    expression = speech + emotion - speech * emotion
    expression[:, _BLINKS] = np.maximum(emotion[:, _BLINKS], blink[:, None])
    expression[:, _WIDE_EYES] *= 1 - blink
    left_rad = np.maximum(1 - driven.jaw_rad / WIDEST_JAW_RAD, 0)
    jaw_rad = driven.jaw_rad + felt[:, JAW] * free[:, 0] * left_rad
    return np.clip(expression, 0, 1), np.clip(jaw_rad, 0, WIDEST_JAW_RAD)
