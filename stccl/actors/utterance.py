"""A sentence said by a speaker in an emotion: the sound, and every phoneme's time in it."""

from dataclasses import dataclass
from functools import cached_property
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import soxr

from stccl.actors.espeak import PhonemeEvent, Request, Speech, synthesise
from stccl.actors.sentences import SENTENCES
from stccl.actors.speaker import Speaker
from stccl.actors.timbre import SAMPLE_RATE_HZ, timbre
from stccl.actors.voice import Delivery, Voice, delivery, espeak_pitch, voice
from stccl.errors import ParamsError

PAUSE = "_"

Samples = npt.NDArray[np.float64]

_RATE_LIMITS = (0.6, 1.6)  # of one word, relative to the utterance
_BEFORE_S, _AFTER_S = (0.24, 0.36), (0.28, 0.42)
_ROOM_DBFS = -68.0
_LONGEST_CLOSURE_S = 0.1
_BLENDED_PART = 0.4
_LETTERS_OF_A_WORD_THAT_MATTERS = 4


@dataclass(frozen=True)
class Phoneme:
    """A phoneme in time.

    Attributes:
        name: espeak-ng's, without the stress mark; `_` is a pause.
        start_s: Where it begins; a stop begins with its closure.
        end_s: Where the next begins, or the sound ends.
        word: The words it is part of, mostly one; empty in pauses.
        stress: 2 primary, 1 secondary, 0 none.
    """

    name: str
    start_s: float
    end_s: float
    word: str
    stress: int

    @property
    def middle_s(self) -> float:
        """Halfway."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Utterance:
    """A sentence as sound.

    Attributes:
        sentence: Its id.
        samples: (N,) int16 mono at `SAMPLE_RATE_HZ`.
        phonemes: From 0 s to the end without a gap, with a pause first and last.
    """

    sentence: str
    samples: npt.NDArray[np.int16]
    phonemes: tuple[Phoneme, ...]

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @cached_property
    def boundaries_s(self) -> npt.NDArray[np.float64]:
        """(P+1,) where the phonemes begin and the last ends, increasing."""
        return np.array([p.start_s for p in self.phonemes] + [self.phonemes[-1].end_s])


def say(speaker: Speaker, sentence: str, emotion: str, level: int) -> Utterance:
    """Say a sentence.

    Raises:
        ParamsError: For a sentence, emotion or level that there is not.
        StageError: Where espeak-ng is missing.
    """
    if sentence not in SENTENCES:
        raise ParamsError(f"actors have no sentence {sentence!r}; they have {', '.join(SENTENCES)}")
    own = voice(speaker)
    how = delivery(emotion, level, own.expressiveness)
    rng = speaker.rng(f"utterance {sentence} {emotion} {level}")
    words = SENTENCES[sentence].split()
    ssml, starts = _markup(words, how, rng)
    said = synthesise(
        Request(
            ssml=ssml,
            voice=f"en-us+{own.variant}",
            rate_wpm=round(min(450.0, max(80.0, own.rate_wpm * np.exp(-how.stretch)))),
            pitch=espeak_pitch(own, how.pitch_semitones),
            pitch_range=round(min(100.0, 50 * own.pitch_range * how.pitch_range)),
        )
    )
    return _finish(sentence, said, words, starts, own, how, rng)


def _markup(words: list[str], how: Delivery, rng: np.random.Generator) -> tuple[str, list[int]]:
    """The words with their rates, and where each word begins in the markup."""
    text, starts = "<speak>", []
    for word, rate in zip(words, _word_rates(words, how, rng), strict=True):
        text += f'<prosody rate="{rate:.0%}">'
        starts.append(len(text))
        text += f"{escape(word)}</prosody> "
    return text + "</speak>", starts


def _word_rates(words: list[str], how: Delivery, rng: np.random.Generator) -> Samples:
    """Rate of each word such that all letters together take their usual time."""
    letters = np.array([sum(map(str.isalpha, word)) for word in words])
    matters = letters >= _LETTERS_OF_A_WORD_THAT_MATTERS
    place = np.linspace(-0.5, 0.5, len(words))
    slow = how.unevenness * rng.standard_normal(len(words)) + how.slowing * place
    slow += how.emphasis * matters * rng.uniform(0.5, 1.5, len(words))
    slow -= np.log(np.average(np.exp(slow), weights=letters))
    return np.clip(np.exp(-slow), *_RATE_LIMITS)


def _finish(
    sentence: str,
    said: Speech,
    words: list[str],
    starts: list[int],
    own: Voice,
    how: Delivery,
    rng: np.random.Generator,
) -> Utterance:
    """Timbre, the silence around the speech, and the phonemes' times in it all."""
    events, ends = _boundaries(said)
    # Played faster and resampled, formants and pitch rise together; espeak's pitch makes up for it.
    rate_hz = said.sample_rate_hz * own.tract
    spoken = soxr.resample(said.samples[: ends[-1]] / 32768, rate_hz, SAMPLE_RATE_HZ)
    before, after = (round(SAMPLE_RATE_HZ * rng.uniform(*s)) for s in (_BEFORE_S, _AFTER_S))
    sound = np.concatenate([np.zeros(before), timbre(spoken, how, rng), np.zeros(after)])
    sound += 10 ** (_ROOM_DBFS / 20) * rng.standard_normal(len(sound))
    samples = np.round(sound * 32767).astype(np.int16)

    times_s = (before / SAMPLE_RATE_HZ + np.array([0, *ends]) / rate_hz).tolist()
    spoken_in = _words_of(events, words, starts)
    phonemes = [Phoneme(PAUSE, 0.0, times_s[0], "", 0)]
    for event, start_s, end_s in zip(events, times_s, times_s[1:], strict=False):
        name = event.name.lstrip("',").rstrip(":" if event.name.startswith(PAUSE) else "")
        word = "" if name == PAUSE else spoken_in[event.position]
        stress = {"'": 2, ",": 1}.get(event.name[0], 0)
        phonemes.append(Phoneme(name, start_s, end_s, word, stress))
    phonemes.append(Phoneme(PAUSE, times_s[-1], len(samples) / SAMPLE_RATE_HZ, "", 0))
    return Utterance(sentence, samples, tuple(phonemes))


