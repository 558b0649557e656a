"""How a speaker's voice sounds, and what an emotion makes of it."""

import math
from dataclasses import dataclass

from stccl.actors.speaker import Speaker
from stccl.errors import ParamsError

LEVEL_INTENSITY = {1: 0.4, 2: 0.7, 3: 1.0}
"""How much of an emotion's apex MEAD's three levels show."""


@dataclass(frozen=True)
class Voice:
    """A speaker's voice when calm.

    Attributes:
        variant: espeak-ng's, which sets the timbre.
        pitch_hz: Median fundamental frequency.
        pitch_range: Relative to the variant's.
        rate_wpm: Words per minute.
        tract: Formant frequencies relative to the variant's; a short vocal tract is above 1.
        expressiveness: How strongly emotions are heard, 1 as in `delivery`.
    """

    variant: str
    pitch_hz: float
    pitch_range: float
    rate_wpm: float
    tract: float
    expressiveness: float


@dataclass(frozen=True)
class Delivery:
    """How something is said, relative to calm speech.

    Attributes:
        stretch: Natural logarithm of the duration.
        pitch_semitones: Shift of the pitch.
        pitch_range: Factor of its range.
        loudness_db: Level.
        tension_db: Slope of the spectrum above 500 Hz, per octave; a tense voice is bright.
        breath: Noise of breath in voiced sounds, relative to them.
        tremor: Depth of the trembling of the level.
        unevenness: Deviation of the logarithm of the rate from word to word.
        slowing: How much slower, as a logarithm, the end is than the beginning.
        emphasis: How much longer, as a logarithm, the words that matter are.
    """

    stretch: float = 0.0
    pitch_semitones: float = 0.0
    pitch_range: float = 1.0
    loudness_db: float = 0.0
    tension_db: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    unevenness: float = 0.05
    slowing: float = 0.0
    emphasis: float = 0.08


# Directions after Juslin and Laukka, Psychological Bulletin 129 (5), 2003, table 11, and Banse and
# Scherer, JPSP 70 (3), 1996, table 6; sizes are ours. No two stretch alike.
_APEX = {
    "neutral": Delivery(),
    "angry": Delivery(-0.24, 3.0, 1.5, 6.0, 2.5, 0.0, 0.0, 0.16, -0.12, 0.22),
    "contempt": Delivery(0.235, -1.5, 0.75, -1.0, 0.6, 0.01, 0.0, 0.13, 0.16, 0.20),
    "disgusted": Delivery(0.35, -1.0, 1.1, 0.5, 1.0, 0.02, 0.0, 0.16, 0.08, 0.22),
    "fear": Delivery(-0.40, 5.0, 0.8, -1.0, 0.3, 0.04, 0.2, 0.16, -0.20, 0.06),
    "happy": Delivery(-0.11, 3.5, 1.6, 3.0, 1.2, 0.0, 0.0, 0.14, 0.04, 0.18),
    "sad": Delivery(0.46, -1.5, 0.55, -5.0, -1.6, 0.05, 0.06, 0.10, 0.14, 0.10),
    "surprised": Delivery(0.12, 5.0, 1.8, 3.0, 0.8, 0.03, 0.0, 0.15, 0.18, 0.26),
}

# Variants without echo, which would sound through closures, and the median pitch of each.
_VARIANTS = {
    "man": {"m1": 90.0, "m3": 99.0, "m4": 89.0, "m7": 100.0},
    "woman": {"f1": 173.0, "steph": 181.0, "linda": 224.0, "Annie": 229.0},
}


def voice(speaker: Speaker) -> Voice:
    """The speaker's voice: pitch, pace and timbre by chance, sex and age.

    Women's voices fall with age, men's rise a little; everyone slows down (Stathopoulos, Huber and
    Sussman, JSLHR 54 (4), 2011).
    """
    age = (speaker.age_years - 44) / 24  # -1 to 1
    octaves = (speaker.spread("pitch") - 0.5) * 0.5
    if speaker.sex == "man":
        pitch_hz = 112 * 2 ** (octaves + 0.04 * age)
    else:
        pitch_hz = 198 * 2 ** (octaves - 0.08 * age)
    variants = tuple(_VARIANTS[speaker.sex])
    rng = speaker.rng("voice")
    return Voice(
        variant=variants[int(speaker.spread("variant") * len(variants))],
        pitch_hz=pitch_hz,
        pitch_range=float(rng.uniform(0.85, 1.2)),
        rate_wpm=162 * (1 - 0.06 * age) * float(rng.uniform(0.93, 1.07)),
        tract=0.95 + 0.1 * speaker.spread("tract"),
        expressiveness=float(rng.uniform(0.9, 1.1)),
    )


def delivery(emotion: str, level: int, expressiveness: float = 1.0) -> Delivery:
    """How an emotion is said at a level.

    Every quantity goes from that of neutral speech to that of the emotion's apex, by the level's
    intensity times the speaker's expressiveness.

    >>> delivery("angry", 1).loudness_db
    2.4000000000000004

    Raises:
        ParamsError: For an emotion or level that there is not.
    """
    check_emotion(emotion, level)
    part = LEVEL_INTENSITY[level] * expressiveness
    calm, apex = vars(_APEX["neutral"]), vars(_APEX[emotion])
    return Delivery(**{name: calm[name] + part * (apex[name] - calm[name]) for name in calm})


def check_emotion(emotion: str, level: int) -> None:
    """Refuse what MEAD does not have.

    Raises:
        ParamsError: For an emotion or level that there is not.
    """
    if emotion not in _APEX:
        raise ParamsError(f"actors know no emotion {emotion!r}; choose from {', '.join(_APEX)}")
    levels = (1,) if emotion == "neutral" else tuple(LEVEL_INTENSITY)
    if level not in levels:
        names = ", ".join(map(str, levels))
        raise ParamsError(f"{emotion} has no level {level}; it has {names}")


def espeak_pitch(voice: Voice, semitones: float) -> int:
    """espeak-ng's pitch parameter, 0 to 99, that gives the voice its pitch and a shift.

    The variants move by some 66 steps per octave around 50; warping the vocal tract later moves
    the pitch with it.
    """
    own_hz = next(v[voice.variant] for v in _VARIANTS.values() if voice.variant in v)
    octaves = math.log2(voice.pitch_hz / own_hz / voice.tract) + semitones / 12
    return round(min(99.0, max(0.0, 50 + 66 * octaves)))
