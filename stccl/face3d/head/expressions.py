"""Facial actions as displacements of the skin, after the Facial Action Coding System.

Ekman, Friesen and Hager, Facial Action Coding System (2002). Every action is written for the left
half, x pointing away from the middle, and mirrored. Amplitudes are those of a full apex.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from stccl.face3d.head import proportions as prop
from stccl.face3d.head.anatomy import PARTS, Anatomy
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import bell, curve, front_skin, mouth_line
from stccl.face3d.head.topology import lid_rim, lid_shares

EXPRESSION_NAMES = (
    "inner_brow_raiser", "outer_brow_raiser", "brow_lowerer", "upper_lid_raiser", "cheek_raiser",
    "lid_tightener", "nose_wrinkler", "upper_lip_raiser", "lip_corner_puller_right",
    "lip_corner_puller_left", "dimpler_right", "dimpler_left", "lip_corner_depressor",
    "lower_lip_depressor", "chin_raiser", "lip_pucker", "lip_stretcher", "lip_funneler",
    "lip_tightener", "lip_presser", "lips_part", "lip_suck", "blink_right", "blink_left",
    "tongue_tip_up", "tongue_out",
)  # fmt: skip

_CORNER = 25.8
_LID_FOLLOWS = (1.0, 0.99, 0.94, 0.84, 0.68, 0.48, 0.25, 0.06)
"""How far the lid's rings go with its rim; upper lids fold at the crease."""


def _vector(weight: Array, dx: float, dy: float, dz: float) -> Array:
    return np.asarray(weight[:, None] * np.array([dx, dy, dz]))


def _groove(a: Array, b: Array, line: tuple[tuple[float, float], ...], width: float) -> Array:
    """1 along a polyline in the chart, falling off over `width` mm and towards its ends."""
    best = np.zeros(len(a))
    points = np.stack([a, b], 1)
    steps = np.array(line)
    fine = np.concatenate([np.linspace(s, e, 12) for s, e in pairwise(steps)])
    fade = np.sin(np.pi * np.linspace(0.08, 0.92, len(fine))) ** 0.5
    for at, strength in zip(fine, fade, strict=True):
        gap = ((points - at) ** 2).sum(1)
        best = np.maximum(best, strength * np.exp(-0.5 * gap / width**2))
    return best


class _Skin:
    """Coordinates that the actions are written in, of all vertices."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.a, self.b = anatomy.chart[:, 0], anatomy.chart[:, 1]
        self.above = anatomy.above > 0
        self.anatomy = anatomy
        self.line = mouth_line(self.a)
        self.along = np.clip(self.a / _CORNER, 0, 1.6)
        self.off = np.abs(self.b - self.line)
        height = np.where(
            self.above,
            curve(prop.UPPER_BORDER_MM, self.a) - self.line,
            self.line - curve(prop.LOWER_BORDER_MM, self.a),
        )
        self.height = np.maximum(height, 1.5)

    def lips(self, reach: float = 11.0, out: float = 8.0) -> Array:
        """1 on both lips, fading over `reach` mm of skin and `out` mm beyond the corners."""
        beyond = np.clip(self.off - self.height * 0.6, 0, None)
        lateral = np.clip(self.a - _CORNER, 0, None)
        return np.asarray(np.exp(-((beyond / reach) ** 2) - (lateral / out) ** 2))

    def upper(self, reach: float = 10.0, out: float = 8.0) -> Array:
        """`lips` above the slit, shared with the lower at the corner."""
        return self.lips(reach, out) * np.where(self.above, 1.0, 0.0)

    def lower(self, reach: float = 11.0, out: float = 8.0) -> Array:
        return self.lips(reach, out) * np.where(self.above, 0.0, 1.0)

    def opening(self) -> Array:
        """1 at the middle of the mouth, 0 at its corners and beyond."""
        return np.asarray(np.clip(1 - self.along**2, 0, None) ** 0.8)

    def corner(self, reach: float = 10.0) -> Array:
        return bell(self.a, self.b, (_CORNER + 0.5, -71), (reach, reach))

    def thinned(self, share: float) -> Array:
        """Downwards (upper lip) or upwards (lower) so that the red of the lips gets narrower."""
        off = self.off
        border = self.height
        gather = np.where(off < border, off, border * np.exp(-(((off - border) / 6) ** 2)))
        sign = np.where(self.above, -1.0, 1.0)
        beyond = np.exp(-((np.clip(self.a - _CORNER, 0, None) / 4) ** 2))
        return np.asarray(share * gather * sign * beyond * np.clip(1.15 - self.along, 0, 1))


def _lids(skin: _Skin, upper_mm: Array, lower_mm: Array) -> Array:
    """Both eyes' lids moved up by `upper_mm` and `lower_mm` (per column), over the eyeball."""
    moved = np.zeros((len(skin.a), 3))
    rims = skin.anatomy.lids
    inner = rims.shape[1] - len(_LID_FOLLOWS)
    per_column = np.concatenate([upper_mm, lower_mm])
    follow = np.concatenate([np.ones(inner), _LID_FOLLOWS])
    left = rims[1]
    source = left[np.maximum(np.arange(len(left)), inner)].ravel()
    up = (follow[:, None] * per_column).ravel()
    a, b, above = skin.a[source], skin.b[source], np.ones(len(source))
    slid = front_skin(a, b + up, above) - front_skin(a, b, above)
    slid[:, 0] = 0.0
    for rings in rims:  # x points away from the middle: the same on both sides
        moved[rings.ravel()] = slid
    return moved


