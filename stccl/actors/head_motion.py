"""Head, eyes and lids of someone who speaks: nods, saccades, blinks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from stccl.actors.drift import Drift
from stccl.actors.timbre import SAMPLE_RATE_HZ
from stccl.actors.utterance import Utterance

Array = npt.NDArray[np.float64]

BLINKS_PER_S = {
    "neutral": 0.28,
    "angry": 0.12,
    "contempt": 0.25,
    "disgusted": 0.3,
    "fear": 0.5,
    "happy": 0.32,
    "sad": 0.38,
    "surprised": 0.18,
}

_RIGHT_EYE_X_M, _CAMERA_M = -0.032, 1.2
_BLINK_S, _REFRACTORY_S = (0.16, 0.3), 0.6
_CLOSING = 0.35  # of a blink
_FIXATION_S, _SACCADE_S = (0.35, 1.4), 0.045
_NEAR_RAD, _AWAY_RAD, _AWAY_CHANCE = 0.012, 0.07, 0.12
# Pitch, yaw, roll; pitch is positive downwards.
_SWAY_RAD = np.array([0.016, 0.03, 0.015])
_STATIC_RAD = np.array([0.014, 0.028, 0.015])
_SWAY_M = np.array([0.002, 0.0015, 0.0015])
_TREMBLE_RAD, _TREMBLE_HZ = 0.0008, (2.0, 5.0)
_NOD_RAD, _NOD_S = (0.018, 0.045), 0.22
_LOUD_RAD = np.array([-0.012, 0.0, 0.0])
_PHRASE_HZ, _LOUDNESS_HZ = 1.5, 90


@dataclass(frozen=True)
class HeadMotion:
    """How head, eyes and lids move through one utterance.

    Attributes:
        sway: Slow turning and shifting, (6,) courses.
        tremble: What is never quite still, (3,) courses.
        pose_rad: (3,) pose it keeps.
        nods_s: (N,) when heads go down, at stressed vowels.
        nods_rad: (N, 3) how far.
        loudness: (L,) of the phrase, 0 to 1, at 90 Hz.
        blinks_s: (B, 2) begin and length.
        gaze_s: (G,) when each fixation begins.
        gaze_rad: (G, 2) where it looks: down and to the image's right of the camera.
    """

    sway: Drift
    tremble: Drift
    pose_rad: Array
    nods_s: Array
    nods_rad: Array
    loudness: Array
    blinks_s: Array
    gaze_s: Array
    gaze_rad: Array

    def rotation(self, times_s: Array) -> Array:
        """(T, 3) of the head, in rad."""
        turned = self.pose_rad + _SWAY_RAD * self.sway.at(times_s)[:, :3]
        turned += _TREMBLE_RAD * self.tremble.at(times_s)
        moments_s = np.arange(len(self.loudness)) / _LOUDNESS_HZ
        turned += np.interp(times_s, moments_s, self.loudness)[:, None] * _LOUD_RAD
        away = (times_s[:, None] - self.nods_s) / _NOD_S
        # The head rises a little before and after it goes down.
        turned += (np.exp(-(away**2)) * (1 - 0.7 * away**2)) @ self.nods_rad
        return np.asarray(turned)

    def translation(self, times_s: Array) -> Array:
        """(T, 3) of the head, in m."""
        return np.asarray(_SWAY_M * self.sway.at(times_s)[:, 3:])

    def eyes(self, times_s: Array) -> Array:
        """(T, 2, 3) in rad within the head, the image's left eye first.

        They keep their direction while the head turns, and converge on the camera.
        """
        now = np.maximum(np.searchsorted(self.gaze_s, times_s, side="right") - 1, 0)
        part = np.clip((times_s - self.gaze_s[now]) / _SACCADE_S, 0, 1)
        # Minimum jerk: Flash and Hogan, Journal of Neuroscience 5 (7), 1985.
        eased = (part**3 * (10 - 15 * part + 6 * part**2))[:, None]
        before, after = self.gaze_rad[np.maximum(now - 1, 0)], self.gaze_rad[now]
        gaze = before + (after - before) * eased - self.rotation(times_s)[:, :2]
        eyes = np.zeros((len(times_s), 2, 3))
        eyes[:, :, :2] = gaze[:, None]
        eyes[:, :, 1] += np.array([1, -1]) * np.arctan(-_RIGHT_EYE_X_M / _CAMERA_M)
        return eyes

    def blink(self, times_s: Array) -> Array:
        """(T,) how closed the lids are, 0 to 1: they close faster than they open."""
        closed = np.zeros(len(times_s))
        for begin_s, length_s in self.blinks_s:
            part = np.clip((times_s - begin_s) / length_s, 0, 1)
            rise = np.where(part < _CLOSING, part / _CLOSING, (1 - part) / (1 - _CLOSING))
            closed = np.maximum(closed, (1 - np.cos(np.pi * rise)) / 2)
        return closed


def move(said: Utterance, emotion: str, rng: np.random.Generator) -> HeadMotion:
    """Motion for an utterance, by chance; the emotion sets how often eyes blink."""
    stressed = [p for p in said.phonemes if p.stress == 2]
    depths = rng.uniform(*_NOD_RAD, len(stressed)) * (rng.random(len(stressed)) < 0.75)
    sides = rng.normal(0, 0.3, (2, len(stressed)))
    count = int(said.duration_s / _FIXATION_S[0]) + 2
    gaze_s = np.cumsum(rng.uniform(*_FIXATION_S, count)) - _FIXATION_S[1]
    spread = np.where(rng.random(count) < _AWAY_CHANCE, _AWAY_RAD, _NEAR_RAD)
    return HeadMotion(
        sway=Drift.of(rng, 6),
        tremble=Drift.of(rng, 3, *_TREMBLE_HZ),
        pose_rad=np.clip(rng.standard_normal(3), -2, 2) * _STATIC_RAD,
        nods_s=np.array([p.middle_s for p in stressed]),
        nods_rad=np.stack([depths, *(depths * sides)], axis=1),
        loudness=_loudness(said),
        blinks_s=_blinks(said.duration_s, BLINKS_PER_S[emotion], rng),
        gaze_s=gaze_s,
        gaze_rad=np.clip(rng.standard_normal((count, 2)), -2, 2) * spread[:, None] * [0.6, 1.0],
    )


def _blinks(duration_s: float, per_s: float, rng: np.random.Generator) -> Array:
    """Begin and length of blinks whose gaps are exponential after a pause."""
    blinks = []
    begin_s = float(rng.exponential(1 / per_s)) - 0.3
    while begin_s < duration_s:
        blinks.append((begin_s, float(rng.uniform(*_BLINK_S))))
        begin_s += _REFRACTORY_S + float(rng.exponential(1 / per_s))
    return np.array(blinks).reshape(-1, 2)


def _loudness(said: Utterance) -> Array:
    """How loud the phrase is, 0 to 1."""
    step = SAMPLE_RATE_HZ // _LOUDNESS_HZ
    frames = np.arange(0, len(said.samples), step)
    power = np.add.reduceat(said.samples.astype(np.float64) ** 2, frames)
    level = np.sqrt(power / np.diff(np.append(frames, len(said.samples))))
    low = butter(2, _PHRASE_HZ, fs=_LOUDNESS_HZ, output="sos")
    smooth: Any = np.maximum(sosfiltfilt(low, level), 0)
    return np.asarray(smooth / smooth.max())
