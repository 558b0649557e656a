"""Brows hair by hair, lash lines, and the fold of the upper lid."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.actors.paint.sheet import PX_PER_MM, Sheet
from stccl.actors.paint.skin import Coat
from stccl.face3d.head import proportions as head

Array = NDArray[Any]


def paint_brows(sheet: Sheet, looks: Looks, coat: Coat, generator: np.random.Generator) -> None:
    """Add the brows' hairs over a soft shade of their colour."""
    middle = np.array(head.BROW_MM, float)
    share = np.linspace(0, 1, len(middle))
    count = int(420 * (0.6 + 0.6 * looks.brow_thickness))
    layer = sheet.empty()
    for mirror in (1.0, -1.0):
        along = generator.beta(1.15, 1.25, count)
        half_mm = (1.5 + 2.6 * looks.brow_thickness) * _brow_shape(along)
        across = np.clip(generator.normal(0, 0.5, count), -1, 1)
        centre = np.stack([np.interp(along, share, middle[:, k]) for k in range(2)], axis=1)
        ahead = np.stack([np.interp(along + 0.02, share, middle[:, k]) for k in range(2)], axis=1)
        course = ahead - centre
        course /= np.linalg.norm(course, axis=1, keepdims=True) + 1e-9
        course[along > 0.98] = [0.8, -0.6]
        normal = np.stack([-course[:, 1], course[:, 0]], axis=1)
        roots = centre + (across * half_mm)[:, None] * normal
        # Hairs at the nose stand up, those of the lower half point up, of the upper half down.
        lift = 1.3 * np.exp(-along / 0.12) + 0.35 - 0.45 * across * (along > 0.15)
        lift += generator.normal(0, 0.15, count)
        direction = course + lift[:, None] * normal
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = (4.0 + 2.2 * looks.brow_thickness) * generator.uniform(0.7, 1.2, count)
        length *= 0.6 + 0.4 * _brow_shape(along)
        tips = roots + length[:, None] * direction - normal * 0.12 * length[:, None]
        flip = np.array([mirror, 1.0])
        layer = np.maximum(layer, sheet.hairs(roots * flip, tips * flip, 0.26))
    shade = cv2.GaussianBlur(layer, (0, 0), 1.1 * PX_PER_MM)
    colour = np.array(looks.brow_linear)
    coat.cover(0.4 * colour + 0.2 * coat.albedo, np.clip(1.0 * shade, 0, 0.55))
    coat.cover(colour, np.clip(0.85 * layer, 0, 1))
    coat.specular *= 1 - 0.5 * np.clip(shade * 1.5, 0, 1)
    coat.height_mm += 0.25 * shade + 0.08 * layer


def _brow_shape(along: Array) -> Array:
    """Half the height over the length: full near the nose, thin at the outer end."""
    shape: Array = np.interp(along, [0, 0.08, 0.3, 0.65, 1.0], [0.62, 0.9, 1.0, 0.72, 0.18])
    return shape


def paint_lids(sheet: Sheet, looks: Looks, coat: Coat) -> None:
    """Add the crease above the eye, the lash lines and the shade and red of the rims."""
    upper, lower = (
        _rim(head.UPPER_LID, head.UPPER_LID_HEIGHT_MM),
        _rim(head.LOWER_LID, -head.LOWER_LID_HEIGHT_MM),
    )
    crease = sheet.line([(x + 0.5, y + 2.6) for x, y in upper[2:-2]], 1.3)
    coat.height_mm -= 0.35 * crease
    coat.albedo *= (1 - 0.30 * crease)[..., None]
    lash = np.clip(sheet.line([(x, y + 0.5) for x, y in upper], 0.9) * 1.3, 0, 1)
    strength = 0.62 + 0.35 * looks.makeup + 0.1 * (looks.lashes - 0.7)
    coat.cover(0.25 * np.array(looks.brow_linear), np.clip(strength * lash, 0, 1))
    faint = sheet.line([(x, y - 1.0) for x, y in lower[4:]], 0.8)
    coat.cover(
        0.35 * np.array(looks.brow_linear), np.clip((0.28 + 0.3 * looks.makeup) * faint, 0, 1)
    )
    pink = sheet.line([(x, y - 0.2) for x, y in lower], 0.7)
    coat.albedo *= 1 - pink[..., None] * np.array([0.03, 0.14, 0.12])
    coat.specular += 0.4 * pink
    corner = sheet.spot(15.0, -2.0, 1.6, 1.3)
    coat.albedo *= 1 - corner[..., None] * np.array([0.05, 0.25, 0.22])
    # Loose skin under the eye.
    bag = max(0.15, (looks.age_years - 22) / 50)
    under = sheet.line([(18, -9), (27, -13.5), (36, -12.5), (44, -8)], 2.2)
    coat.height_mm -= 0.5 * bag * under
    coat.albedo *= (1 - 0.12 * bag * under)[..., None]
    shadow = looks.makeup * sheet.mask([(16, 2), (25, 9), (38, 10), (50, 5), (46, 1), (32, 4)], 1.5)
    coat.albedo *= (1 - 0.3 * shadow)[..., None]


def _rim(heights: tuple[tuple[float, float], ...], size_mm: float) -> list[tuple[float, float]]:
    inner, outer = np.array(head.INNER_CANTHUS_MM), np.array(head.OUTER_CANTHUS_MM)
    share = np.linspace(0, 1, 12)
    chord = inner + share[:, None] * (outer - inner)
    chord[:, 1] += size_mm * np.interp(share, *np.array(heights, float).T)
    return [(float(x), float(y)) for x, y in chord]
