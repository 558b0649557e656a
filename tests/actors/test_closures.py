"""p, b and m close the lips, in every emotion at every level, long enough for a camera to see."""

import numpy as np
import pytest
import torch

from stccl.actors.identity import draw_shape
from stccl.actors.make import coefficients
from stccl.actors.voice import LEVEL_INTENSITY
from stccl.clip import EMOTIONS
from stccl.face3d.head.head import Head

HEAD = Head()
UPPER, LOWER = [61, 62, 63], [67, 66, 65]
HELD_S = 0.06  # more than from one frame to the next at 25 a second
MOODS = [(EMOTIONS[0], 1), *((e, level) for e in EMOTIONS[1:] for level in LEVEL_INTENSITY)]


def points_mm(take, times_s):
    """(T, 68, 3) the true landmarks of a head that looks straight ahead."""
    shape = torch.from_numpy(draw_shape(take.speaker, HEAD.shape_names))
    faces = coefficients(take.at(np.asarray(times_s)), shape)
    still = faces._replace(rotation=0 * faces.rotation, translation=0 * faces.translation)
    with torch.inference_mode():
        return 1e3 * HEAD.landmarks(HEAD.vertices(still)).numpy()


def closures_s(take):
    return [(p.start_s + p.end_s) / 2 for p in take.phonemes if p.name in ("p", "b", "m")]


@pytest.mark.parametrize(("name", "sentence"), [("W001", "003"), ("M002", "004")])
def test_lips_touch_while_a_frame_is_taken(take, name, sentence):
    spoken = take(name, sentence, "surprised")
    middles_s = closures_s(spoken)
    assert len(middles_s) >= 2
    around_s = np.linspace(-HELD_S / 2, HELD_S / 2, 5)
    for mood in MOODS:
        felt = spoken.in_emotion(*mood)
        points = points_mm(felt, np.add.outer(middles_s, around_s).ravel())
        gap_mm = points[:, UPPER, 1] - points[:, LOWER, 1]
        assert np.abs(gap_mm).max() < 0.1, mood


def test_closed_lips_are_nearly_as_full_as_at_rest(take):
    """Lips pressed thin look like an open mouth between lip and chin."""
    for name in ("W001", "M002"):
        spoken = take(name, "003", "surprised")
        (rest,) = red_mm(points_mm(spoken, [0.0]))
        for mood in MOODS:
            closed = points_mm(spoken.in_emotion(*mood), closures_s(spoken))
            assert red_mm(closed).min() > 0.65 * rest, mood


def red_mm(points):
    """(T,) how much of the lips is seen from the front, upper and lower together."""
    upper = points[:, 51, 1] - points[:, 62, 1]
    return upper + points[:, 66, 1] - points[:, 57, 1]