def _rim_gap() -> tuple[Array, Array]:
    """Per column: the height of the fissure over the upper and over the lower lid's columns."""
    share = lid_shares()
    upper = lid_rim(share, upper=True)[:, 1] - lid_rim(share, upper=False)[:, 1]
    lower = lid_rim(1 - share, upper=True)[:, 1] - lid_rim(1 - share, upper=False)[:, 1]
    return upper, lower


def _blink(skin: _Skin) -> Array:
    upper, lower = _rim_gap()
    # A little more than closed: whatever is too much is taken back where the lids meet.
    return _lids(skin, -0.99 * upper, 0.10 * lower)


def _inner_brow_raiser(s: _Skin) -> Array:
    moved = _vector(bell(s.a, s.b, (11, 14.5), (10, 12)), -0.6, 7.5, 0.6)
    moved += _vector(bell(s.a, s.b, (14, 38), (14, 12)), 0, 2.7, 0.0)
    wave = np.cos((s.b - 42) * 2 * np.pi / 9.5)
    return moved + _vector(wave * bell(s.a, s.b, (6, 45), (14, 12)), 0, 0, 0.45)


def _outer_brow_raiser(s: _Skin) -> Array:
    moved = _vector(bell(s.a, s.b, (41, 16.5), (13, 11)), 0, 7.5, -0.4)
    moved += _vector(bell(s.a, s.b, (40, 10), (11, 5)), 0, 2.0, 0)
    wave = np.cos((s.b - 42) * 2 * np.pi / 9.5)
    return moved + _vector(wave * bell(s.a, s.b, (34, 44), (13, 12)), 0, 0, 0.4)


def _brow_lowerer(s: _Skin) -> Array:
    moved = _vector(bell(s.a, s.b, (13, 12.7), (11, 7)), -3.6, -4.2, 1.0)
    moved += _vector(bell(s.a, s.b, (33, 15.5), (14, 7)), -0.8, -3.6, 0.6)
    moved += _vector(bell(s.a, s.b, (9.5, 17), (3.5, 8)), 0, 0, 1.3)
    moved -= _vector(bell(s.a, s.b, (4.2, 17), (1.6, 8)), 0, 0, 1.2)
    return moved - _vector(bell(s.a, s.b, (0, 6), (8, 3)), 0, 0.6, 0.5)


def _upper_lid_raiser(s: _Skin) -> Array:
    upper, lower = _rim_gap()
    return _lids(s, 0.26 * upper, -0.03 * lower)


def _cheek_raiser(s: _Skin) -> Array:
    upper, lower = _rim_gap()
    moved = _lids(s, -0.06 * upper, 0.16 * lower)
    moved += _vector(bell(s.a, s.b, (34, -22), (15, 9)), -0.5, 4.0, 1.8)
    moved += _vector(bell(s.a, s.b, (50, 0), (6, 9)), -2.2, 0.4, 0.5)
    moved += _vector(bell(s.a, s.b, (31, -11), (12, 3)), 0, 1.2, 1.2)
    return moved - _vector(bell(s.a, s.b, (44, 21), (12, 7)), 0, 1.0, 0)


