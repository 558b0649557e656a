"""What an emotion does to a face: action units, how they come and go, whose face it is."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from stccl.actors.drift import Drift
from stccl.actors.expressions import EXPRESSIONS, coefficients, column
from stccl.actors.speaker import Speaker
from stccl.actors.voice import LEVEL_INTENSITY, check_emotion

Array = npt.NDArray[np.float64]

JAW = len(EXPRESSIONS)
"""Column of the jaw's angle, after the expressions."""


def _units(**amounts: float) -> dict[str, float]:
    return amounts


# Units after Ekman and Friesen's EMFACS, as listed by Matsumoto and Ekman, Scholarpedia 3 (5),
# 2008; amounts at the apex are ours, lower around the mouth, which talking people keep free. Brows
# go up in happy talk as in MEAD. `smile` and `dimple` stand for both sides of 12 and 14.
_APEX: MappingProxyType[str, dict[str, float]] = MappingProxyType(
    {
        "neutral": {},
        "angry": _units(brow_lowerer=1.0, upper_lid_raiser=0.5, lid_tightener=0.75,
                        lip_tightener=0.4, chin_raiser=0.1, upper_lip_raiser=0.15),
        "contempt": _units(smile=0.55, dimple=0.85, lid_tightener=0.25, blink=0.12),
        "disgusted": _units(nose_wrinkler=0.95, upper_lip_raiser=0.55, lip_corner_depressor=0.1,
                          lower_lip_depressor=0.05, chin_raiser=0.25, lid_tightener=0.5,
                          brow_lowerer=0.35, cheek_raiser=0.2),
        "fear": _units(inner_brow_raiser=0.95, outer_brow_raiser=0.55, brow_lowerer=0.45,
                     upper_lid_raiser=0.9, lid_tightener=0.3, lip_stretcher=0.4, lips_part=0.3),
        "happy": _units(smile=0.85, cheek_raiser=0.7, upper_lip_raiser=0.2, lips_part=0.35,
                      inner_brow_raiser=0.35, outer_brow_raiser=0.45, jaw=0.02),
        "sad": _units(inner_brow_raiser=0.95, brow_lowerer=0.45, lip_corner_depressor=0.36,
                    chin_raiser=0.28, cheek_raiser=0.15, blink=0.2),
        "surprised": _units(inner_brow_raiser=1.0, outer_brow_raiser=1.0, upper_lid_raiser=0.8,
                          lips_part=0.25, jaw=0.12),
    }
)  # fmt: skip

_UPPER_FACE = [column(name) for name in EXPRESSIONS[:7]]
_ONSET_S = (0.35, 0.8)
_START, _END = (0.25, 0.55), (0.45, 0.8)
_SWELL, _SWELL_HZ = 0.07, (0.15, 0.6)
_RESTLESS = 0.015  # a calm face is not frozen


@dataclass(frozen=True)
class Manner:
    """How a speaker shows emotions.

    Attributes:
        gains: (27,) of the expressions and the jaw, around 1.
        stronger_side: Of smiles: 0 is the right alone, 1 the left alone, 0.5 both alike.
        contempt_side: `right` or `left`.
        intensity: Factor of everything.
    """

    gains: Array
    stronger_side: float
    contempt_side: str
    intensity: float

    def apex(self, emotion: str) -> Array:
        """(27,) coefficients and the jaw's angle at the apex of level 3, before `intensity`."""
        amounts = dict(_APEX[emotion])
        jaw_rad = amounts.pop("jaw", 0.0)
        droop = amounts.pop("blink", 0.0)
        amounts |= {"blink_right": droop, "blink_left": droop} if droop else {}
        sides = {"right": 2 * (1 - self.stronger_side), "left": 2 * self.stronger_side}
        if emotion == "contempt":
            sides = {side: float(side == self.contempt_side) for side in sides}
        for movement, name in (("smile", "lip_corner_puller"), ("dimple", "dimpler")):
            amount = amounts.pop(movement, 0.0)
            amounts |= {f"{name}_{side}": amount * part for side, part in sides.items()}
        return np.append(coefficients(amounts), jaw_rad) * self.gains


