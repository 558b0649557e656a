"""Smoothing inside runs, filling of short gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.landmarks.gaps import fill
from stccl.landmarks.smooth import runs, smooth
from stccl.landmarks.track import MISSING, Observation


def seen(x: float) -> Observation:
    return Observation(
        "detected", x, np.float32([x, 0, x + 50, 50]), np.full((68, 2), x, np.float32)
    )


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 99))
def test_smooth_is_a_slow_mean_over_a_symmetric_window(frames, window, seed):
    values = np.random.default_rng(seed).normal(100, 30, (frames, 3))
    cut = frames // 2
    within = [(a, b) for a, b in ((0, cut), (cut, frames)) if b > a]
    expected = values.copy()
    for start, stop in within:
        for t in range(start, stop):
            reach = min((window - 1) // 2, t - start, stop - 1 - t)
            expected[t] = values[t - reach : t + reach + 1].mean(0)
    np.testing.assert_allclose(smooth(values, within, window), expected, atol=1e-9)


@given(st.integers(1, 30), st.integers(1, 12))
def test_steady_motion_is_kept_to_the_ends(frames, window):
    line = np.outer(np.arange(frames), [1.5, -2.0])
    np.testing.assert_allclose(smooth(line, [(0, frames)], window), line, atol=1e-9)


def test_frames_outside_the_runs_stay_as_they_are():
    values = np.array([[0.0], [np.nan], [4.0], [9.0], [5.0]])
    np.testing.assert_array_equal(
        smooth(values, [(0, 1), (2, 5)], 3), [[0], [np.nan], [4], [6], [5]]
    )


@pytest.mark.parametrize("gap", [1, 3, 5])
def test_short_gaps_are_filled_linearly_and_say_so(gap):
    clip = [seen(0)] + [MISSING] * gap + [seen(gap + 1.0)]
    filled = fill(clip, 5)
    assert [o.source for o in filled[1:-1]] == ["interpolated"] * gap
    for t, observation in enumerate(filled):
        np.testing.assert_allclose(observation.points, t, atol=1e-5)
        np.testing.assert_allclose(observation.box, [t, 0, t + 50, 50], atol=1e-4)
    assert filled[1].score == 0


def test_long_gaps_ends_and_cuts_stay_missing():
    clip = [MISSING, seen(0), *[MISSING] * 6, seen(7), MISSING, seen(200), MISSING]
    assert fill(clip, 5) == clip
    assert fill(clip, 0) == clip


def test_a_clip_without_any_face_stays_so():
    assert fill([MISSING] * 4, 5) == [MISSING] * 4


def test_runs_end_at_gaps_and_cuts():
    boxes = np.array([[t, 0, t + 50, 50] for t in (0, 1, np.nan, 2, 3, 40, 41)])
    assert runs(boxes) == [(0, 2), (3, 5), (5, 7)]
    assert runs(np.empty((0, 4))) == []