def _lid_tightener(s: _Skin) -> Array:
    upper, lower = _rim_gap()
    moved = _lids(s, -0.16 * upper, 0.22 * lower)
    return moved + _vector(bell(s.a, s.b, (31, -9), (12, 3)), 0, 0.8, 0.9)


def _nose_wrinkler(s: _Skin) -> Array:
    moved = _vector(bell(s.a, s.b, (14, -41), (6, 7)), 1.0, 4.0, -0.3)
    moved += _vector(bell(s.a, s.b, (9, -14), (7, 10)), -0.5, 3.0, 1.4)
    wave = np.cos((s.b + 8) * 2 * np.pi / 7)
    moved += _vector(wave * bell(s.a, s.b, (7, -4), (6, 8)), 0, 0, 0.5)
    moved += _vector(bell(s.a, s.b, (12, 14), (10, 7)), -1.5, -3.2, 1.0)
    moved += _vector(s.upper(8) * np.exp(-(((s.a - 12) / 11) ** 2)), 0, 2.2, -0.3)
    upper, lower = _rim_gap()
    moved += _lids(s, -0.10 * upper, 0.12 * lower)
    return moved - _vector(_groove(s.a, s.b, ((18, -38), (24, -46), (28, -56)), 2.2), 0, 0, 1.3)


def _upper_lip_raiser(s: _Skin) -> Array:
    curl = np.exp(-(((s.a - 5) / 14) ** 2))
    moved = _vector(s.upper(9) * curl, 0.4, 5.8, -1.0)
    moved += _vector(bell(s.a, s.b, (15, -42), (6, 6)), 1.2, 2.0, 0)
    moved += _vector(bell(s.a, s.b, (28, -38), (9, 9)), 0.5, 3.0, 2.2)
    moved -= _vector(_groove(s.a, s.b, ((18, -40), (25, -50), (31, -62)), 2.3), 0, 0, 2.2)
    return moved + _vector(s.corner(8), 0.6, 0.8, -0.5)


def _lip_corner_puller(s: _Skin) -> Array:
    spread = s.lips(12, 14)
    out = np.clip(s.along, 0, 1) ** 1.25 * spread
    up = np.clip(s.along, 0, 1) ** 2.3 * spread
    moved = _vector(out, 6.2, 0, 0) + _vector(up, 0, 8.5, -4.0)
    # Stretched lips are flat and thin.
    moved += _vector(s.lips(5) * s.opening(), 0, 0, -1.6)
    moved[:, 1] += s.thinned(0.20)
    moved += _vector(s.lips(12) * s.opening(), 0, 1.0, 0)
    moved += _vector(bell(s.a, s.b, (36, -36), (12, 11)), 2.0, 5.0, 4.2)
    moved += _vector(bell(s.a, s.b, (33, -13), (13, 4)), 0, 1.4, 1.0)
    moved += _vector(bell(s.a, s.b, (16, -42), (5, 6)), 1.6, 0.8, -0.3)
    moved -= _vector(
        _groove(s.a, s.b, ((19, -41), (25, -49), (31, -59), (35, -70)), 2.4), 0, 0, 3.0
    )
    moved += _vector(bell(s.a, s.b, (24, -92), (14, 12)), 1.5, 1.5, -1.0)
    upper, lower = _rim_gap()
    return moved + _lids(s, 0 * upper, 0.07 * lower)


def _dimpler(s: _Skin) -> Array:
    out = np.clip(s.along, 0, 1) ** 2.2 * s.lips(8, 9)
    moved = _vector(out, 4.0, 1.4, -2.6)
    moved -= _vector(bell(s.a, s.b, (31.5, -70), (2.8, 5)), 0, 0, 2.2)
    moved += _vector(bell(s.a, s.b, (37, -66), (5, 9)), 0, 0, 1.6)
    moved[:, 1] += s.thinned(0.10) * np.clip(s.along, 0, 1)
    return moved


def _lip_corner_depressor(s: _Skin) -> Array:
    down = np.clip(s.along, 0, 1) ** 2.2 * s.lips(12, 11)
    moved = _vector(down, 1.6, -7.0, -1.2)
    moved += _vector(bell(s.a, s.b, (27, -85), (8, 8)), 0.8, -2.5, 1.0)
    moved -= _vector(_groove(s.a, s.b, ((28, -74), (31, -82), (32, -90)), 2.2), 0, 0, 1.6)
    return moved + _vector(s.lower(7) * s.opening(), 0, 0.8, 0.8)


