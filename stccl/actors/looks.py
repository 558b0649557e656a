"""What an actor looks like: a typed description, drawn from who the actor is."""

from typing import Literal

import numpy as np
from pydantic import Field

from stccl.actors.speaker import Speaker
from stccl.render.picture import from_srgb
from stccl.section import Section

Rgb = tuple[float, float, float]
HairStyle = Literal["bald", "cropped", "short", "side_part", "curly", "wavy", "bob", "long", "bun"]


class Looks(Section):
    """One person's colouring, hair and clothes, and the studio they are filmed in.

    Colours are sRGB, 0 to 1.
    """

    age_years: float = Field(ge=16, le=90, description="Deepens lines and shades.")
    melanin: float = Field(ge=0, le=1, description="Of the skin: 0 palest, 1 darkest.")
    blood: float = Field(ge=0, le=1, description="Redness of the skin; 0.4 is usual.")
    freckles: float = Field(ge=0, le=1, description="How many and how dark.")
    moles: tuple[tuple[float, float, float], ...] = Field(
        description="x, y (mm, the head's chart) and radius (mm) of each."
    )
    lip_redness: float = Field(ge=-0.5, le=0.8, description="On top of the skin's.")
    makeup: float = Field(ge=0, le=1, description="Lipstick, lashes, rouge.")
    lipstick: Rgb
    stubble: float = Field(ge=0, le=1, description="Shade of a shaven beard; 1 is unshaven.")
    lashes: float = Field(ge=0, le=1.5, description="Length over the usual.")
    brow_thickness: float = Field(ge=0, le=1)
    brow_colour: Rgb
    eye_colour: Rgb = Field(description="Of the iris.")
    hair_style: HairStyle
    hair_colour: Rgb
    hair_grey: float = Field(ge=0, le=1, description="Part of the strands that are grey.")
    clothes_colour: Rgb
    wall_colour: Rgb
    key_azimuth_rad: float = Field(description="Of the main lamp; positive from the image's right.")
    key_height_rad: float = Field(description="Of the main lamp over the eyes.")
    key_warmth: float = Field(ge=-1, le=1, description="1 a warm lamp, -1 a cold one.")
    fill: float = Field(ge=0, le=1, description="Light in the shade over light from the lamp.")

    @property
    def brow_linear(self) -> Rgb:
        """`brow_colour` as linear light."""
        return _linear(self.brow_colour)

    @property
    def lipstick_linear(self) -> Rgb:
        """`lipstick` as linear light."""
        return _linear(self.lipstick)