def _words_of(events: list[PhonemeEvent], words: list[str], starts: list[int]) -> dict[int, str]:
    """The words at each position; espeak-ng says some together, such as "of a"."""
    positions = sorted({event.position for event in events})
    first = np.searchsorted(starts, positions, side="right") - 1
    past = [*first[1:], len(words)]
    return {
        position: " ".join(words[i:j]).rstrip(".")
        for position, i, j in zip(positions, first, past, strict=True)
    }


def _boundaries(said: Speech) -> tuple[list[PhonemeEvent], list[int]]:
    """The phonemes without pauses before and after, and the sample at which each ends.

    espeak-ng marks a voiceless stop where it is released; the silence of the closure before it
    is given to the stop. Of an l that it blends into the vowel before, as in "tell", it marks no
    time; the last part of the vowel is given to the l.
    """
    events: list[PhonemeEvent] = []
    for event in said.phonemes:
        if not event.name.startswith(PAUSE) or (events and not events[-1].name.startswith(PAUSE)):
            events.append(event)
    end = len(said.samples)
    if events[-1].name.startswith(PAUSE):
        end = events.pop().sample
    sounding = np.flatnonzero(said.samples)
    longest = round(_LONGEST_CLOSURE_S * said.sample_rate_hz)
    ends = []
    for event in events[1:]:
        if event.name.startswith(PAUSE):
            ends.append(event.sample)
        else:
            silent_from = int(sounding[np.searchsorted(sounding, event.sample) - 1]) + 1
            ends.append(max(silent_from, event.sample - longest))
    ends.append(end)
    for index in range(1, len(ends)):
        if ends[index] == ends[index - 1]:
            start = ends[index - 2] if index > 1 else 0
            ends[index - 1] -= round(_BLENDED_PART * (ends[index] - start))
    return events, ends