def _lower_lip_depressor(s: _Skin) -> Array:
    shape = np.exp(-(((s.a - 8) / 12) ** 2))
    moved = _vector(s.lower(11) * shape, 0.6, -6.0, 0.4)
    return moved - _vector(bell(s.a, s.b, (0, -98), (13, 8)), 0, 1.5, 0.8)


def _chin_raiser(s: _Skin) -> Array:
    moved = _vector(bell(s.a, s.b, (0, -98), (13, 10)), 0, 5.0, 1.6)
    moved += _vector(bell(s.a, s.b, (8, -99), (3.5, 5)), 0, 0, 0.8)
    middle = np.exp(-((s.a / 16) ** 2))
    moved += _vector(s.lower(9) * middle, 0, 3.6, 2.2)
    moved += _vector(s.upper(7) * middle, 0, 3.4, 0.9)
    return moved - _vector(s.corner(7), 0, 1.6, 0)


def _lip_pucker(s: _Skin) -> Array:
    reach = s.lips(12, 12)
    inwards = np.clip(s.along, 0, 1.2) * reach
    moved = _vector(inwards, -9.0, 0, 0)
    moved += _vector(reach * (0.6 + 0.4 * s.opening()), 0, 0, 7.0)
    moved += _vector(s.lips(5, 5) * np.exp(-((s.a / 20) ** 2)), 0, 0, 1.4)
    moved[:, 1] -= s.thinned(0.14)
    moved += _vector(bell(s.a, s.b, (36, -70), (9, 13)), -4.0, 0, 1.0)
    return moved + _vector(bell(s.a, s.b, (0, -96), (12, 8)), 0, 1.2, 0)


def _lip_stretcher(s: _Skin) -> Array:
    out = np.clip(s.along, 0, 1) ** 1.15 * s.lips(13, 13)
    moved = _vector(out, 8.0, 0, 0)
    moved += _vector(np.clip(s.along, 0, 1) ** 2.4 * s.lips(12, 13), 0, -1.8, -4.0)
    moved += _vector(s.lips(5) * s.opening(), 0, 0, -1.6)
    moved[:, 1] += s.thinned(0.18)
    moved += _vector(bell(s.a, s.b, (40, -76), (8, 14)), 2.0, -0.6, 1.4)
    return moved + _vector(bell(s.a, s.b, (34, -128), (10, 16)), 1.5, 0, 1.5)


def _lip_funneler(s: _Skin) -> Array:
    reach = s.lips(11, 12)
    moved = _vector(np.clip(s.along, 0, 1.2) * reach, -7.5, 0, 0)
    moved += _vector(reach * (0.55 + 0.45 * s.opening()), 0, 0, 5.5)
    moved += _vector(s.upper(9) * s.opening(), 0, 3.4, 0.8)
    moved += _vector(s.lower(9) * s.opening(), 0, -4.0, 1.4)
    moved[:, 1] -= s.thinned(0.22)
    return moved + _vector(bell(s.a, s.b, (36, -70), (9, 13)), -3.0, 0, 1.0)


def _lip_tightener(s: _Skin) -> Array:
    moved = _vector(np.clip(s.along, 0, 1.2) * s.lips(8, 8), -2.2, 0, 0)
    moved[:, 1] += s.thinned(0.38)
    return moved + _vector(s.lips(3.5), 0, 0, -1.2)


def _lip_presser(s: _Skin) -> Array:
    moved = np.zeros((len(s.a), 3))
    # Lips that close for a sound stay nearly as full as at rest; tightening makes them thin.
    moved[:, 1] += s.thinned(0.12)
    moved += _vector(s.lips(2.5) * (0.3 + 0.7 * s.opening()), 0, 0, -0.4)
    moved += _vector(s.upper(8) * s.opening(), 0, -0.3, 0)
    moved += _vector(s.lower(9) * s.opening(), 0, 0.4, 0)
    moved += _vector(bell(s.a, s.b, (10, -87), (12, 4)), 0, 0.3, 0.3)
    return moved + _vector(bell(s.a, s.b, (14, -58), (10, 4)), 0, 0, 0.2)


