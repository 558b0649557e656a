"""What the `pairs` stage finds by ear is what the actors did."""

import numpy as np
import pytest
import soxr

from stccl.actors.performance import time_map
from stccl.clip import EMOTIONS
from stccl.pairs.params import PairsParams
from stccl.pairs.path import align_speech

FPS = 25
EAR_HZ = 16000
PARAMS = PairsParams(hop_s=0.01, coefficients=13, band=0.25, max_cost=0.7)


def heard_within_two_frames(source, target) -> tuple[int, int]:
    """Of the path's steps, those within two frames of the truth, and all."""
    sounds = [
        soxr.resample(made.samples / np.float32(32768), made.sample_rate_hz, EAR_HZ)
        for made in (source, target)
    ]
    times_s = [made.frame_times_s(FPS) for made in (source, target)]
    found = align_speech(
        *sounds,
        sample_rate_hz=EAR_HZ,
        source_times_s=times_s[0],
        target_times_s=times_s[1],
        params=PARAMS,
    )
    assert found.cost < PARAMS.max_cost
    i, j = found.steps.T
    true_s = np.interp(times_s[0][i], *time_map(source, target).T)
    off = np.abs(times_s[1][j] - true_s) * FPS
    return int((off <= 2).sum()), len(off)


def test_dynamic_time_warping_finds_the_true_map(take):
    right, all_ = heard_within_two_frames(
        take("M001", "001", "neutral"), take("M001", "001", "surprised")
    )
    assert right / all_ >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["M001", "W002", "W003"])
@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_dynamic_time_warping_finds_the_true_map_of_every_emotion(take, name, emotion):
    counts = [
        heard_within_two_frames(take(name, sentence, "neutral"), take(name, sentence, emotion))
        for sentence in ("001", "003", "006", "010")
    ]
    right, all_ = np.sum(counts, axis=0)
    assert right / all_ >= 0.9
