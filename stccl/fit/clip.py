"""Expression, jaw and pose of all frames of a clip at once, for a known identity."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from stccl.fit.camera import first_guess
from stccl.fit.equations import equations
from stccl.fit.landmark_space import LandmarkSpace
from stccl.fit.observed import Observed
from stccl.fit.priors import Prior
from stccl.landmarks.smooth import Runs
from stccl.render.camera import Camera

Array = NDArray[Any]

_STEPS = 12
_TRUSTING_STEPS = 3
"""Steps in which every point counts in full: before the head is turned into place, being far off
does not mean being wrong."""
_SMALL = 1e-3
_DAMPING = 1e-12


def fit_clip(
    space: LandmarkSpace, camera: Camera, seen: Observed, prior: Prior, runs: Runs
) -> Array:
    r"""The most probable motion of a face, by Gauss-Newton steps on the whole clip.

    .. math:: \min_u \sum_{t,l} \rho\!\left(
        \frac{p_{tl} - \pi(x_l(u_t))}{\sigma_l}\right)
        + \sum_t \left(\lVert u_t \rVert^2_\Lambda - \lVert \bar u \rVert^2_{s\Lambda}\right)
        + \sum_t \lVert u_{t-1} - 2 u_t + u_{t+1} \rVert^2_\Gamma,
        \quad u_{low} \le u_t \le u_{high}

    with observed landmarks p, projection pi, Geman-McClure's rho, the mean of the clip
    :math:`\bar u`, the prior's precisions, and s what lasts of the mean. Frames before and after
    count alike, so smoothing brings no lag. Each step solves one banded system for all frames, the
    mean being that of the step before; the bounds are kept by stiff springs that act only beyond
    them, a semismooth Newton method.

    Args:
        space: Landmarks of the person.
        camera: Of the clip.
        seen: Landmarks of T frames.
        prior: What is known beforehand.
        runs: Ranges of these frames that follow each other; nothing is smoothed across their ends.

    Returns:
        (T, P) unknowns, within their bounds.
    """
    unknowns = first_guess(space, seen, camera)
    for step in range(_STEPS):
        near = equations(space, camera, seen, unknowns, robust=step >= _TRUSTING_STEPS)
        moved = newton_step(prior, runs, unknowns, *near.normal())
        unknowns = unknowns + moved
        if step >= _TRUSTING_STEPS and np.abs(moved).max() < _SMALL:
            break
    return np.clip(unknowns, prior.low, prior.high)


def newton_step(prior: Prior, runs: Runs, unknowns: Array, blocks: Array, right: Array) -> Array:
    """The Gauss-Newton step of all frames, from what was seen and what is known beforehand.

    Args:
        prior: Of a frame's unknowns, and of how they change.
        runs: See `fit_clip`.
        unknowns: (T, P) where they are.
        blocks: (T, P, P) J'J of what was seen in each frame.
        right: (T, P) J'r, with r the misses and J what a step takes off them.

    Returns:
        (T, P).
    """
    bands = _second_differences(runs, len(unknowns))
    gradient, curvature = prior.pull(unknowns, prior.lasting * unknowns.mean(0))
    gradient += prior.steadiness * _times(bands, unknowns)
    return _solve(blocks, curvature, bands, prior.steadiness, right - gradient)


def _second_differences(runs: Runs, frames: int) -> Array:
    """(3, T) the diagonals of D'D at offsets 0, 1 and 2, D the second differences in the runs."""
    bands = np.zeros((3, frames))
    for start, stop in runs:
        if stop - start >= 3:
            for shift, square in enumerate((1, 4, 1)):
                bands[0, start + shift : stop - 2 + shift] += square
            bands[1, start : stop - 2] -= 2
            bands[1, start + 1 : stop - 1] -= 2
            bands[2, start : stop - 2] += 1
    return bands


def _times(bands: Array, values: Array) -> Array:
    """D'D times (T, P) values."""
    product = bands[0, :, None] * values
    for offset in (1, 2):
        band = bands[offset, :-offset, None]
        product[offset:] += band * values[:-offset]
        product[:-offset] += band * values[offset:]
    return np.asarray(product)


def _solve(blocks: Array, curvature: Array, bands: Array, steadiness: Array, right: Array) -> Array:
    """Frames are coupled through the same unknown of the two next frames, nothing else."""
    frames, size = right.shape
    band = np.zeros((2 * size + 1, frames, size))
    row, column = np.tril_indices(size)
    band[row - column, :, column] = blocks[:, row, column].T
    band[0] += curvature
    for offset in (0, 1, 2):
        band[offset * size] += bands[offset, :, None] * steadiness
    # Points that are no face give entries beside which the prior's are lost to rounding.
    band[0] *= 1 + _DAMPING
    flat = band.reshape(2 * size + 1, -1)
    found = solveh_banded(flat, right.ravel(), lower=True, overwrite_ab=True, check_finite=False)
    return np.asarray(found).reshape(frames, size)
