"""The landmarks of a clip as a fit sees them: which count, and how much."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEAST_POINTS_INSIDE = 51
"""Of the 68: a face with fewer of them in the picture is not fitted; beyond its border they are
guesses."""

_NOISE = np.repeat((0.045, 0.015, 0.01, 0.01, 0.01, 0.01), (17, 10, 4, 5, 12, 20))
"""(68,) standard deviations of the coordinates over the distance of the outer corners of the eyes:
jaw line, brows, bridge and base of the nose, eyes, mouth. The jaw line slides along the face's
outline when a head turns, detectors hardly move a real chin with the lips (trusted more, it would
keep the jaw shut and leave speech to the lips), and they put brows where hair is."""

_ROBUST = 4.0  # standard deviations from which a point is taken to be an error
_LEFT_OUTER, _RIGHT_OUTER = 45, 36  # corners of the eyes


class Observed(NamedTuple):
    """Landmarks of T frames, all of them fit to be used.

    Attributes:
        points_px: (T, 68, 2) the picture's corner at 0.
        noise_px: (T, 68) standard deviation of each coordinate; infinite for a point that does
            not count.
    """

    points_px: Array
    noise_px: Array


def eye_distance(points_px: Array) -> Array:
    """(...) distance between the outer corners of the eyes of (..., 68, 2) points."""
    across = points_px[..., _LEFT_OUTER, :] - points_px[..., _RIGHT_OUTER, :]
    return np.asarray(np.hypot(across[..., 0], across[..., 1]))


def usable(points_px: Array, size_px: tuple[int, int]) -> Array:
    """(T,) whether a frame's points can be a face: finite, with two eyes, most in the picture.

    Args:
        points_px: (T, 68, 2).
        size_px: Width and height of the picture.
    """
    finite = np.asarray(np.isfinite(points_px).all((1, 2)))
    known = np.where(finite[:, None, None], points_px, -1.0)
    inside = _inside(known, size_px).sum(1)
    return np.asarray(finite & (inside >= LEAST_POINTS_INSIDE) & (eye_distance(known) > 1))


def observe(points_px: Array, size_px: tuple[int, int]) -> Observed:
    """Usable frames with their noise; points outside of the picture do not count."""
    scale = np.median(eye_distance(points_px))
    noise = np.where(_inside(points_px, size_px), _NOISE * scale, np.inf)
    return Observed(points_px, noise)


def robust_weights(misses: Array) -> Array:
    r"""How much a point counts that is missed by so much, from 1 down to 0.

    .. math:: w = \frac{1}{(1 + d^2 / c^2)^2}

    the weights of the Geman-McClure loss (Geman & McClure, Bulletin of the ISI 52, 1987).

    Args:
        misses: (..., 2) in standard deviations of the point.
    """
    square = (misses**2).sum(-1)
    return np.asarray(1 / (1 + square / _ROBUST**2) ** 2)


def _inside(points_px: Array, size_px: tuple[int, int]) -> Array:
    return np.asarray(((points_px >= 0) & (points_px <= size_px)).all(-1))
