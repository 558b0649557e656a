"""The geometric median."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_CLOSE = 1e-5
_STEPS = 10_000


def geometric_median(points: Array) -> Array:
    r"""The point whose distances from all others sum to least: :math:`\min_m \sum_i |p_i - m|`.

    Weiszfeld's iteration, each step the mean weighted by one over the distance, with the rule of
    Vardi and Zhang, "The multivariate L1-median and associated data depth" (PNAS 2000), for an
    estimate that falls on points. It ends when a step is shorter than 1e-5. Unlike the mean it does
    not follow outliers.

    Args:
        points: (K, S), K >= 1.

    Returns:
        (S,) float64.

    >>> geometric_median(np.array([[0.0], [1.0], [50.0]])).round(3)
    array([1.])
    """
    points = np.asarray(points, np.float64)
    median = points.mean(0)
    for _ in range(_STEPS):
        distance = np.linalg.norm(points - median, axis=1)
        apart = distance > 0
        if not apart.any():
            break
        pull = 1 / distance[apart]
        towards = pull @ points[apart] / pull.sum()
        here = len(points) - apart.sum()  # points that hold the estimate where it is
        force = np.linalg.norm(towards - median) * pull.sum()
        stay = here / max(here, force) if here else 0.0
        moved = (1 - stay) * towards + stay * median
        step = np.linalg.norm(moved - median)
        median = moved
        if step < _CLOSE:
            break
    return np.asarray(median)
