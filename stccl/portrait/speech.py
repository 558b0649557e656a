"""Speech by the source-filter model: the same words in every emotion, each in its own time.

The sound is a pulse train and noise shaped by formant resonators (Fant, Acoustic Theory of Speech
Production, 1960); formants of vowels after Peterson and Barney, JASA 24, 1952.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import istft, stft

Array = NDArray[Any]

SAMPLE_RATE_HZ = 16000
SENTENCES = {
    "001": "_mamisopetunala_",
    "002": "_wesibanuliketomo_",
}
"""What is said, a phone per letter; `_` is silence."""

_CONTROL_RATE_HZ = 200


@dataclass(frozen=True)
class Phone:
    """How one phone sounds and looks in calm speech."""

    duration_s: float
    formants_hz: tuple[float, float, float]
    voicing: float
    noise: float
    opening: float  # of the mouth, 0 (closed) to 1
    spread: float  # of the lip corners: -1 rounded, 1 spread


PHONES = {
    "_": Phone(0.20, (500, 1500, 2500), 0.0, 0.0, 0.0, 0.0),
    "a": Phone(0.17, (730, 1090, 2440), 1.0, 0.0, 1.0, 0.1),
    "e": Phone(0.15, (530, 1840, 2480), 1.0, 0.0, 0.65, 0.6),
    "i": Phone(0.14, (270, 2290, 3010), 0.9, 0.0, 0.35, 1.0),
    "o": Phone(0.16, (570, 840, 2410), 1.0, 0.0, 0.7, -0.7),
    "u": Phone(0.14, (300, 870, 2240), 0.9, 0.0, 0.3, -1.0),
    "m": Phone(0.09, (250, 1000, 2200), 0.35, 0.0, 0.0, 0.0),
    "n": Phone(0.08, (280, 1700, 2600), 0.35, 0.0, 0.25, 0.1),
    "l": Phone(0.08, (360, 1300, 2700), 0.5, 0.0, 0.35, 0.1),
    "w": Phone(0.08, (300, 610, 2200), 0.5, 0.0, 0.1, -0.9),
    "b": Phone(0.08, (250, 900, 2300), 0.15, 0.1, 0.0, 0.0),
    "p": Phone(0.09, (300, 900, 2300), 0.0, 0.1, 0.0, 0.0),
    "t": Phone(0.08, (350, 1800, 3800), 0.0, 0.4, 0.2, 0.1),
    "k": Phone(0.09, (350, 1900, 2400), 0.0, 0.3, 0.3, 0.0),
    "s": Phone(0.12, (2500, 5200, 6500), 0.0, 0.35, 0.15, 0.4),
}


@dataclass(frozen=True)
class Voice:
    """A speaker's voice: the pitch of calm speech, and formants relative to the tables."""

    pitch_hz: float
    formant_scale: float


@dataclass(frozen=True)
class Delivery:
    """How an emotion is said: durations and pitch relative to calm speech."""

    stretch: float
    unevenness: float  # amplitude of the slow swing of the speaking rate, below 1
    pitch: float
    melody: float  # amplitude of the swing of the pitch, as a fraction


@dataclass(frozen=True)
class Utterance:
    """A sentence in time.

    Attributes:
        clock_s: (K, 2) knots of the map from this utterance's time to calm time, in which every
            emotion says the same phone at the same moment; increasing in both columns.
        samples: (N,) sound at `SAMPLE_RATE_HZ`, within [-1, 1].
    """

    sentence: str
    clock_s: Array
    samples: Array

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return float(self.clock_s[-1, 0])

    def calm_time_s(self, time_s: Array) -> Array:
        """Where calm speech is when this utterance is at `time_s`."""
        return np.interp(time_s, self.clock_s[:, 0], self.clock_s[:, 1])

    def mouth(self, time_s: Array) -> tuple[Array, Array]:
        """Opening (0 to 1) and spread (-1 to 1) of the mouth, (N,) each."""
        track = _track(self.sentence)
        at = self.calm_time_s(time_s) * _CONTROL_RATE_HZ
        return _at(track[:, 5], at), _at(track[:, 6], at)


