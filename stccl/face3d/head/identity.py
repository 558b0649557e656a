"""What differs between people: smooth warps of the average head, in standard deviations."""

from collections.abc import Callable

import numpy as np

from stccl.face3d.head.proportions import Array


def _hill(p: Array, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Array:
    """A Gaussian hill of height 1, on both sides of the face."""
    x = np.abs(p[:, 0])
    scaled = (np.stack([x, p[:, 1], p[:, 2]], 1) - centre) / np.array(radii)
    return np.asarray(np.exp(-0.5 * (scaled**2).sum(1)))


def _ramp(value: Array, start: float, end: float) -> Array:
    t = np.clip((value - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def _move(p: Array, weight: Array, dx: float = 0, dy: float = 0, dz: float = 0) -> Array:
    """`weight` times a vector whose x points away from the middle."""
    away = np.clip(p[:, 0] / 8, -1, 1)
    return np.stack([dx * weight * away, dy * weight, dz * weight], 1)


def _scale(p: Array, centre: tuple[float, float, float], weight: Array, factors: Array) -> Array:
    """Stretched about a point (on both sides of the face)."""
    side = np.where(p[:, 0] < 0, -1.0, 1.0)
    middle = np.stack([side * centre[0], np.full(len(p), centre[1]), np.full(len(p), centre[2])], 1)
    return np.asarray((p - middle) * factors * weight[:, None])


def _head(p: Array) -> Array:
    """1 above the neck, falling to 0 at the shoulders."""
    return _ramp(p[:, 1] - 0.35 * p[:, 2], -190, -110)


def _face_width(p: Array) -> Array:
    return _scale(p, (0, 0, 0), _head(p), np.array([0.035, 0, 0]))


def _face_length(p: Array) -> Array:
    return np.stack(
        [0 * p[:, 0], 0.034 * p[:, 1] * _ramp(p[:, 1], 30, -60) * _head(p), 0 * p[:, 0]], 1
    ) - _move(p, (1 - _head(p)) * _ramp(p[:, 1], -60, -110), dy=3.6)


def _jaw_width(p: Array) -> Array:
    weight = (
        _ramp(p[:, 1], -35, -85)
        * _ramp(p[:, 1] - 0.4 * p[:, 2], -160, -110)
        * _ramp(p[:, 2], -25, 20)
    )
    return _scale(p, (0, 0, 0), weight * _ramp(np.abs(p[:, 0]), 12, 40), np.array([0.065, 0, 0]))


def _chin_length(p: Array) -> Array:
    return _move(p, _ramp(p[:, 1], -80, -112) * _ramp(p[:, 2], 10, 70), dy=-2.6)


def _chin_protrusion(p: Array) -> Array:
    return _move(p, _hill(p, (0, -106, 90), (24, 15, 24)), dz=2.8)


def _chin_width(p: Array) -> Array:
    return _move(p, _hill(p, (20, -104, 78), (12, 12, 24)), dx=2.4, dz=0.6)


def _cheekbones(p: Array) -> Array:
    return _move(p, _hill(p, (55, -20, 62), (16, 12, 22)), dx=1.8, dz=1.8)


def _cheek_fullness(p: Array) -> Array:
    return _move(p, _hill(p, (46, -58, 60), (15, 20, 26)), dx=2.2, dz=2.0)


def _nose_length(p: Array) -> Array:
    weight = _hill(p, (0, -42, 108), (16, 12, 18)) + 0.35 * _hill(p, (0, -58, 100), (22, 8, 20))
    return _move(p, weight, dy=-2.0)


def _nose_width(p: Array) -> Array:
    return _scale(p, (0, -42, 100), _hill(p, (0, -41, 104), (15, 11, 14)), np.array([0.10, 0, 0]))


def _nose_protrusion(p: Array) -> Array:
    return _move(p, _hill(p, (0, -34, 116), (11, 15, 15)), dz=1.9)


def _nose_bridge(p: Array) -> Array:
    return _move(p, _hill(p, (0, -8, 97), (8, 13, 11)), dz=1.7)


def _nose_tip(p: Array) -> Array:
    return _move(p, _hill(p, (0, -40, 114), (11, 8, 12)), dy=1.9)


def _nose_bulb(p: Array) -> Array:
    return _scale(
        p, (0, -36, 106), _hill(p, (0, -36, 113), (10, 8, 9)), np.array([0.13, 0.05, 0.0])
    )


def _eye_weight(p: Array) -> Array:
    return _hill(p, (31.5, 0, 76), (15, 12, 22))


def _eye_size(p: Array) -> Array:
    return _scale(p, (31.5, 0, 70), _eye_weight(p), np.array([0.045, 0.055, 0.0]))


def _eye_spacing(p: Array) -> Array:
    return _move(p, _hill(p, (31.5, 2, 76), (17, 18, 26)), dx=1.3)


def _eye_slant(p: Array) -> Array:
    x = np.abs(p[:, 0])
    return _move(p, _eye_weight(p) * np.clip((x - 31.5) / 15, -1.3, 1.3), dy=0.9)


def _eye_depth(p: Array) -> Array:
    return _move(p, _hill(p, (31.5, 0, 74), (17, 13, 22)), dz=-1.3)


def _lid_fold(p: Array) -> Array:
    return _move(p, _hill(p, (33, 10.5, 83), (13, 3.0, 9)), dy=-0.9, dz=1.0)


def _brow_height(p: Array) -> Array:
    return _move(p, _hill(p, (30, 21, 90), (26, 8, 26)), dy=1.3)


def _brow_ridge(p: Array) -> Array:
    return _move(p, _hill(p, (20, 19, 96), (24, 8, 18)), dz=1.9)


def _mouth_width(p: Array) -> Array:
    weight = _hill(p, (0, -71, 96), (30, 11, 24))
    return _scale(p, (0, -70, 0), weight, np.array([0.065, 0, 0]))


def _lip(p: Array, centre_y: float) -> Array:
    return _hill(p, (0, centre_y, 103), (19, 3.6, 8))


def _upper_lip(p: Array) -> Array:
    return _move(p, _lip(p, -63.5), dy=0.9) + _move(p, _lip(p, -66), dz=0.8)


def _lower_lip(p: Array) -> Array:
    return _move(p, _lip(p, -79), dy=-0.9) + _move(p, _lip(p, -76), dz=0.8)


def _mouth_height(p: Array) -> Array:
    return _move(p, _hill(p, (0, -70, 96), (34, 15, 26)), dy=1.3)


def _mouth_protrusion(p: Array) -> Array:
    return _move(p, _hill(p, (0, -70, 96), (26, 16, 26)), dz=1.5)


def _forehead_height(p: Array) -> Array:
    return _move(p, _ramp(p[:, 1], 25, 100), dy=4.0)


def _forehead_slope(p: Array) -> Array:
    return _move(p, _hill(p, (0, 62, 84), (60, 26, 46)), dz=-2.6)


def _ear_size(p: Array) -> Array:
    ear = _ramp(np.abs(p[:, 0]), 70.5, 76) * _hill(p, (80, -16, -22), (20, 30, 20))
    return _scale(p, (72, -16, -14), ear, np.array([0.05, 0.07, 0.06]))


def _ear_flare(p: Array) -> Array:
    ear = _ramp(np.abs(p[:, 0]), 70.5, 84) * _hill(p, (84, -14, -24), (20, 30, 20))
    return _move(p, ear, dx=2.2, dz=0.8)


def _neck_width(p: Array) -> Array:
    weight = (
        _ramp(p[:, 1], -70, -125)
        * _ramp(p[:, 1], -200, -165)
        * _ramp(p[:, 2] + 0.6 * p[:, 1], 0, -40)
    )
    return _scale(p, (0, 0, -15), weight, np.array([0.04, 0, 0.025]))


def _masculine(p: Array) -> Array:
    parts = (
        1.1 * _brow_ridge(p), -0.4 * _brow_height(p), 0.8 * _jaw_width(p), 0.7 * _chin_length(p),
        0.5 * _chin_protrusion(p), 0.6 * _chin_width(p), 0.5 * _nose_bridge(p), 0.4 * _nose_width(p),
        -0.6 * _upper_lip(p), -0.5 * _lower_lip(p), -0.45 * _eye_size(p), 1.0 * _neck_width(p),
        0.4 * _forehead_slope(p), -0.5 * _cheek_fullness(p), 0.4 * _face_length(p),
    )  # fmt: skip
    return np.asarray(sum(parts))


def _age(p: Array) -> Array:
    sag = _move(p, _hill(p, (44, -82, 52), (14, 12, 24)), dx=0.9, dy=-2.2)
    fold = _move(p, _hill(p, (25, -50, 90), (3.0, 9, 12)), dz=-1.2)
    bag = _move(p, _hill(p, (31, -12, 79), (11, 3, 9)), dz=0.7)
    hollow = _move(p, _hill(p, (46, -48, 66), (11, 12, 20)), dx=-0.8, dz=-0.8)
    ear = 0.6 * _ear_size(p)
    return np.asarray(
        sag
        + fold
        + bag
        + hollow
        + ear
        + 0.6 * _lid_fold(p)
        - 0.4 * _upper_lip(p)
        + 0.4 * _nose_length(p)
    )


_DIRECTIONS: dict[str, Callable[[Array], Array]] = {
    "face_width": _face_width,
    "face_length": _face_length,
    "jaw_width": _jaw_width,
    "chin_length": _chin_length,
    "chin_protrusion": _chin_protrusion,
    "chin_width": _chin_width,
    "cheekbones": _cheekbones,
    "cheek_fullness": _cheek_fullness,
    "nose_length": _nose_length,
    "nose_width": _nose_width,
    "nose_protrusion": _nose_protrusion,
    "nose_bridge": _nose_bridge,
    "nose_tip": _nose_tip,
    "nose_bulb": _nose_bulb,
    "eye_size": _eye_size,
    "eye_spacing": _eye_spacing,
    "eye_slant": _eye_slant,
    "eye_depth": _eye_depth,
    "lid_fold": _lid_fold,
    "brow_height": _brow_height,
    "brow_ridge": _brow_ridge,
    "mouth_width": _mouth_width,
    "upper_lip": _upper_lip,
    "lower_lip": _lower_lip,
    "mouth_height": _mouth_height,
    "mouth_protrusion": _mouth_protrusion,
    "forehead_height": _forehead_height,
    "forehead_slope": _forehead_slope,
    "ear_size": _ear_size,
    "ear_flare": _ear_flare,
    "neck_width": _neck_width,
    "masculine": _masculine,
    "age": _age,
}

SHAPE_NAMES = tuple(_DIRECTIONS)


def shape_displacements(points: Array) -> Array:
    """(S, N, 3) displacements, mm, of (N, 3) points per standard deviation of `SHAPE_NAMES`."""
    return np.array([direction(points) for direction in _DIRECTIONS.values()])
