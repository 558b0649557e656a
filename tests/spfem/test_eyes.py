"""Kept eyes and their lids, on drawn eyes of which everything is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.align.warp import apply, inverse
from stccl.spfem.blend import into_frame
from stccl.spfem.eyes import (
    lid_moves,
    steadied,
    with_moved_lids,
    with_usual_eyes,
    without_eyes,
)

SKIN, WHITE, IRIS = (170, 120, 100), (235, 235, 235), (60, 40, 30)
LEFT, RIGHT, WIDTH = (60.0, 70.0), (140.0, 70.0), 40
SMALL, WIDE = 7, 12
"""Half heights of drawn eyes."""
STILL = np.zeros((2, 128, 160, 2), np.float32)


def eyes(left: tuple[float, float], right: tuple[float, float], width: float) -> np.ndarray:
    """(2, 6, 2): ellipses three times as wide as high."""
    angles = np.radians(np.arange(180, -180, -60))
    ring = np.stack((np.cos(angles), np.sin(angles) / 3), 1) * width / 2
    return np.array([left, right])[:, None] + ring


def test_a_mask_has_holes_for_both_eyes_and_nothing_else():
    mask = np.ones((80, 120), np.float32)
    found = without_eyes(mask, eyes((30, 40), (85, 40), 20))
    assert mask.all()  # the caller's is not changed
    holes, _, boxes, _ = cv2.connectedComponentsWithStats((found == 0).astype(np.uint8))
    assert holes - 1 == 2
    for (x, y, width, height, _), middle in zip(boxes[1:], (30, 85), strict=True):
        # A third wider and two thirds higher than what lies between the lids.
        assert width == pytest.approx(1.3 * 20, abs=2)
        assert height == pytest.approx(1.7 * 20 / 3 * np.sin(np.pi / 3), abs=3)
        assert (x + width / 2, y + height / 2) == pytest.approx((middle, 40), abs=1.5)
    assert set(np.unique(found)) == {0, 1}


def test_eyes_left_out_are_those_of_the_frame():
    random = np.random.default_rng(0)
    frame = cv2.GaussianBlur(random.integers(0, 255, (256, 256, 3), np.uint8), (0, 0), 3)
    face = 255 - frame
    mask = np.zeros((256, 256), np.float32)
    cv2.ellipse(mask, (128, 128), (70, 90), 0, 0, 360, 1, -1)
    where = eyes((98, 110), (158, 110), 34)
    whole = into_frame(face, mask, frame, np.eye(2, 3), 256).astype(int)
    kept = into_frame(face, without_eyes(mask, where), frame, np.eye(2, 3), 256).astype(int)
    for eye in where:
        x, y = eye.mean(0).astype(int)
        spot = np.s_[y - 3 : y + 4, x - 8 : x + 9]
        error, without_holes = (np.abs(found[spot] - frame[spot]).mean() for found in (kept, whole))
        assert error < 0.3 * without_holes
    mouth = np.s_[170:190, 110:146]
    assert np.abs(kept[mouth] - whole[mouth]).max() <= 2


def test_a_blink_keeps_the_place_of_the_open_eye():
    clip = np.stack([eyes((30 + k, 40), (85 + k, 40), 20) for k in range(7)])
    middle = clip.mean(axis=2, keepdims=True)
    clip[3] = (clip[3] - middle[3]) * [1, 0.1] + middle[3]  # shut, while the head moves on
    found = with_usual_eyes(clip)
    assert found.shape == (7, 2, 12, 2)
    np.testing.assert_array_equal(found[:, :, :6], clip)
    np.testing.assert_allclose(found[3, :, 6:], clip[2, :, :] + [1, 0])
    np.testing.assert_allclose(found[0, :, 6:], clip[0])  # who does not blink is as usual
    mask = np.ones((80, 120), np.float32)
    np.testing.assert_array_equal(
        without_eyes(mask, found[3]), without_eyes(mask, found[2] + [1, 0])
    )


def test_usual_eyes_turn_and_grow_with_the_corners():
    clip = np.repeat(eyes((30, 40), (85, 40), 20)[None], 5, axis=0)
    angle = 0.4
    turned = 1.5 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    clip[4] = clip[4] @ turned.T
    np.testing.assert_allclose(with_usual_eyes(clip)[4, :, 6:], clip[4])


def drawn(half: float, painted_iris: bool = True) -> np.ndarray:
    """(140, 200, 3): two open eyes with lids, and brows that stay where they are."""
    picture = np.full((140, 200, 3), SKIN, np.uint8)
    for middle in (LEFT, RIGHT):
        x, y = (round(16 * each) for each in middle)
        axes = (16 * WIDTH // 2, round(16 * half))
        eye = np.full_like(picture, WHITE)
        if painted_iris:
            cv2.circle(eye, (x, y), 16 * 8, IRIS, -1, cv2.LINE_AA, 4)
        inside = np.zeros(picture.shape[:2], np.uint8)
        cv2.ellipse(inside, (x, y), axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
        share = inside[..., None] / 255
        picture = (share * eye + (1 - share) * picture).round().astype(np.uint8)
        cv2.ellipse(picture, (x, y), axes, 0, 0, 360, (30, 20, 20), 2, cv2.LINE_AA, 4)
        cv2.line(picture, (x - 300, y - 16 * 28), (x + 300, y - 16 * 30), (40, 30, 20), 4, 16, 4)
    return picture


def points(half: float) -> np.ndarray:
    """(2, 12, 2): the eyes of `drawn`, which are as usual."""
    angles = np.radians([180, 240, 300, 0, 60, 120])
    ring = np.stack((np.cos(angles) * WIDTH / 2, np.sin(angles) * half), 1)
    eye = np.array([LEFT, RIGHT])[:, None] + ring
    return np.concatenate((eye, eye), axis=1)


def opened(half: float) -> np.ndarray:
    """Moves of the lids of `drawn(SMALL)`, eyes 64 pixels wide, to those of `drawn(half)`."""
    return lid_moves(drawn(SMALL), drawn(half), points(SMALL))


@pytest.mark.parametrize("half", [5, 9, WIDE])
def test_lids_move_by_as_much_as_they_were_painted_elsewhere(half):
    for moves in opened(half):
        in_patch = 64 / WIDTH
        column = moves[:, 80, 1]
        for side in (-1, 1):  # the upper lid, the lower lid
            lid = round(63.5 + side * half * in_patch)
            expected = side * (SMALL - half) * in_patch
            assert column[lid - 2 : lid + 3].mean() == pytest.approx(expected, abs=2)
    assert np.abs(opened(half)[:, :, :, 0]).mean() < 0.5  # up and down, not sideways


def test_what_is_painted_alike_does_not_move():
    assert np.abs(opened(SMALL)).max() < 1e-3
    edge = opened(WIDE)[:, [0, -1]], opened(WIDE)[:, :, [0, -1]]
    assert max(np.abs(each).max() for each in edge) < 0.1


def test_a_blink_stays_a_blink():
    whole, half = points(SMALL), points(SMALL)
    half[:, :6] = points(SMALL / 2)[:, :6]
    shut = points(SMALL)
    shut[:, :6, 1] = LEFT[1]
    moves = [lid_moves(drawn(SMALL), drawn(WIDE), each) for each in (whole, half, shut)]
    np.testing.assert_allclose(moves[1], moves[0] / 2, atol=1e-4)
    assert np.abs(moves[2]).max() < 1e-6
    wider = points(SMALL)
    wider[:, :6] = points(WIDE)[:, :6]
    np.testing.assert_array_equal(lid_moves(drawn(SMALL), drawn(WIDE), wider), moves[0])


def test_a_turned_face_moves_its_lids_alike():
    """In a frame twice as large, turned and shifted, the patch shows the same."""
    angle, scale = 0.3, 2.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack((turn, [90, 10]))
    before, after = (
        cv2.warpAffine(drawn(each), matrix, (520, 440), borderValue=SKIN) for each in (SMALL, WIDE)
    )
    eyes_px = np.stack([apply(matrix, eye) for eye in points(SMALL)])
    moves = lid_moves(before, after, eyes_px)
    error = np.abs(moves - opened(WIDE))[:, 20:-20, 30:-30]
    assert error.mean() < 0.35
    assert np.abs(moves).max() > 5


@given(st.integers(0, 14), st.integers(0, 99))
def test_steadied_moves_by_a_loop(frames, seed):
    moves = np.random.default_rng(seed).normal(size=(frames, 2, 3)).astype(np.float32)
    found = list(steadied(iter(moves)))
    assert len(found) == frames
    for t, mean in enumerate(found):
        near = range(max(0, t - 4), min(frames, t + 5))
        weights = [np.exp(-((s - t) ** 2) / (2 * 2.0**2)) for s in near]
        expected = sum(w * moves[s] for w, s in zip(weights, near, strict=True)) / sum(weights)
        np.testing.assert_allclose(mean, expected, atol=1e-5)


def test_steadied_asks_no_further_ahead_than_it_must():
    asked = []

    def moves():
        for number in range(50):
            asked.append(number)
            yield np.float32([number])

    next(steadied(moves()))
    assert asked == [0, 1, 2, 3, 4]


def test_still_lids_leave_the_frame_alone():
    frame = np.random.default_rng(0).integers(0, 255, (140, 200, 3), np.uint8)
    found, both = with_moved_lids(frame, drawn(WIDE), np.eye(2, 3), points(SMALL), STILL)
    np.testing.assert_array_equal(found, frame)
    np.testing.assert_allclose(both[:, :12], both[:, 12:])


def test_eyes_open_and_keep_what_they_look_at():
    """The painter knows no iris and a blue one for white; the frame's iris stays, round."""
    frame, after = drawn(SMALL), drawn(WIDE, painted_iris=False)
    after[(after == WHITE).all(axis=2)] = (120, 200, 255)
    kept = frame.copy()
    found, both = with_moved_lids(frame, after, np.eye(2, 3), points(SMALL), opened(WIDE))
    np.testing.assert_array_equal(frame, kept)
    for x, y in (LEFT, RIGHT):
        column = found[:, round(x)].astype(int)
        y = round(y)
        np.testing.assert_allclose(column[y - 3 : y + 4], [IRIS] * 7, atol=3)
        for uncovered in (y - SMALL - 1, y + SMALL):
            np.testing.assert_allclose(column[uncovered], (120, 200, 255), atol=40)
        lash = y - WIDE - 4 + column[y - WIDE - 4 : y - WIDE + 3].sum(1).argmin()
        assert lash == pytest.approx(y - WIDE, abs=1.5)
    height = np.ptp(both[:, 12:18, 1], axis=1)
    np.testing.assert_allclose(height, 2 * WIDE * np.sin(np.pi / 3), atol=2.5)
    far = np.ones(frame.shape[:2], bool)
    for x, y in (LEFT, RIGHT):  # the patches: 2 1/2 widths by 2
        far[round(y) - 41 : round(y) + 42, round(x) - 51 : round(x) + 52] = False
    np.testing.assert_array_equal(found[far], frame[far])