def _lips_part(s: _Skin) -> Array:
    moved = _vector(s.upper(9) * s.opening(), 0, 2.2, 0.2)
    return moved + _vector(s.lower(11) * s.opening(), 0, -3.9, 0.3)


def _lip_suck(s: _Skin) -> Array:
    moved = np.zeros((len(s.a), 3))
    moved[:, 1] += s.thinned(0.72)
    moved += _vector(s.lips(7) * (0.25 + 0.75 * s.opening()), 0, 0, -4.2)
    return moved + _vector(bell(s.a, s.b, (0, -88), (18, 5)), 0, 1.5, 0.6)


def jaw_corrective(anatomy: Anatomy) -> Array:
    """(V, 3) mm per rad of the jaw: the corners come in as the mouth opens and the cheeks hollow."""
    s = _Skin(anatomy)
    moved = _vector(np.clip(s.along, 0, 1.2) ** 1.5 * s.lips(10, 9), -17.0, 0, 5.0)
    moved -= _vector(bell(s.a, s.b, (46, -62), (11, 16)), 9.0, 0, 4.0)
    moved *= anatomy.follows[:, None]
    moved[:, 0] *= np.sign(anatomy.points[:, 0])
    return moved


def _tongue(anatomy: Anatomy) -> tuple[Array, Array, Array]:
    names = np.array(PARTS)[anatomy.part]
    share = np.where(names == "tongue", np.clip((anatomy.points[:, 2] - 48) / 38, 0, 1), 0.0)
    return share, np.abs(anatomy.points[:, 0]), names == "tongue"


def _tongue_tip_up(anatomy: Anatomy) -> Array:
    share, _, _ = _tongue(anatomy)
    return _vector(share**2.5, 0, 9.5, 0.5)


def _tongue_out(anatomy: Anatomy) -> Array:
    share, x, tongue = _tongue(anatomy)
    moved = _vector(share**1.2, 0, 0, 26.0) + _vector(share, 0, 3.5, 0)
    return np.asarray(moved - np.stack([0.15 * x * share * tongue, 0 * x, 0 * x], 1))


_ACTIONS: dict[str, Callable[[_Skin], Array]] = {
    "inner_brow_raiser": _inner_brow_raiser,
    "outer_brow_raiser": _outer_brow_raiser,
    "brow_lowerer": _brow_lowerer,
    "upper_lid_raiser": _upper_lid_raiser,
    "cheek_raiser": _cheek_raiser,
    "lid_tightener": _lid_tightener,
    "nose_wrinkler": _nose_wrinkler,
    "upper_lip_raiser": _upper_lip_raiser,
    "lip_corner_puller": _lip_corner_puller,
    "dimpler": _dimpler,
    "lip_corner_depressor": _lip_corner_depressor,
    "lower_lip_depressor": _lower_lip_depressor,
    "chin_raiser": _chin_raiser,
    "lip_pucker": _lip_pucker,
    "lip_stretcher": _lip_stretcher,
    "lip_funneler": _lip_funneler,
    "lip_tightener": _lip_tightener,
    "lip_presser": _lip_presser,
    "lips_part": _lips_part,
    "lip_suck": _lip_suck,
    "blink": _blink,
}


def expression_basis(anatomy: Anatomy) -> Array:
    """(E, V, 3) displacements in mm at coefficient 1, in the order of `EXPRESSION_NAMES`."""
    skin = _Skin(anatomy)
    side = np.sign(anatomy.points[:, 0])
    # One-sided actions fade out over the middle of the face.
    left = np.clip(0.5 + anatomy.points[:, 0] / 16, 0, 1)
    left = left * left * (3 - 2 * left)
    basis = []
    for name in EXPRESSION_NAMES:
        stem, _, which = name.rpartition("_")
        if name.startswith("tongue"):
            moved = _tongue_tip_up(anatomy) if name == "tongue_tip_up" else _tongue_out(anatomy)
        else:
            action = _ACTIONS[stem if which in ("left", "right") else name]
            moved = action(skin) * anatomy.follows[:, None]
        moved[:, 0] *= side
        if which in ("left", "right"):
            moved = moved * (left if which == "left" else 1 - left)[:, None]
        basis.append(moved)
    return np.array(basis)
