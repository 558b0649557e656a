"""Lines that the face's actions fold into the skin."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.actors.paint.sheet import Sheet

Array = NDArray[Any]


def _forehead(sheet: Sheet) -> Array:
    rows = [(30.0, 1.0), (37.5, 1.1), (45.0, 1.0), (52.0, 0.7)]
    depth = sheet.empty()
    for y, strength in rows:
        depth += strength * sheet.line([(-1, y - 1.2), (14, y), (28, y + 1.5), (42, y - 0.5)], 1.7)
    return depth


def _inner_forehead(sheet: Sheet) -> Array:
    depth = sheet.empty()
    for y, strength in [(31.0, 1.0), (38.0, 1.1), (45.0, 0.8)]:
        depth += strength * sheet.line(
            [(-1, y + 1.0), (8, y + 0.3), (16, y - 1.5), (23, y - 4)], 1.8
        )
    return depth


def _glabella(sheet: Sheet) -> Array:
    upright = 1.7 * sheet.line([(4.6, 8), (4.2, 15), (5.2, 22), (7.0, 29)], 1.7)
    outer = 0.8 * sheet.line([(9.5, 12), (9.0, 19), (11, 26)], 1.6)
    bulge = -0.5 * sheet.spot(9.5, 15, 3.5, 5)
    return upright + outer + bulge


def _crows_feet(sheet: Sheet) -> Array:
    depth = sheet.empty()
    for dx, dy in [(12, 7.5), (13, 1.5), (12.5, -4.5), (10, -10)]:
        start = (50.0, -0.5 + 0.25 * dy)
        depth += 0.9 * sheet.line(
            [start, (50 + 0.5 * dx, start[1] + 0.45 * dy), (50 + dx, start[1] + dy)], 1.2
        )
    under = 0.8 * sheet.line([(19, -9), (27, -12.5), (37, -12), (46, -7.5)], 1.6)
    return depth + under


def _nasolabial(sheet: Sheet) -> Array:
    fold = sheet.line([(18.5, -44), (22, -51), (29, -60), (35, -70), (36.5, -78)], 2.4)
    cheek = sheet.spot(35, -52, 7, 9, -0.9)
    return 1.5 * fold - 0.7 * cheek


def _nose(sheet: Sheet) -> Array:
    depth = sheet.empty()
    for y in (-4.0, 1.5, 6.5):
        depth += sheet.line([(-1, y + 1.0), (4, y), (9, y - 3.0), (12, y - 6)], 1.4)
    return 0.9 * depth


def _mouth_corner_down(sheet: Sheet) -> Array:
    return sheet.line([(28.5, -72), (31.5, -78), (33, -86), (31, -93)], 2.0)


def _dimple(sheet: Sheet) -> Array:
    return sheet.line([(32, -65), (34, -71), (33.5, -77)], 1.7)


def _chin(sheet: Sheet) -> Array:
    pebbles = np.clip(sheet.grain(1.3), -1.5, 1.5) * sheet.spot(0, -98, 10, 7)
    return 0.45 * pebbles + 1.2 * sheet.line([(-1, -88.0), (8, -89), (15, -92.5)], 1.8)


def _lip_lines(sheet: Sheet) -> Array:
    stripes = np.sin(2 * np.pi * (sheet.x + 0.5 * sheet.noise(6.0)) / 3.4)
    around = sheet.spot(0, -59, 14, 3.5) + sheet.spot(0, -84, 13, 3)
    lines: Array = 0.4 * stripes * np.clip(around, 0, 1)
    return lines


CREASES: Mapping[str, tuple[Callable[[Sheet], Array], Mapping[str, float]]] = {
    "forehead": (_forehead, {"outer_brow_raiser": 0.9, "inner_brow_raiser": 0.35}),
    "inner_forehead": (_inner_forehead, {"inner_brow_raiser": 0.8, "outer_brow_raiser": -0.5}),
    "glabella": (_glabella, {"brow_lowerer": 1.0, "nose_wrinkler": 0.35}),
    "crows_feet": (_crows_feet, {"cheek_raiser": 1.0, "lid_tightener": 0.3}),
    "nasolabial_right": (
        _nasolabial,
        {"lip_corner_puller_right": 0.9, "upper_lip_raiser": 0.7, "nose_wrinkler": 0.5},
    ),
    "nasolabial_left": (
        _nasolabial,
        {"lip_corner_puller_left": 0.9, "upper_lip_raiser": 0.7, "nose_wrinkler": 0.5},
    ),
    "nose": (_nose, {"nose_wrinkler": 1.0}),
    "mouth_corner_down": (_mouth_corner_down, {"lip_corner_depressor": 1.0}),
    "dimple_right": (_dimple, {"dimpler_right": 1.0, "lip_corner_puller_right": 0.35}),
    "dimple_left": (_dimple, {"dimpler_left": 1.0, "lip_corner_puller_left": 0.35}),
    "chin": (_chin, {"chin_raiser": 1.0}),
    "lip_lines": (_lip_lines, {"lip_pucker": 0.8, "lip_tightener": 0.4}),
}
"""Name: how deep its folds are, and how much of it each expression coefficient brings out."""

DEPTH_MM = 0.8
"""Of a fold of height 1 at the apex of an expression."""


def paint_crease(sheet: Sheet, name: str) -> Array:
    """The relief of one crease at full strength, (H, W) mm, down is negative."""
    depth = CREASES[name][0](sheet)
    if name.endswith("_right"):
        depth = depth * (sheet.x < 0)
    elif name.endswith("_left"):
        depth = depth * (sheet.x > 0)
    return -DEPTH_MM * depth


def crease_strengths(expression: Mapping[str, float]) -> dict[str, float]:
    """How far each crease shows, 0 to 1.2, for a face's expression coefficients by name.

    >>> crease_strengths({"brow_lowerer": 0.5})["glabella"]
    0.5
    """
    return {
        name: min(max(sum(part * expression.get(c, 0.0) for c, part in parts.items()), 0.0), 1.2)
        for name, (_, parts) in CREASES.items()
    }