def draw_looks(speaker: Speaker) -> Looks:
    """The looks of an actor: by seed and name alone, spread over the first few of each sex."""
    rng = speaker.rng("looks")
    woman = speaker.sex == "woman"
    melanin = float(np.interp(speaker.spread("melanin"), [0, 0.3, 0.6, 1], [0.05, 0.2, 0.42, 0.86]))
    # Fair hair and light eyes go with fair skin.
    fair = max(0.0, 1 - melanin / 0.32)
    hair = _hair_colour(rng, fair)
    greyness = float(np.clip((speaker.age_years - 42) / 26, 0, 1) * rng.uniform(0.3, 1.0))
    grey = tuple(0.6 * greyness * (0.62 - c) + c for c in hair)
    brow = tuple(float(0.72 * c) for c in grey)
    styles: tuple[HairStyle, ...] = (
        ("long", "bun", "bob", "wavy") if woman else ("short", "side_part", "cropped", "curly")
    )
    style = styles[int(speaker.spread("hair style") * len(styles))]
    if not woman and speaker.age_years > 45 and rng.random() < 0.35:
        style = "bald"
    makeup = float(np.clip(rng.normal(0.55, 0.25), 0, 1)) if woman else 0.0
    return Looks(
        age_years=float(speaker.age_years),
        melanin=melanin,
        blood=float(np.clip(rng.normal(0.40, 0.06), 0.25, 0.6)),
        freckles=float(np.clip(rng.normal(0.15 + 0.3 * fair, 0.3), 0, 1)),
        moles=tuple(
            (float(rng.uniform(-55, 55)), float(rng.uniform(-95, 45)), float(rng.uniform(0.5, 1.0)))
            for _ in range(rng.integers(0, 4))
        ),
        lip_redness=float(rng.uniform(-0.05, 0.2)) + (0.12 if woman else 0.0),
        makeup=makeup,
        lipstick=(0.70, 0.30 + 0.12 * float(rng.random()), 0.34),
        stubble=0.0
        if woman
        else float(np.interp(speaker.spread("stubble"), [0, 0.5, 1], [0.2, 0.5, 1.0])),
        lashes=float(rng.uniform(0.9, 1.2)) if woman else float(rng.uniform(0.55, 0.8)),
        brow_thickness=float(np.clip(rng.normal(0.5 if woman else 0.66, 0.13), 0.35, 1)),
        brow_colour=(brow[0], brow[1], brow[2]),
        eye_colour=_eye_colour(rng, fair),
        hair_style=style,
        hair_colour=hair,
        hair_grey=greyness,
        clothes_colour=_pick(rng, _CLOTHES),
        wall_colour=_pick(rng, _WALLS),
        key_azimuth_rad=float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.75)),
        key_height_rad=float(rng.uniform(0.45, 0.7)),
        key_warmth=float(rng.uniform(-0.2, 0.6)),
        fill=float(rng.uniform(0.34, 0.5)),
    )


_CLOTHES: tuple[Rgb, ...] = (
    (0.85, 0.85, 0.83), (0.16, 0.18, 0.24), (0.45, 0.47, 0.50), (0.42, 0.20, 0.20),
    (0.22, 0.34, 0.42), (0.55, 0.50, 0.40), (0.25, 0.35, 0.28), (0.13, 0.13, 0.14),
)  # fmt: skip
_WALLS: tuple[Rgb, ...] = (
    (0.40, 0.45, 0.50), (0.52, 0.50, 0.46), (0.30, 0.36, 0.38), (0.46, 0.44, 0.48),
    (0.36, 0.42, 0.36), (0.56, 0.55, 0.54),
)  # fmt: skip
_FAIR_HAIR: tuple[Rgb, ...] = (
    (0.66, 0.52, 0.34), (0.50, 0.37, 0.24), (0.36, 0.25, 0.17), (0.50, 0.24, 0.13),
    (0.27, 0.19, 0.14),
)  # fmt: skip
_DARK_HAIR: tuple[Rgb, ...] = ((0.13, 0.10, 0.085), (0.17, 0.12, 0.095), (0.22, 0.155, 0.12))
_LIGHT_EYES: tuple[Rgb, ...] = (
    (0.38, 0.52, 0.62), (0.42, 0.50, 0.44), (0.42, 0.39, 0.28), (0.33, 0.24, 0.16)
)  # fmt: skip
_DARK_EYES: tuple[Rgb, ...] = ((0.26, 0.17, 0.11), (0.19, 0.13, 0.09), (0.30, 0.21, 0.14))


def _hair_colour(rng: np.random.Generator, fair: float) -> Rgb:
    return _pick(rng, _FAIR_HAIR if rng.random() < 1.3 * fair else _DARK_HAIR)


def _eye_colour(rng: np.random.Generator, fair: float) -> Rgb:
    return _pick(rng, _LIGHT_EYES if rng.random() < 1.3 * fair else _DARK_EYES)


def _pick(rng: np.random.Generator, colours: tuple[Rgb, ...]) -> Rgb:
    red, green, blue = np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.92, 1.08)
    return (float(red), float(green), float(blue))


def _linear(colour: Rgb) -> Rgb:
    red, green, blue = (float(from_srgb(np.array(c))) for c in colour)
    return (red, green, blue)
