import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import estimate_transform, warp

from stccl.align.warp import apply
from stccl.face3d.deca_crop import crop, crop_matrix


def points(left, top, width, height, seed=0):
    inside = np.random.default_rng(seed).random((68, 2))
    inside[0], inside[1] = 0, 1
    return inside * [width, height] + [left, top]


def by_three_corners(points):
    """The published way: a similarity through three corners of the square, by scikit-image."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    size = int((right - left + bottom - top) / 2 * 1.1 * 1.25)
    x, y = right - (right - left) / 2, bottom - (bottom - top) / 2
    square = np.array(
        [[x - size / 2, y - size / 2], [x - size / 2, y + size / 2], [x + size / 2, y - size / 2]]
    )
    return estimate_transform("similarity", square, np.array([[0, 0], [0, 223], [223, 0]]))


@settings(deadline=None)
@given(
    st.floats(-50, 900),
    st.floats(-50, 900),
    st.floats(20, 800),
    st.floats(20, 800),
    st.integers(0, 9),
)
def test_the_matrix_is_the_published_one(left, top, width, height, seed):
    face = points(left, top, width, height, seed)
    np.testing.assert_allclose(crop_matrix(face), by_three_corners(face).params[:2], atol=1e-6)


def test_by_hand():
    # A box of 100 × 60 around (150, 130): its mean side 80 becomes 110, from (95, 75) on.
    matrix = crop_matrix(points(100, 100, 100, 60))
    np.testing.assert_allclose(
        apply(matrix, np.array([[95.0, 75], [205, 185]])), [[0, 0], [223, 223]], atol=1e-9
    )


@pytest.mark.parametrize("left", [-30, 40, 150])
def test_the_picture_is_scikit_images(left):
    image = np.random.default_rng(0).integers(0, 256, (180, 200, 3), np.uint8)
    face = points(left, 30, 90, 120)
    found = crop(image, crop_matrix(face))
    expected = warp(image / 255, by_three_corners(face).inverse, output_shape=(224, 224))
    assert found.shape == (3, 224, 224)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.transpose(1, 2, 0), expected, atol=2e-5)


@pytest.mark.parametrize(
    ("value", "message"),
    [(5.0, "a face of some pixels, got 0"), (np.nan, "finite numbers, got NaN")],
)
def test_no_face_is_refused(value, message):
    with pytest.raises(ValueError, match=f"^points: expected {message}"):
        crop_matrix(np.full((68, 2), value))
