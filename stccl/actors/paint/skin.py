"""Skin: tone and its changes over the face, freckles, stubble, pores, shine."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.hairline import above_hairline
from stccl.actors.looks import Looks
from stccl.actors.paint.sheet import PX_PER_MM, Sheet
from stccl.actors.paint.tone import skin_colour
from stccl.render.picture import from_srgb

Array = NDArray[Any]


@dataclass
class Coat:
    """What is painted on a sheet.

    Attributes:
        albedo: (H, W, 3) linear RGB.
        roughness: (H, W) 0..1.
        specular: (H, W), 1 usual.
        height_mm: (H, W) of the relief.
    """

    albedo: Array
    roughness: Array
    specular: Array
    height_mm: Array

    def cover(self, colour: Array, part: Array) -> None:
        """Paint over with an opaque linear RGB colour where `part` is 1."""
        self.albedo += part[..., None] * (np.asarray(colour, np.float32) - self.albedo)


def paint_skin(sheet: Sheet, looks: Looks) -> Coat:
    """Bare skin without lips, brows and creases."""
    melanin = looks.melanin + _melanin_changes(sheet, looks)
    blood = looks.blood + _blood_changes(sheet, looks)
    albedo = skin_colour(np.clip(melanin, 0, 1.2), np.clip(blood, 0.02, 1.6)).astype(np.float32)
    albedo *= (1 + 0.02 * sheet.grain(0.35) + 0.010 * sheet.noise(3.0))[..., None]
    shadow = _stubble_shadow(sheet) * looks.stubble
    hair = np.array(looks.brow_linear) * 0.7
    albedo += ((0.62 + 0.25 * looks.stubble) * shadow)[..., None] * (hair + 0.22 * albedo - albedo)
    dots = np.clip(sheet.grain(0.16) - 0.9, 0, 1) * shadow
    albedo *= (1 - 0.5 * dots)[..., None]
    oily = (
        0.9 * sheet.spot(0, -38, 8, 12)
        + 0.5 * sheet.spot(0, 40, 24, 14)
        + 0.35 * sheet.spot(38, -30, 12, 10)
        + 0.35 * sheet.spot(0, -98, 9, 7)
    )
    roughness = 0.60 - 0.13 * np.clip(oily, 0, 1) + 0.02 * sheet.noise(6.0)
    specular = 0.52 + 0.36 * np.clip(oily, 0, 1) - 0.25 * shadow
    pores = 0.012 * sheet.grain(0.3) + 0.02 * sheet.grain(0.8)
    aged = 1 + max(0.0, looks.age_years - 30) / 40
    relief = aged * (pores * (1 + 0.6 * sheet.spot(25, -35, 18, 18)) + 0.05 * sheet.grain(2.2))
    return Coat(albedo, roughness.astype(np.float32), specular.astype(np.float32), relief)


def paint_scalp(sheet: Sheet, looks: Looks, coat: Coat) -> None:
    """Add the shade of hair under the hair, thin at the hairline."""
    recess = max(0.0, looks.age_years - 28) * 0.35 if looks.stubble else 0.0
    above = above_hairline(sheet.x, sheet.y, recess) + 1.5 * sheet.noise(4.0)
    dense = 0.45 if looks.hair_style == "bald" else 0.93
    part = dense * np.clip((above + 1.0) / 9.0, 0, 1)
    if looks.hair_style == "bald":
        part *= np.clip((70 - sheet.y) / 25, 0, 1)
    colour = from_srgb(np.array(looks.hair_colour)) * 0.5
    coat.cover(colour * (1 + 0.2 * sheet.grain(0.3))[..., None], part)
    coat.specular *= 1 - 0.8 * part


def _melanin_changes(sheet: Sheet, looks: Looks) -> Array:
    tanned = 0.02 * sheet.spot(0, 45, 50, 20) + 0.015 * sheet.spot(0, -30, 12, 20)
    sockets = 0.035 * sheet.spot(30, -9, 13, 5) + 0.04 * sheet.spot(19, 6, 7, 8)
    sockets *= 0.8 + 0.8 * looks.melanin + max(0.0, looks.age_years - 30) / 50
    patches = 0.007 * sheet.noise(14.0) + 0.005 * sheet.noise(5.0)
    around_mouth = 0.05 * looks.melanin * sheet.spot(0, -72, 32, 16)
    return tanned + sockets + patches + around_mouth + _freckles(sheet, looks)


def _blood_changes(sheet: Sheet, looks: Looks) -> Array:
    flush = (
        0.22 * sheet.spot(41, -28, 14, 13)
        + 0.28 * sheet.spot(0, -42, 9, 9)
        + 0.22 * sheet.spot(13, -48, 6, 6)
        + 0.12 * sheet.spot(0, -100, 13, 9)
        + 0.16 * sheet.spot(27, -10, 12, 5)
        + 0.12 * sheet.spot(30, 6, 14, 5)
        + 0.10 * sheet.spot(0, -66, 30, 10)
        - 0.08 * sheet.spot(0, 45, 40, 18)
    )
    ears = 0.25 * np.clip((sheet.side - 70) / 10, 0, 1)
    patches = 0.03 * sheet.noise(9.0) + 0.02 * sheet.noise(4.0)
    rouge = 0.25 * looks.makeup * sheet.spot(46, -26, 13, 9, 0.5)
    return flush * (1.0 - 0.4 * looks.melanin) + ears + patches + rouge


def _freckles(sheet: Sheet, looks: Looks) -> Array:
    where = np.clip(
        sheet.spot(30, -22, 20, 14) + sheet.spot(0, -28, 14, 12) + 0.35 * sheet.spot(0, 40, 45, 20),
        0,
        1,
    )
    dots = np.clip(sheet.grain(0.55) - 1.35, 0, 1.2) + 0.5 * np.clip(sheet.grain(0.9) - 1.7, 0, 1)
    freckles: Array = 0.32 * looks.freckles * where * dots
    moles = sheet.empty()
    for x, y, size in looks.moles:
        moles += 0.5 * np.exp(-(((sheet.x - x) ** 2 + (sheet.y - y) ** 2) / size**2))
    return freckles + moles


def _stubble_shadow(sheet: Sheet) -> Array:
    """Where a beard grows, 0 to 1."""
    jaw = sheet.mask(
        [(0, -86), (9, -84), (14, -92), (31, -78), (33, -66), (52, -48), (66, -18), (72, -18),
         (76, -60), (60, -105), (30, -124), (0, -128)],
        3.0,
    )  # fmt: skip
    moustache = sheet.mask([(0, -58), (10, -55), (26, -63), (34, -78), (28, -76), (0, -61)], 1.8)
    soul_patch = 0.8 * sheet.mask([(0, -82), (5, -82), (6, -92), (0, -92)], 1.2)
    both = np.clip(jaw + moustache + soul_patch, 0, 1)
    blurred: Array = cv2.GaussianBlur(both, (0, 0), 1.2 * PX_PER_MM)
    return blurred
