"""A head that nods to its words, eyes that stay on the camera, lids that blink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.actors.drift import Drift
from stccl.actors.head_motion import BLINKS_PER_S, move
from stccl.clip import EMOTIONS


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), low_hz=st.floats(0.05, 1), octaves=st.floats(0.5, 4))
def test_drift_is_bounded_and_centred(seed, low_hz, octaves):
    drift = Drift.of(np.random.default_rng(seed), 4, low_hz, low_hz * 2**octaves)
    values = drift.at(np.linspace(0, 400 / low_hz, 20_000))
    assert np.abs(values).max() <= np.sqrt(10) + 1e-9
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=0.25)


@pytest.fixture
def motions(take):
    said = take("M001", "003", "neutral").said
    return said, [move(said, "neutral", np.random.default_rng(seed)) for seed in range(40)]


def test_heads_keep_within_their_range_and_move_smoothly(motions):
    said, moved = motions
    times_s = np.arange(0, said.duration_s, 0.01)
    turned = np.degrees([motion.rotation(times_s) for motion in moved])
    pitch, yaw, roll = np.moveaxis(np.abs(turned), 2, 0)
    assert np.percentile(pitch, 90) < 5
    assert np.percentile(yaw, 90) < 8
    assert np.percentile(roll, 95) < 5
    assert np.percentile(yaw, 95) > 2
    assert np.abs(np.diff(turned, axis=1)).max() < 0.6  # 60 degrees a second
    shifted = np.array([motion.translation(times_s) for motion in moved])
    assert 0.002 < np.abs(shifted).max() < 0.01


def test_heads_go_down_at_stressed_vowels(motions):
    said, moved = motions
    stressed_s = np.array([p.middle_s for p in said.phonemes if p.stress == 2])
    dips = [
        motion.rotation(stressed_s)[:, 0]
        - (motion.rotation(stressed_s - 0.2) + motion.rotation(stressed_s + 0.2))[:, 0] / 2
        for motion in moved
    ]
    assert np.mean(dips) > np.radians(0.5)


def test_eyes_stay_on_the_camera_while_the_head_turns(motions):
    said, moved = motions
    times_s = np.arange(0, said.duration_s, 0.02)
    gazes = []
    for motion in moved:
        eyes, head = motion.eyes(times_s), motion.rotation(times_s)
        assert not eyes[:, :, 2].any()
        # Both look at one point in front: the image's left eye to the right and the other way.
        np.testing.assert_allclose(
            eyes[:, 0, 1] - eyes[:, 1, 1], 2 * np.arctan(0.032 / 1.2), atol=1e-12
        )
        gazes.append(eyes.mean(axis=1)[:, :2] + head[:, :2])
    gaze = np.degrees(np.abs(gazes))
    assert np.percentile(gaze, 80) < 2
    assert gaze.max() < 9
    steps = np.abs(np.diff(np.array(gazes), axis=1)).max(axis=2)
    assert np.median(steps) < 1e-12  # fixations
    assert np.mean(steps > 1e-12) < 0.2


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lids_close_briefly_and_as_often_as_the_emotion_has_it(take, emotion):
    said = take("W001", "003", "neutral").said
    times_s = np.arange(0, said.duration_s, 0.005)
    blinks = closed_s = 0.0
    for seed in range(150):
        motion = move(said, emotion, np.random.default_rng(seed))
        closed = motion.blink(times_s)
        assert closed.min() >= 0
        assert closed.max() <= 1
        closed_s += 0.005 * (closed > 0).sum()
        lengths_s = motion.blinks_s[:, 1]
        assert ((lengths_s >= 0.15) & (lengths_s <= 0.3)).all()
        assert (np.diff(motion.blinks_s[:, 0]) > 0.6).all()
        blinks += len(lengths_s)
    per_s = blinks / 150 / (said.duration_s + 0.3)
    # A pause of 0.6 s follows every blink but the one before the clip.
    assert 0.6 * BLINKS_PER_S[emotion] < per_s < 1.15 * BLINKS_PER_S[emotion]
    assert 0.1 < closed_s / blinks < 0.3


def test_the_frightened_blink_more_than_the_angry():
    assert BLINKS_PER_S["fear"] > 2 * BLINKS_PER_S["angry"]
    assert set(BLINKS_PER_S) == set(EMOTIONS)
