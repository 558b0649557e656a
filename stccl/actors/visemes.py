"""What the mouth does for each phoneme, and how neighbouring phonemes share it.

Co-articulation follows the dominance model of Cohen and Massaro, Modeling Coarticulation in
Synthetic Visual Speech, in Models and Techniques in Computer Animation, 1993.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from stccl.actors.expressions import EXPRESSIONS, coefficients, column
from stccl.actors.utterance import Phoneme
from stccl.errors import ParamsError

Array = npt.NDArray[np.float64]

JAW = len(EXPRESSIONS)
"""Column of the jaw's angle in targets, after the expressions."""

_TONGUE = [column("tongue_tip_up"), column("tongue_out")]
_LIPS = [i for i in range(JAW) if i not in _TONGUE]


@dataclass(frozen=True)
class Viseme:
    """A mouth shape and how much it insists on it.

    Attributes:
        expression: Coefficients by name, 0 to 1; those not named are 0.
        jaw_rad: Angle of the jaw.
        lips: Strength of dominance over the lips.
        jaw: Strength over the jaw.
        tongue: Strength over the tongue.
        closes: Whether sound depends on the lips touching each other or the teeth: dominance is
            then brief and steep, so that the closure is whole and does not spread.
    """

    expression: MappingProxyType[str, float] = field(default_factory=lambda: MappingProxyType({}))
    jaw_rad: float = 0.0
    lips: float = 1.0
    jaw: float = 1.0
    tongue: float = 1.0
    closes: bool = False

    def target(self) -> Array:
        """(27,) expressions and the jaw's angle."""
        return np.append(coefficients(self.expression), self.jaw_rad)

    def strengths(self) -> Array:
        """(27,) dominance over each."""
        strengths = np.full(JAW + 1, self.lips, dtype=np.float64)
        strengths[_TONGUE] = self.tongue
        strengths[JAW] = self.jaw
        return strengths


def _shape(jaw_rad: float = 0.0, *, lips: float = 1.0, jaw: float = 1.0, tongue: float = 1.0,
           closes: bool = False, **expression: float) -> Viseme:  # fmt: skip
    return Viseme(MappingProxyType(expression), jaw_rad, lips, jaw, tongue, closes)


VISEMES = MappingProxyType(
    {
        "rest": _shape(lips=0.7, jaw=0.7, tongue=0.5),
        "p": _shape(0.0, lips=35, jaw=35, tongue=0.3, closes=True, lip_presser=1.0),
        "f": _shape(0.02, lips=25, jaw=20, tongue=0.3, closes=True,
                    lip_suck=0.5, upper_lip_raiser=0.2, lips_part=0.1),
        "th": _shape(0.05, lips=0.8, jaw=2, tongue=4, tongue_out=0.45, lips_part=0.45),
        "t": _shape(0.045, lips=0.4, jaw=1.5, tongue=3,
                    tongue_tip_up=0.8, lips_part=0.4, lip_stretcher=0.1),
        "l": _shape(0.07, lips=0.4, jaw=0.8, tongue=3, tongue_tip_up=1.0, lips_part=0.4),
        "s": _shape(0.02, lips=1.0, jaw=4, tongue=2,
                    tongue_tip_up=0.3, lips_part=0.5, lip_stretcher=0.3),
        "sh": _shape(0.03, lips=4, jaw=4, tongue=1, lip_funneler=0.75, lip_pucker=0.25,
                     lips_part=0.3),
        "k": _shape(0.08, lips=0.3, jaw=0.5, tongue=0.5, lips_part=0.35),
        "h": _shape(0.09, lips=0.2, jaw=0.3, tongue=0.3, lips_part=0.4),
        "r": _shape(0.05, lips=2.5, jaw=1, tongue=2, lip_pucker=0.35, lip_funneler=0.35,
                    lips_part=0.2, tongue_tip_up=0.3),
        "w": _shape(0.03, lips=5, jaw=2, tongue=0.5, lip_pucker=0.9, lip_funneler=0.3),
        "oo": _shape(0.05, lips=2.5, lip_pucker=0.75, lip_funneler=0.4, lips_part=0.1),
        "oh": _shape(0.12, lips=2, lip_pucker=0.45, lip_funneler=0.6, lips_part=0.15),
        "aw": _shape(0.17, lips=1.5, lip_pucker=0.15, lip_funneler=0.4, lips_part=0.3),
        "ah": _shape(0.20, lips_part=0.4),
        "a": _shape(0.17, lip_stretcher=0.35, lips_part=0.5),
        "uh": _shape(0.14, lips_part=0.4),
        "e": _shape(0.09, lip_stretcher=0.35, lips_part=0.45),
        "er": _shape(0.07, lips=1.5, lip_pucker=0.25, lip_funneler=0.3, lips_part=0.3,
                     tongue_tip_up=0.2),
        "i": _shape(0.05, lip_stretcher=0.4, lips_part=0.4),
        "ee": _shape(0.03, lips=1.5, lip_stretcher=0.75, lips_part=0.45),
        "schwa": _shape(0.06, lips=0.5, jaw=0.6, tongue=0.5, lips_part=0.35),
    }
)  # fmt: skip
"""Mouth shapes of American English.

Classes after Fisher, JSHR 11 (4), 1968, with vowels by opening, spreading and rounding.
"""

