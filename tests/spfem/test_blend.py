"""Erosion, pyramids and pasting against slow loops and what one sees."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.align.warp import inverse, warp
from stccl.spfem.blend import (
    blend,
    into_frame,
    pyramid_blend,
    soft_erosion,
)


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return (np.hypot(x, y) < radius).astype(np.float32)


def smooth(side: int, seed: int) -> np.ndarray:
    picture = np.random.default_rng(seed).integers(0, 255, (side // 8, side // 8, 3), np.uint8)
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC))


def test_soft_erosion_by_a_loop():
    mask = np.random.default_rng(0).random((12, 9))
    kernel, threshold = 5, 0.45
    averaged = np.zeros((12, 9))
    offsets = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    weights = {o: np.hypot(2, 2) - np.hypot(*o) for o in offsets}
    for y in range(12):
        for x in range(9):
            for (dy, dx), weight in weights.items():
                if 0 <= y + dy < 12 and 0 <= x + dx < 9:
                    averaged[y, x] += weight * mask[y + dy, x + dx] / sum(weights.values())
    found = soft_erosion(mask, kernel, threshold)
    hard = averaged >= threshold
    assert 0 < hard.sum() < hard.size
    np.testing.assert_array_equal(found.hard, hard)
    expected = np.where(hard, 1, averaged / averaged[~hard].max())
    np.testing.assert_allclose(found.soft, expected, atol=1e-5)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="expected an odd number, got 4"):
        soft_erosion(np.ones((9, 9)), 4, 0.5)


@settings(deadline=None)
@given(st.floats(3, 20), st.sampled_from([5, 9, 13]), st.floats(0.55, 0.95))
def test_more_than_half_shrinks_a_disc(radius, kernel, threshold):
    mask = disc(48, radius)
    found = soft_erosion(mask, kernel, threshold)
    assert (mask[found.hard] == 1).all()
    assert found.soft.min() >= 0
    assert found.soft.max() <= 1


def halved(image):
    """Burt and Adelson's reduction, by a loop over its 5-tap kernel."""
    taps = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    rows = sum(t * padded[i : i + len(image)] for i, t in enumerate(taps))
    both = sum(t * rows[:, i : i + image.shape[1]] for i, t in enumerate(taps))
    return both[::2, ::2]


def test_two_bands_by_hand():
    a, b = (smooth(32, s).astype(np.float32) for s in (0, 1))
    mask = disc(32, 10)
    small_a, small_b, small_mask = halved(a), halved(b), halved(mask[..., None])

    def up(x):
        return cv2.pyrUp(x.astype(np.float32))

    fine = mask[..., None] * (a - up(small_a)) + (1 - mask[..., None]) * (b - up(small_b))
    coarse = small_mask * small_a + (1 - small_mask) * small_b
    np.testing.assert_allclose(pyramid_blend(a, b, mask, 2), fine + up(coarse), atol=1e-2)


@settings(deadline=None, max_examples=20)
@given(st.integers(17, 60), st.integers(17, 60), st.integers(1, 5))
def test_blends_of_nothing_everything_and_the_same(height, width, levels):
    random = np.random.default_rng(0)
    a, b = (random.random((height, width, 3)).astype(np.float32) * 255 for _ in range(2))
    full, none = np.ones((height, width), np.float32), np.zeros((height, width), np.float32)
    mask = (random.random((height, width)) > 0.5).astype(np.float32)
    for found, expected in (
        (pyramid_blend(a, b, full, levels), a),
        (pyramid_blend(a, b, none, levels), b),
        (pyramid_blend(a, a, mask, levels), a),
    ):
        np.testing.assert_allclose(found, expected, atol=2e-2)


def test_a_blend_has_no_seam():
    a, b = np.full((128, 128, 3), 140, np.uint8), np.full((128, 128, 3), 120, np.uint8)
    mixed = blend(a, b, disc(128, 40), 128).astype(int)
    assert (mixed[64, 64] == 140).all()
    assert (mixed[0, 0] == 120).all()
    assert np.abs(np.diff(mixed, axis=0)).max() <= 3


MATRIX = np.array([[0.5, 0.05, -14.0], [-0.05, 0.5, -2.0]])


def test_its_own_face_goes_back_without_a_trace():
    frame = cv2.GaussianBlur(smooth(200, 3), (0, 0), 2)
    crop = warp(frame, MATRIX, 80)
    mask = disc(80, 25)
    found = into_frame(crop * mask[..., None].astype(np.uint8), mask, frame, inverse(MATRIX), 80)
    assert np.abs(found.astype(int) - frame).max() <= 6
    assert np.abs(found.astype(int) - frame).mean() < 0.5


def test_another_face_replaces_what_is_in_the_mask_and_nothing_far_from_it():
    frame = smooth(200, 3)
    mask = disc(80, 25)
    face = np.zeros((80, 80, 3), np.uint8)
    face[mask > 0] = (200, 30, 90)
    found = into_frame(face, mask, frame, inverse(MATRIX), 80)
    middle = inverse(MATRIX)[:, :2] @ [39.5, 39.5] + inverse(MATRIX)[:, 2]
    x, y = middle.round().astype(int)
    assert np.abs(found[y, x].astype(int) - (200, 30, 90)).max() <= 2
    far = np.hypot(*(np.mgrid[:200, :200][::-1] - middle[:, None, None])) > 2 * 25 + 40
    assert far.any()
    np.testing.assert_array_equal(found[far], frame[far])
    assert (frame == smooth(200, 3)).all()


def test_black_around_a_face_is_not_mixed_in():
    frame = np.full((200, 200, 3), 150, np.uint8)
    mask = disc(80, 25)
    face = (np.full((80, 80, 3), 150) * mask[..., None]).astype(np.uint8)
    enlarged = np.array([[6.0, 0, -140], [0, 6, -140]])
    for to_frame in (inverse(MATRIX), enlarged):
        found = into_frame(face, mask, frame, to_frame, 80)
        assert np.abs(found.astype(int) - 150).max() <= 1


def test_a_face_outside_of_the_frame_or_none_leaves_it():
    frame = smooth(64, 0)
    away = np.array([[1.0, 0, 500], [0, 1, 500]])
    face = np.full((16, 16, 3), 9, np.uint8)
    for mask, matrix in ((np.ones((16, 16)), away), (np.zeros((16, 16)), np.eye(3)[:2])):
        np.testing.assert_array_equal(into_frame(face, mask, frame, matrix, 16), frame)


@pytest.mark.parametrize("corner", [(-8.0, 10.0), (55.0, -9.0), (20.0, 20.0)])
def test_a_face_across_the_border_is_cut(corner):
    frame = smooth(64, 0)
    matrix = np.array([[1.0, 0, corner[0]], [0, 1, corner[1]]])
    found = into_frame(np.full((24, 24, 3), 250, np.uint8), disc(24, 11), frame, matrix, 64)
    assert found.shape == frame.shape
    assert (found != frame).any()
