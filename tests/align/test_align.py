"""The similarity fit against arithmetic, a published example and another solver; the warp."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from stccl.align.template import canonical_points
from stccl.align.warp import apply, canonical_px, fit_face, inverse, similarity, warp

MIRRORED = np.r_[
    16:-1:-1, 26:16:-1, 27:31, 35:30:-1, 45:41:-1, 47, 46, 39:35:-1, 41, 40,
    54:47:-1, 59:54:-1, 64:59:-1, 67:64:-1
]  # fmt: skip


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ matrix.T + shift, np.column_stack((matrix, shift))


@given(st.floats(-180, 180), st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500))
def test_a_similarity_is_recovered(degrees, scale, x, y):
    points = canonical_px(224)
    moved, matrix = turned(points, degrees, scale, [x, y])
    np.testing.assert_allclose(similarity(points, moved), matrix, atol=1e-6 * max(1, scale * 224))
    there_and_back = apply(inverse(matrix), moved)
    np.testing.assert_allclose(there_and_back, points, atol=1e-6)


def test_the_fit_is_the_least_squares_one():
    rng = np.random.default_rng(3)
    source, target = rng.normal(0, 30, (2, 68, 2))
    # With s·R = [[a, -b], [b, a]] the problem is linear in (a, b, x, y).
    (x, y), ones, zeros = source.T, np.ones(68), np.zeros(68)
    rows = np.concatenate((np.stack((x, -y, ones, zeros), 1), np.stack((y, x, zeros, ones), 1)))
    a, b, u, v = np.linalg.lstsq(rows, target.T.ravel(), rcond=None)[0]
    np.testing.assert_allclose(similarity(source, target), [[a, -b, u], [b, a, v]], atol=1e-9)


def test_a_published_implementation_agrees():
    root = Path(__file__).parents[2]
    goldens = Path(os.environ.get("STCCL_GOLDENS", root.parent / "shared/reference/goldens"))
    if not (goldens / "ned_umeyama.npz").is_file():
        pytest.skip(f"no reference outputs at {goldens}; STCCL_GOLDENS names their folder")
    golden = np.load(goldens / "ned_umeyama.npz")
    found = similarity(golden["src"], golden["dst"])
    np.testing.assert_allclose(found, golden["T"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [96, 224, 256])
def test_the_canonical_face_stands_where_published_crops_have_it(size):
    points = canonical_px(size) * 256 / size
    np.testing.assert_allclose(points[36:42].mean(0), [95, 110], atol=4)
    np.testing.assert_allclose(points[42:48].mean(0), [156, 110], atol=4)
    np.testing.assert_allclose(points[48:68].mean(0), [128, 175], atol=4)


def test_the_canonical_face_is_symmetric_and_in_order():
    points = canonical_points()
    assert points.shape == (68, 2)
    assert (MIRRORED[MIRRORED] == np.arange(68)).all()
    np.testing.assert_allclose(points[MIRRORED] * [-1, 1] + [1, 0], points, atol=1e-12)
    assert ((points > 0) & (points < 1)).all()
    assert (np.diff(points[17:27, 0]) > 0).all()  # brows from left to right
    assert (np.diff(points[27:31, 1]) > 0).all()  # nose downwards
    assert (points[37:39, 1] < points[36, 1]).all()  # upper lids first
    assert points[51, 1] < points[62, 1] < points[66, 1] < points[57, 1]  # lips, top to bottom


@pytest.mark.parametrize(
    "points",
    [
        np.full((68, 2), 7.0),
        np.full((68, 2), np.nan),
        canonical_points() * [-100, 100],
        np.random.default_rng(0).normal(100, 30, (68, 2)),
    ],
    ids=["all equal", "not a number", "mirrored", "scattered"],
)
def test_what_is_no_face_is_not_fitted(points):
    assert fit_face(points, 224) is None


def test_a_face_is_fitted_upside_down_as_well():
    moved, _ = turned(canonical_points(), 180, 90, [200, 200])
    assert fit_face(moved, 224) is not None


def smooth_picture(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(9 * x + 4 * y), np.cos(7 * y), np.sin(6 * x - 5 * y)]
    return (127 + 100 * np.stack(waves, 2)).astype(np.uint8)


def test_warp_samples_where_the_matrix_says():
    image = smooth_picture(200)
    _, matrix = turned(np.zeros((1, 2)), 12, 1.1, [-40.3, 5.7])
    crop = warp(image, matrix, 96)
    yy, xx = np.mgrid[:96, :96]
    at = apply(inverse(matrix), np.stack((xx.ravel(), yy.ravel()), 1).astype(float))
    inside = ((at > 2) & (at < 197)).all(1)
    for channel in range(3):
        expected = map_coordinates(image[..., channel].astype(float), at.T[::-1], order=3)
        difference = crop[..., channel].ravel()[inside] - expected[inside]
        assert np.abs(difference).max() < 4
    assert inside.mean() > 0.5


def test_beyond_the_picture_the_crop_is_black():
    crop = warp(np.full((50, 50, 3), 200, np.uint8), np.array([[1.0, 0, 60], [0, 1, 60]]), 128)
    assert (crop[:58, :58] == 0).all()
    assert (crop[64:106, 64:106] == 200).all()


def test_shrinking_does_not_alias():
    checks = np.indices((512, 512)).sum(0) % 2 * 255
    image = np.repeat(checks[..., None], 3, 2).astype(np.uint8)
    # A scale that steps over the checks irregularly turns them into large false patterns.
    crop = warp(image, np.array([[0.23, 0, 3], [0, 0.23, 3]]), 96)
    assert np.abs(crop[8:88, 8:88].astype(float) - 127.5).max() < 12


def test_only_the_needed_part_is_blurred_with_the_same_result():
    image = smooth_picture(400)
    matrix = np.array([[0.4, 0, -20.0], [0, 0.4, -30.0]])
    padded = np.pad(image, ((300, 300), (300, 300), (0, 0)), "edge")
    moved = matrix.copy()
    moved[:, 2] -= 0.4 * 300
    np.testing.assert_array_equal(warp(image, matrix, 64), warp(padded, moved, 64))
