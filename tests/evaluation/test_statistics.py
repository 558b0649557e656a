import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stccl.evaluation.statistics import bootstrap_interval, paired_gain, sign_flip_p


def values(seed: int, *shape: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, shape)


def test_all_signs_are_tried_for_few_clips():
    difference = values(0, 7, mean=0.8)
    sums = [
        abs(sum(s * d for s, d in zip(signs, difference, strict=True)))
        for signs in itertools.product((1, -1), repeat=7)
    ]
    expected = np.mean([total >= abs(difference.sum()) - 1e-12 for total in sums])
    assert sign_flip_p(difference, seed=0, samples=10) == expected


@pytest.mark.parametrize("clips", [10, 30])
def test_the_test_agrees_with_scipys(clips):
    difference = values(1, clips, mean=0.4)
    expected = stats.permutation_test(
        (difference,), np.mean, permutation_type="samples", n_resamples=20000,
        rng=np.random.default_rng(0),
    ).pvalue  # fmt: skip
    found = sign_flip_p(difference, seed=0, samples=20000)
    assert found == pytest.approx(expected, abs=0.01)
    # Another test of the same question comes to the same order.
    assert found == pytest.approx(stats.wilcoxon(difference).pvalue, abs=0.1)


def test_the_interval_agrees_with_scipys():
    difference = values(2, 40, 1, mean=0.3)
    expected = stats.bootstrap(
        (difference[:, 0],), np.mean, method="percentile", n_resamples=20000,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = bootstrap_interval(difference, seed=0, samples=20000, confidence=0.95)
    assert found == pytest.approx(tuple(expected), abs=0.015)


def test_the_luck_of_a_training_widens_the_interval():
    """All clips of a training share an offset: more clips do not make it go away."""
    alike = values(3, 400, 1, mean=0.0) * 0.1 + values(4, 1, 5)
    low, high = bootstrap_interval(alike, seed=0, samples=4000, confidence=0.95)
    naive = stats.norm.ppf(0.975) * alike.std() / np.sqrt(alike.size)
    assert high - low > 5 * naive


@pytest.mark.slow
def test_the_interval_covers_and_the_test_does_not_cry_wolf():
    """Of 300 experiments without a gain about 5 % are taken for one."""
    random = np.random.default_rng(5)
    covered, cried = 0, 0
    for k in range(300):
        gain = paired_gain(np.zeros(25), random.normal(0, 1, 25), seed=k, samples=999)
        covered += gain.low <= 0 <= gain.high
        cried += gain.p <= 0.05
    assert 0.88 <= covered / 300 <= 0.98
    assert 0.02 <= cried / 300 <= 0.09


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), clips=st.integers(2, 12), seeds=st.integers(1, 4))
def test_sides_can_be_swapped_and_scaled(seed, clips, seeds):
    base, method = values(seed, clips, seeds), values(seed + 1, clips, seeds)
    there = paired_gain(base, method, seed=0, samples=200)
    back = paired_gain(method, base, seed=0, samples=200)
    assert (there.mean, there.p) == (pytest.approx(-back.mean), back.p)
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
    larger = paired_gain(3 * base, 3 * method, seed=0, samples=200)
    assert (larger.mean, larger.p) == (pytest.approx(3 * there.mean), there.p)
    assert there.low <= there.high


def test_the_same_seed_gives_the_same_numbers():
    base, method = values(0, 30, 3), values(1, 30, 3)
    assert paired_gain(base, method, seed=1) == paired_gain(base, method, seed=1)


def test_clips_without_a_value_are_left_out():
    base, method = values(0, 6), values(1, 6)
    with_gap = np.append(base, np.nan), np.append(method, 1.0)
    assert paired_gain(*with_gap, seed=0) == paired_gain(base, method, seed=0)
    with pytest.raises(ValueError, match="expected a clip with a value of both, got none"):
        paired_gain([np.nan], [1.0], seed=0)
    with pytest.raises(ValueError, match=r"got \(2,\) and \(3,\)"):
        paired_gain([1.0, 2.0], [1.0, 2.0, 3.0], seed=0)
