"""The red of the lips, with its fine vertical lines and its wet shine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.actors.paint.sheet import Sheet
from stccl.actors.paint.skin import Coat
from stccl.actors.paint.tone import skin_colour
from stccl.face3d.head.proportions import LOWER_BORDER_MM, MOUTH_LINE_MM, UPPER_BORDER_MM

Array = NDArray[Any]


def paint_lips(sheet: Sheet, looks: Looks, coat: Coat) -> None:
    """Add the lips to bare skin."""
    red = sheet.mask([*UPPER_BORDER_MM, *reversed(LOWER_BORDER_MM)], 0.7)
    line = np.interp(sheet.side, *np.array(MOUTH_LINE_MM, float).T)
    upper = sheet.y > line
    # Lips keep less melanin than skin, and blood shows through.
    melanin = np.full_like(red, 0.09 + 0.80 * looks.melanin)
    melanin += 0.05 * upper + 0.03 * sheet.noise(4.0)
    blood = 1.05 - 0.2 * looks.melanin + looks.lip_redness + 0.05 * sheet.noise(3.0)
    colour = skin_colour(melanin, np.clip(blood, 0.1, 2.0))
    lipstick = np.array(looks.lipstick_linear)
    colour += looks.makeup * 0.6 * (lipstick - colour)
    # The upper lip faces down, away from the lamps.
    colour *= (1 - 0.15 * upper)[..., None]
    lines = _vertical_lines(sheet)
    colour *= (1 - 0.10 * np.clip(lines, 0, 1))[..., None]
    # Darker towards the slit, where lips turn in.
    inward = np.exp(-(((sheet.y - line) / 1.5) ** 2))
    colour *= (1 - 0.55 * inward)[..., None]
    coat.albedo += (0.92 * red)[..., None] * (colour.astype(np.float32) - coat.albedo)
    coat.roughness += red * (0.42 - 0.06 * looks.makeup - coat.roughness)
    coat.specular += red * (0.70 + 0.3 * looks.makeup - coat.specular)
    coat.height_mm += red * (-0.05 * lines)
    # A pale rim follows the upper border, and under the lower lip lies a shade.
    rim = sheet.line([(x, y + 1.3) for x, y in UPPER_BORDER_MM[1:]], 1.4)
    coat.albedo *= (1 + 0.05 * rim)[..., None]
    coat.albedo *= (1 - 0.05 * sheet.spot(0, -85.5, 11, 2.5))[..., None]


def _vertical_lines(sheet: Sheet) -> Array:
    """Stripes that fan out from the middle, of uneven width."""
    bent = sheet.x * (1 + 0.006 * (sheet.y + 70)) + 0.35 * sheet.noise(5.0)
    stripes = np.sin(2 * np.pi * bent / 1.9) + 0.6 * np.sin(2 * np.pi * bent / 1.1 + 1.0)
    lines: Array = np.clip(stripes * (0.7 + 0.3 * sheet.noise(3.0)), 0, 1.5) / 1.5
    return lines
