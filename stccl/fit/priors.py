"""What is known of a moving face before its picture is looked at."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.fit.models import Scales
from stccl.fit.params import FitParams

Array = NDArray[Any]

POSE_UNKNOWNS = 9
"""Of every frame, behind its expression: jaw, rotation, translation."""

_JAW_STD_RAD = (0.3, 0.02, 0.02)
_JAW_BOUNDS_RAD = ((0.0, 0.6), (-0.2, 0.2), (-0.2, 0.2))
_JAW_ACCELERATION_RAD = (0.03, 0.005, 0.005)
_TURN_STD_RAD = 1.0
_SHIFT_STD_M = (3.0, 3.0, 0.1)  # the depth is told by the size alone
_TURN_ACCELERATION_RAD = 0.005
_SHIFT_ACCELERATION_M = 0.001
_BOUND_STD = 0.01  # how softly a bound is kept, in the unit of what it bounds
_LASTING = 0.8
"""Chosen on made faces: less makes moods fainter, more takes a detector's habits for moods."""


class Prior(NamedTuple):
    """The P unknowns of a frame, as independent normal distributions.

    They are, in this order: expression (E), jaw (3), rotation (3), translation (3).

    Attributes:
        precision: (P,) one over the variance about what lasts.
        lasting: (P,) the share of a clip's mean that its frames vary about, 0 to 1. About zero, a
            mood would be as improbable as if it were put on anew in every frame, and fade.
        low, high: (P,) bounds.
        steadiness: (P,) one over the variance of the second difference between frames.
    """

    precision: Array
    lasting: Array
    low: Array
    high: Array
    steadiness: Array

    def pull(self, unknowns: Array, about: Array | float = 0.0) -> tuple[Array, Array]:
        """Gradient and curvature of half the negative log-density, bounds included.

        Args:
            unknowns: (T, P).
            about: (P,) what they vary about.

        Returns:
            (T, P) each; the curvature is diagonal.
        """
        beyond = unknowns - np.clip(unknowns, self.low, self.high)
        stiff = 1 / _BOUND_STD**2
        gradient = self.precision * (unknowns - about) + stiff * beyond
        return gradient, self.precision + stiff * (beyond != 0)


def prior(known: Scales, expressions: int, params: FitParams) -> Prior:
    """For a model of that many expressions of these scales."""
    low, high = known.bounds
    free = [np.inf] * 6
    std = np.r_[np.full(expressions, known.std), _JAW_STD_RAD, [_TURN_STD_RAD] * 3, _SHIFT_STD_M]
    acceleration = np.r_[
        np.full(expressions, known.acceleration), _JAW_ACCELERATION_RAD,
        [_TURN_ACCELERATION_RAD] * 3, [_SHIFT_ACCELERATION_M] * 3,
    ]  # fmt: skip
    jaw_low, jaw_high = np.transpose(_JAW_BOUNDS_RAD)
    return Prior(
        precision=params.prior_weight / std**2,
        lasting=np.r_[np.full(expressions, _LASTING), np.zeros(POSE_UNKNOWNS)],
        low=np.r_[np.full(expressions, low), jaw_low, np.negative(free)],
        high=np.r_[np.full(expressions, high), jaw_high, free],
        steadiness=params.smoothing / acceleration**2,
    )
