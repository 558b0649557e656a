"""Positions travel between frame and view and come back to where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.landmarks.faces import View, overlap


@given(
    st.floats(-20, 60), st.floats(-20, 60), st.floats(30, 500), st.floats(0, 0.7), st.integers(0, 9)
)
def test_there_and_back(x, y, side, margin, seed):
    view = View.of(np.zeros((120, 160), np.uint8), np.float32([x, y, x + side, y + side]), margin)
    positions = np.random.default_rng(seed).uniform(-10, 200, (68, 2))
    np.testing.assert_allclose(view.to_frame(view.to_view(positions)), positions, atol=1e-9)


@pytest.mark.parametrize("side", [40, 60, 130, 400])
def test_a_bright_spot_is_found_where_it_was(side):
    frame = np.zeros((600, 600), np.uint8)
    yy, xx = np.mgrid[:600, :600]
    frame[:] = 255 * np.exp(-((xx - 310) ** 2 + (yy - 290) ** 2) / (2 * (side / 12) ** 2))
    view = View.of(frame, np.float32([280, 270, 280 + side, 270 + side]), 0.3)
    weight = view.pixels / view.pixels.sum(dtype=float)
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    spot = np.array([[(weight * columns).sum(), (weight * rows).sum()]])
    np.testing.assert_allclose(view.to_frame(spot), [[310, 290]], atol=0.15)


def test_a_box_outside_the_picture_is_refused():
    with pytest.raises(ValueError, match="outside"):
        View.of(np.zeros((50, 50), np.uint8), np.float32([90, 90, 120, 120]), 0.2)


def test_overlap_by_counting_pixels():
    grid = np.zeros((2, 20, 20), bool)
    grid[0, 2:12, 3:13] = True
    grid[1, 5:15, 5:15] = True
    expected = (grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum()
    a, b = np.float32([3, 2, 13, 12]), np.float32([5, 5, 15, 15])
    assert overlap(a, b) == pytest.approx(expected)
    assert overlap(a, a + 50) == 0