def speak(sentence: str, voice: Voice, delivery: Delivery, rng: np.random.Generator) -> Utterance:
    """Say one of `SENTENCES`.

    A phone of length d in calm speech takes d · stretch · (1 + unevenness · sin φ), φ swinging
    slowly through the sentence from a phase of chance: no other emotion's time is a multiple of it.
    """
    calm = np.concatenate(
        [[0.0], np.cumsum([PHONES[phone].duration_s for phone in SENTENCES[sentence]])]
    )
    phase, turns = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 2.0)
    middle = (calm[1:] + calm[:-1]) / 2 / calm[-1]
    rate = 1 + delivery.unevenness * np.sin(2 * np.pi * turns * middle + phase)
    clock = np.stack(
        [np.concatenate([[0.0], np.cumsum(np.diff(calm) * delivery.stretch * rate)]), calm], axis=1
    )
    silent = Utterance(sentence, clock, np.zeros(0))
    return Utterance(sentence, clock, _sound(silent, voice, delivery, rng))


def _track(sentence: str) -> Array:
    """(T, 7) formants, voicing, noise, opening, spread in calm time; phones run into each other."""
    rows = []
    for phone in (PHONES[letter] for letter in SENTENCES[sentence]):
        row = [*phone.formants_hz, phone.voicing, phone.noise, phone.opening, phone.spread]
        rows += [row] * round(phone.duration_s * _CONTROL_RATE_HZ)
    track = np.array(rows)
    # Lips are slower than the tongue.
    return np.concatenate(
        [gaussian_filter1d(track[:, part], sigma, axis=0, mode="nearest")
         for part, sigma in ((slice(0, 5), 3.0), (slice(5, 7), 6.0))], axis=1
    )  # fmt: skip


def _at(values: Array, index: Array) -> Array:
    return np.interp(index, np.arange(len(values)) + 0.5, values)


def _sound(said: Utterance, voice: Voice, delivery: Delivery, rng: np.random.Generator) -> Array:
    time_s = np.arange(round(said.duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    calm_s = said.calm_time_s(time_s)
    swing = np.sin(2 * np.pi * 1.1 * calm_s) - calm_s / calm_s[-1]
    pitch_hz = voice.pitch_hz * delivery.pitch * (1 + delivery.melody * swing)
    cycles = np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    pulses = np.diff(np.floor(cycles), prepend=0.0) * np.sqrt(SAMPLE_RATE_HZ / pitch_hz)

    track = _track(said.sentence)
    control = np.stack([_at(t, calm_s * _CONTROL_RATE_HZ) for t in track.T[:5]])
    hiss = rng.standard_normal(len(time_s))
    source = pulses * control[3] + 0.3 * hiss * control[4] + 0.002 * hiss

    hop, size = 80, 400
    frequency_hz, _, spectrum = stft(source, SAMPLE_RATE_HZ, nperseg=size, noverlap=size - hop)
    centres = np.minimum(np.arange(spectrum.shape[1]) * hop, len(time_s) - 1)
    response = np.ones_like(spectrum)
    for formant_hz, width_hz in zip(control[:3, centres], (90.0, 110.0, 170.0), strict=True):
        response *= _resonator(frequency_hz[:, None], formant_hz * voice.formant_scale, width_hz)
    # The glottal pulse falls by 12 dB per octave and the lips give 6 back.
    response /= 1 + frequency_hz[:, None] / (500 + 5000 * control[4, centres])
    _, samples = istft(spectrum * response, SAMPLE_RATE_HZ, nperseg=size, noverlap=size - hop)
    samples = samples[: len(time_s)]
    loud: Array = 0.7 * samples / np.abs(samples).max()
    return loud


def _resonator(frequency_hz: Array, formant_hz: Array, width_hz: float) -> Array:
    """Response of a two-pole resonance, 1 at 0 Hz: F² / (F² - f² + i f b)."""
    power = formant_hz**2
    response: Array = power / (power - frequency_hz**2 + 1j * frequency_hz * width_hz)
    return response
