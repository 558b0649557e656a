"""Whether a method is better than its base, or only seems to be."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_EXACT_CLIPS = 16
"""Up to so many clips all 2^K signs are tried: 65,536."""


@dataclass(frozen=True)
class Gain:
    """What a method gained over its base.

    Attributes:
        mean: Mean difference, method less base.
        low: Lower end of its interval.
        high: Upper end.
        p: Two-sided, of the hypothesis that neither is better.
        clips: How many were compared.
    """

    mean: float
    low: float
    high: float
    p: float
    clips: int


def paired_gain(
    base: npt.ArrayLike,
    method: npt.ArrayLike,
    *,
    seed: int,
    samples: int = 10000,
    confidence: float = 0.95,
) -> Gain:
    """Mean difference of a method and its base on the same clips, interval and test.

    Args:
        base: (K, S) a measure's value of K clips under S training seeds, or (K,) under one. A clip
            with a value that is not finite is left out.
        method: Those of the method.
        seed: Of the drawing.
        samples: Resamples, and sign patterns where not all are tried.
        confidence: Coverage of the interval, in (0, 1).

    Raises:
        ValueError: For other shapes, or where no clip is left.

    >>> gain = paired_gain([1.0, 2, 3, 4, 5, 6], [1.5, 2.5, 3.5, 4.5, 5.5, 6.5], seed=0)
    >>> gain.mean, gain.low, gain.high, gain.p
    (0.5, 0.5, 0.5, 0.03125)
    """
    difference = _differences(base, method)
    low, high = bootstrap_interval(difference, seed=seed, samples=samples, confidence=confidence)
    p = sign_flip_p(difference.mean(axis=1), seed=seed, samples=samples)
    return Gain(float(difference.mean()), low, high, p, len(difference))


def bootstrap_interval(
    difference: Floats, *, seed: int, samples: int, confidence: float
) -> tuple[float, float]:
    r"""Percentile interval of the mean of (K, S) differences of K clips under S seeds.

    Clips are drawn with replacement, and so are seeds; a resample's mean is that of all drawn clips
    under all drawn seeds,

    .. math:: \frac{1}{K S} \sum_{k,s} d_{c_k, r_s}.

    The frames of a clip are alike, and all clips of one training share its luck: drawing single
    values would count each as independent and give an interval too narrow.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), Section 13.3; Owen, The
    pigeonhole bootstrap (Annals of Applied Statistics 1(2), 2007), for the drawing of both.
    """
    random = np.random.default_rng(seed)
    clips, seeds = difference.shape
    drawn_clips = random.integers(clips, size=(samples, clips))
    # How often each seed is in a resample.
    counts = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=samples)
    by_seed = np.stack([column[drawn_clips].mean(axis=1) for column in difference.T], axis=1)
    means = (by_seed * counts).sum(axis=1) / seeds
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def sign_flip_p(difference: Floats, *, seed: int, samples: int) -> float:
    r"""Two-sided paired permutation test of a mean of 0.

    If neither is better, a clip's difference could as well have the other sign:

    .. math:: p = P\left(\left|\sum_k \epsilon_k d_k\right| \ge \left|\sum_k d_k\right|\right),
        \quad \epsilon_k = \pm 1

    Exact for 16 clips or fewer; for more, by random signs with the observed ones among them.

    Args:
        difference: (K,) of the clips.
        seed: Of the random signs.
        samples: How many patterns of them.

    Source: Fisher, The Design of Experiments (1935), Section 21; Phipson and Smyth (2010) for
    counting the observed signs.
    """
    clips = len(difference)
    if clips <= _EXACT_CLIPS:
        signs = 1.0 - 2.0 * (np.arange(2**clips)[:, None] >> np.arange(clips) & 1)
        counted = 0
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(samples, clips))
        counted = 1
    observed = abs(difference.sum())
    # Sums in another order differ by rounding.
    as_far = np.abs(signs @ difference) >= observed - 1e-9 * np.abs(difference).sum()
    return float((as_far.sum() + counted) / (len(signs) + counted))


def _differences(base: npt.ArrayLike, method: npt.ArrayLike) -> Floats:
    both = [np.asarray(values, np.float64) for values in (base, method)]
    if both[0].shape != both[1].shape or both[0].ndim not in (1, 2):
        raise ValueError(
            f"expected (K,) or (K, S) values of both, got {both[0].shape} and {both[1].shape}"
        )
    difference = (both[1] - both[0]).reshape(len(both[0]), -1)
    difference = difference[np.isfinite(difference).all(axis=1)]
    if not difference.size:
        raise ValueError("expected a clip with a value of both, got none")
    return np.asarray(difference, np.float64)
