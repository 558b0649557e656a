"""A face that says something, made of numbers: its mouth opens with the loudness of its sound."""

import numpy as np
import pytest

from stccl.experts.params import SyncNetConfig

RATE_HZ = 16000


@pytest.fixture
def small() -> SyncNetConfig:
    """A network that is trained in seconds."""
    return SyncNetConfig(
        side_px=52,
        crop=(0.25, 0.5, 0.75, 1.0),
        input="relative",
        lip_widths=(16,) * 6,
        sound_widths=(16,) * 6,
        embedding=16,
    )


def talking(seed: int, frames: int = 60) -> tuple[list[np.ndarray], np.ndarray]:
    """Faces of 64 px and their sound: a tone whose loudness is how far the mouth is open."""
    random = np.random.default_rng(seed)
    knots = random.uniform(0, 1, frames // 3 + 2)
    opening = np.interp(np.arange(frames) / 3, np.arange(len(knots)), knots)
    skin = random.integers(90, 200, 3)
    rows = np.abs(np.arange(64) - 48)
    faces = []
    for value in opening:
        face = np.empty((64, 64, 3), np.uint8)
        face[:] = skin
        face[:, 20:44][rows < 2 + 10 * value] = 20
        faces.append(face)
    time_s = np.arange(frames * RATE_HZ // 25 + 400) / RATE_HZ
    loudness = np.interp(time_s * 25 - 0.5, np.arange(frames), opening)
    pitch = np.sin(2 * np.pi * random.uniform(100, 200) * time_s)
    noise = random.normal(0, 1, len(time_s))
    return faces, (0.3 * (0.01 + loudness) * (pitch + 0.3 * noise)).astype(np.float32)
