import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.report.heatmap import COLOURS, overlay, scale_colours

GREY = np.full((40, 60, 3), 100, np.uint8)


@given(st.floats(-1, 1), st.floats(0, 1))
def test_uniform_map_is_one_colour_mixed_in(value, opacity):
    found = overlay(GREY, np.full((3, 5), value), low=-1, high=1, opacity=opacity)
    colour = np.array(matplotlib.colormaps[COLOURS](np.float32((value + 1) / 2))[:3]) * 255
    expected = 100 * (1 - opacity) + colour * opacity
    assert np.abs(found - expected).max() <= 1.01
    assert found.shape == GREY.shape


def test_regions_lie_where_their_values_do():
    values = np.zeros((2, 2))
    values[1, 0] = 1
    found = overlay(GREY, values, low=0, high=1, opacity=1).sum(axis=2)
    # The bright end of the scale is at the lower left, the dark one everywhere else.
    assert np.unravel_index(found.argmax(), found.shape)[0] >= 30
    assert found[35, 5] > 600 > 50 > found[5, 5] == found[5, 55] == found[35, 55]


def test_unknown_regions_stay_bare_and_do_not_bleed():
    values = np.array([[0.5, np.nan]])
    found = overlay(GREY, values, low=0, high=1, opacity=1)
    assert (found[:, -10:] == 100).all()
    alone = overlay(GREY, np.array([[0.5]]), low=0, high=1, opacity=1)
    assert (found[:, :10] == alone[:, :10]).all()
    # Between the two there is ever less of the same colour, not another one.
    for pixel in found[0, 20:40].astype(float):
        share = (pixel[0] - 100) / (alone[0, 0, 0] - 100.0)
        assert pixel == pytest.approx(100 + share * (alone[0, 0] - 100.0), abs=2)


def test_values_outside_the_scale_take_the_nearer_end():
    assert (
        overlay(GREY, np.array([[-9.0, 9.0]]), low=0, high=1)
        == overlay(GREY, np.array([[0.0, 1.0]]), low=0, high=1)
    ).all()


@pytest.mark.parametrize(
    ("values", "high"), [(np.zeros(3), 1), (np.zeros((0, 2)), 1), (np.zeros((2, 2)), 0)]
)
def test_nonsense_is_refused(values, high):
    with pytest.raises(ValueError, match="expected"):
        overlay(GREY, values, low=0, high=high)


def test_scale_runs_from_dark_to_bright():
    brightness = [sum(bytes.fromhex(colour[1:])) for colour in scale_colours(9)]
    assert brightness == sorted(brightness)
