import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from stccl.spfem.ned.manipulator.median import geometric_median


def test_the_published_median_is_met(goldens):
    golden = np.load(goldens / "ned_geometric_median.npz")
    np.testing.assert_allclose(geometric_median(golden["X"]), golden["median"], atol=1e-6)


@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_no_other_point_is_closer_to_all(count, numbers, seed):
    points = np.random.default_rng(seed).normal(size=(count, numbers))

    def distances(point):
        return np.linalg.norm(points - point, axis=1).sum()

    best = min(
        minimize(distances, start, method="Nelder-Mead").fun
        for start in (points.mean(0), np.median(points, 0))
    )
    assert distances(geometric_median(points)) <= best + 1e-3


def test_the_mean_may_be_one_of_the_points():
    """There the iteration's weight would be one over nothing."""
    points = np.array([[0.0, 0], [0, 0], [3, 0], [-3, 0], [0, 3], [0, -3]])
    np.testing.assert_allclose(geometric_median(points), 0, atol=1e-9)
    np.testing.assert_allclose(geometric_median(np.ones((4, 3))), 1)
    start = np.array([[0.0, 0], [1, 0], [-1, 0], [9, 9], [-9, -9]])
    np.testing.assert_allclose(geometric_median(start), 0, atol=1e-3)


def test_it_leaves_a_point_that_is_not_the_median():
    points = np.array([[0.0], [-1], [-1], [-1], [3]])  # the mean is the first
    assert geometric_median(points) == pytest.approx([-1], abs=1e-3)


def test_it_stays_where_enough_points_hold_it():
    """The others pull to one side, but less than the three."""
    points = np.array([[0.0], [0], [0], [-1], [-2], [3]])
    assert geometric_median(points).tolist() == [0]