PHONEMES = MappingProxyType(
    {
        "_": ("rest",),
        **dict.fromkeys(("p", "b", "m"), ("p",)),
        **dict.fromkeys(("f", "v"), ("f",)),
        **dict.fromkeys(("T", "D"), ("th",)),
        **dict.fromkeys(("t", "t#", "d", "n"), ("t",)),
        "l": ("l",),
        **dict.fromkeys(("s", "z"), ("s",)),
        **dict.fromkeys(("S", "tS", "dZ"), ("sh",)),
        **dict.fromkeys(("k", "g", "N"), ("k",)),
        "h": ("h",),
        "r": ("r",),
        "w": ("w",),
        "u:": ("oo",),
        "oU": ("oh", "oo"),
        **dict.fromkeys(("O:", "O2"), ("aw",)),
        **dict.fromkeys(("o@", "O@"), ("oh", "r")),
        "0": ("ah",),
        "A@": ("ah", "r"),
        "a": ("a",),
        "V": ("uh",),
        "aI": ("ah", "ee"),
        "aU": ("ah", "oo"),
        "E": ("e",),
        "e@": ("e", "r"),
        "eI": ("e", "ee"),
        **dict.fromkeys(("I", "I2", "I#"), ("i",)),
        **dict.fromkeys(("i", "i:"), ("ee",)),
        **dict.fromkeys(("3", "3:"), ("er",)),
        **dict.fromkeys(("@", "@2", "a#"), ("schwa",)),
    }
)
"""The visemes of each phoneme of espeak-ng's en-us that the sentences have, in turn."""

# Dominance falls to 1/e at half the viseme's length and this much more: lips move ahead of the
# sound and let go sooner.
_AHEAD_S, _BEHIND_S = 0.03, 0.02
_CLOSURE_S = 0.032
_STEEP, _SMOOTH = 2.5, 2.0
_STRESSED, _UNSTRESSED = 1.12, 0.85


@dataclass(frozen=True)
class Mouth:
    """What a mouth is driven to at T moments.

    Attributes:
        expression: (T, 26) coefficients.
        jaw_rad: (T,) angle of the jaw.
        weights: (T, V) share of each of `VISEMES` in the lips; each row sums to 1.
        closure: (T,) how much of that is closing, 0 to 1.
    """

    expression: Array
    jaw_rad: Array
    weights: Array
    closure: Array


def visemes_of(phoneme: str) -> tuple[str, ...]:
    """The visemes a phoneme passes through.

    >>> visemes_of("aI")
    ('ah', 'ee')

    Raises:
        ParamsError: For a phoneme without one, with the next step.
    """
    try:
        return PHONEMES[phoneme]
    except KeyError:
        raise ParamsError(
            f"espeak-ng's phoneme {phoneme!r} has no viseme; add it to stccl.actors.visemes"
        ) from None


def mouth(phonemes: Sequence[Phoneme], times_s: Array, effort: float = 1.0) -> Mouth:
    r"""The mouth through an utterance.

    Every viseme s with its middle at :math:`t_s` dominates a movement p by

    .. math:: D_{sp}(t) = \alpha_{sp} \exp(-|(t - t_s) / \sigma_s|^c)

    and the movement is the average of the visemes' targets weighted by their dominance. The width
    :math:`\sigma_s` is half the viseme's length and 30 ms before its middle, 20 ms after; visemes
    that close are 32 ms wide at least and steeper (c = 2.5, others 2).

    Args:
        phonemes: In time, without gaps.
        times_s: (T,) moments; those before and after the phonemes count as their start and end.
        effort: Factor of how far the jaw and lips go from rest where nothing closes.

    Raises:
        ParamsError: For a phoneme without viseme.

    Source:
        Cohen and Massaro 1993, eq. 1 to 4; widths are ours.
    """
    names, middles_s, halves_s, scales = _segments(phonemes)
    shapes = [VISEMES[name] for name in names]
    closes = np.array([shape.closes for shape in shapes])
    targets = np.array([shape.target() for shape in shapes])
    targets[~closes] *= (effort * scales[~closes])[:, None]
    strengths = np.array([shape.strengths() for shape in shapes])

    within_s = np.clip(times_s, phonemes[0].start_s, phonemes[-1].end_s)
    tau = within_s[:, None] - middles_s
    sigma = halves_s + np.where(tau < 0, _AHEAD_S, _BEHIND_S)
    sigma = np.where(closes, np.maximum(halves_s * 0.7, _CLOSURE_S), sigma)
    fall = np.exp(-(np.abs(tau / sigma) ** np.where(closes, _STEEP, _SMOOTH)))
    dominance = fall[:, :, None] * strengths
    share = dominance / dominance.sum(axis=1, keepdims=True)
    values: Any = np.einsum("tsp,sp->tp", share, targets)

    lips = share[:, :, _LIPS[0]]
    closure = lips[:, closes].sum(axis=1)
    # The tongue comes out as far as lips and teeth are apart, or it would show through them.
    apart = np.clip(values[:, JAW] / VISEMES["th"].jaw_rad, 0, 1)
    values[:, column("tongue_out")] *= (1 - closure) ** 2 * apart
    weights = np.zeros((len(times_s), len(VISEMES)))
    order = list(VISEMES)
    for segment, name in enumerate(names):
        weights[:, order.index(name)] += lips[:, segment]
    return Mouth(values[:, :JAW], values[:, JAW], weights, closure)


def _segments(phonemes: Sequence[Phoneme]) -> tuple[list[str], Array, Array, Array]:
    """Names of the visemes, their middles, half their lengths, and how strongly they are said."""
    names, middles_s, halves_s, scales = [], [], [], []
    for phoneme in phonemes:
        parts = visemes_of(phoneme.name)
        length_s = (phoneme.end_s - phoneme.start_s) / len(parts)
        for index, name in enumerate(parts):
            names.append(name)
            middles_s.append(phoneme.start_s + (index + 0.5) * length_s)
            halves_s.append(length_s / 2)
            scales.append(_STRESSED if phoneme.stress == 2 else _UNSTRESSED)
    return names, np.array(middles_s), np.array(halves_s), np.array(scales)