def test_eyes_narrow_over_what_they_look_at():
    frame, after = drawn(SMALL), drawn(3)
    moves = opened(3)
    found, _ = with_moved_lids(frame, after, np.eye(2, 3), points(SMALL), moves)
    for x, y in (LEFT, RIGHT):
        column = found[:, round(x)].astype(int)
        np.testing.assert_allclose(column[round(y)], IRIS, atol=6)
        for lid in (round(y) - SMALL + 1, round(y) + SMALL - 1):
            np.testing.assert_allclose(column[lid], SKIN, atol=25)


def test_a_larger_frame_is_moved_as_the_picture_tells():
    """The painter's pictures are half as large as the frame's face, and start elsewhere."""
    to_pictures = np.array([[0.5, 0, -20.0], [0, 0.5, -10]])
    to_frame = inverse(to_pictures)
    frame = cv2.warpAffine(drawn(SMALL), to_frame, (520, 400), borderValue=SKIN)
    eyes_px = np.stack([apply(to_frame, eye) for eye in points(SMALL)])
    found, _ = with_moved_lids(frame, drawn(WIDE), to_pictures, eyes_px, opened(WIDE))
    small, _ = with_moved_lids(drawn(SMALL), drawn(WIDE), np.eye(2, 3), points(SMALL), opened(WIDE))
    back = cv2.warpAffine(found, to_pictures, (200, 140), borderValue=SKIN).astype(int)
    error, unmoved = (np.abs(back - each)[20:120, 20:180].mean() for each in (small, drawn(SMALL)))
    assert error < 0.5 * unmoved


@pytest.mark.parametrize("shift", [(-70, 0), (-150, -60), (90, 40), (-900, 0)])
def test_eyes_at_the_border_are_cut(shift):
    matrix = np.array([[1.0, 0, shift[0]], [0, 1, shift[1]]])
    frame = cv2.warpAffine(drawn(SMALL), matrix, (200, 140), borderValue=SKIN)
    eyes_px = points(SMALL) + shift
    found, both = with_moved_lids(frame, drawn(WIDE), inverse(matrix), eyes_px, opened(WIDE))
    assert found.shape == frame.shape
    assert np.isfinite(both).all()
    assert (found != frame).any() == (shift[0] > -900)


def test_eyes_without_a_width_move_nothing():
    eyes_px = np.full((2, 12, 2), 70.0)
    moves = lid_moves(drawn(SMALL), drawn(WIDE), eyes_px)
    assert not moves.any()
    found, both = with_moved_lids(drawn(SMALL), drawn(WIDE), np.eye(2, 3), eyes_px, moves)
    np.testing.assert_array_equal(found, drawn(SMALL))
    assert np.isfinite(both).all()