def manner(speaker: Speaker) -> Manner:
    """The speaker's manner, by chance."""
    rng = speaker.rng("manner")
    gains = np.exp(rng.normal(0, 0.12, JAW + 1))
    pairs = [column(name) for name in EXPRESSIONS if name.endswith("_left")]
    gains[pairs] = gains[[column(EXPRESSIONS[c].replace("_left", "_right")) for c in pairs]]
    return Manner(
        gains=gains,
        stronger_side=float(rng.uniform(0.45, 0.55)),
        contempt_side=str(rng.choice(["right", "left"])),
        intensity=float(rng.uniform(0.93, 1.05)),
    )


@dataclass(frozen=True)
class Feeling:
    """An emotion through one clip.

    Attributes:
        apex: (27,) coefficients, cut off at 1 later, and the jaw's angle.
        knots_s: (K, 27) when each begins, reaches its apex, leaves it and ends.
        amounts: (K,) of the apex at those times.
        swell: Slow variation.
    """

    apex: Array
    knots_s: Array
    amounts: Array
    swell: Drift

    def at(self, times_s: Array) -> Array:
        """(T, 27) coefficients and the jaw's angle."""
        shape = np.empty((len(times_s), JAW + 1))
        for part in range(JAW + 1):
            shape[:, part] = _eased(times_s, self.knots_s[:, part], self.amounts)
        swell = self.swell.at(times_s)
        swollen = self.apex * shape * (1 + _SWELL * swell)
        swollen[:, _UPPER_FACE] += _RESTLESS * np.maximum(swell[:, _UPPER_FACE], 0)
        swollen[:, :JAW] = np.clip(swollen[:, :JAW], 0, 1)
        return np.asarray(swollen)


def feel(
    speaker: Speaker, sentence: str, emotion: str, level: int, speech_s: tuple[float, float],
    duration_s: float,
) -> Feeling:  # fmt: skip
    """An emotion as a speaker shows it while saying a sentence.

    It is partly there when the clip begins, as in a take cut from a longer recording, reaches its
    apex about when speech starts, and fades after it ends; the brows lead the mouth a little.

    Raises:
        ParamsError: For an emotion or level that there is not.
    """
    check_emotion(emotion, level)
    own = manner(speaker)
    rng = speaker.rng(f"feeling {sentence} {emotion} {level}")
    apex = own.apex(emotion) * own.intensity * LEVEL_INTENSITY[level]
    onset_s = rng.uniform(*_ONSET_S)
    start_s, end_s = speech_s
    reached_s = max(start_s + rng.uniform(-0.1, 0.25), onset_s)
    knots_s = np.array(
        [reached_s - onset_s, reached_s, max(end_s - rng.uniform(0, 0.15), reached_s), duration_s]
    )
    lags_s = rng.normal(0, 0.03, JAW + 1) + 0.05
    lags_s[_UPPER_FACE] -= 0.07
    amounts = np.array([rng.uniform(*_START), 1.0, 1.0, rng.uniform(*_END)])
    swell = Drift.of(rng, JAW + 1, *_SWELL_HZ)
    return Feeling(apex, knots_s[:, None] + lags_s, amounts, swell)


def _eased(times_s: Array, knots_s: Array, amounts: Array) -> Array:
    """Between knots along half a cosine, beyond them constant."""
    segment = np.clip(np.searchsorted(knots_s, times_s) - 1, 0, len(knots_s) - 2)
    gap_s = np.maximum(np.diff(knots_s), 1e-9)[segment]
    part = np.clip((times_s - knots_s[segment]) / gap_s, 0, 1)
    ease = (1 - np.cos(np.pi * part)) / 2
    eased: Any = amounts[segment] + np.diff(amounts)[segment] * ease
    return np.asarray(eased)
