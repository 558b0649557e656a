import math

import numpy as np
import pytest

from stccl.experts.mfcc import mfcc


def by_hand(sound: np.ndarray, rate: int) -> np.ndarray:
    """The package's steps, a number at a time."""
    x = [float(v) * 32768 for v in sound]
    y = [x[0]] + [x[n] - 0.97 * x[n - 1] for n in range(1, len(x))]
    window, step, bins = int(0.025 * rate + 0.5), int(0.01 * rate + 0.5), 512
    count = 1 if len(y) <= window else 1 + math.ceil((len(y) - window) / step)
    y += [0.0] * (count * step + window)
    mel = [k * 2595 * math.log10(1 + rate / 2 / 700) / 27 for k in range(28)]
    corner = [math.floor((bins + 1) * 700 * (10 ** (m / 2595) - 1) / rate) for m in mel]
    rows = []
    for k in range(count):
        frame = y[k * step : k * step + window]
        power = []
        for f in range(bins // 2 + 1):
            turn = np.exp(-2j * np.pi * f * np.arange(window) / bins)
            power.append(abs(np.dot(frame, turn)) ** 2 / bins)
        bands = []
        for j in range(26):
            total = 0.0
            for i in range(corner[j], corner[j + 1]):
                total += power[i] * (i - corner[j]) / (corner[j + 1] - corner[j])
            for i in range(corner[j + 1], corner[j + 2]):
                total += power[i] * (corner[j + 2] - i) / (corner[j + 2] - corner[j + 1])
            bands.append(math.log(total or np.finfo(float).eps))
        row = [math.log(sum(power) or np.finfo(float).eps)]
        for c in range(1, 13):
            cosine = sum(b * math.cos(math.pi * c * (2 * j + 1) / 52) for j, b in enumerate(bands))
            row.append(math.sqrt(2 / 26) * cosine * (1 + 11 * math.sin(math.pi * c / 22)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("samples", [300, 400, 401, 1000])
def test_the_arithmetic_is_that_of_the_package(samples):
    sound = np.random.default_rng(samples).normal(0, 0.1, samples)
    np.testing.assert_allclose(mfcc(sound), by_hand(sound, 16000), rtol=1e-8, atol=1e-8)


def test_silence_is_finite():
    found = mfcc(np.zeros(1600))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, by_hand(np.zeros(1600), 16000), atol=1e-8)


def test_the_scale_is_that_of_16_bit_samples():
    """A full-scale step has an energy of about the square of 32768."""
    sound = np.zeros(400)
    sound[200] = 1.0
    energy = 32768**2 * (1 + 0.97**2) / 512 * 257
    # The impulse and its pre-emphasis make a spectrum that is flat but for one cosine.
    assert mfcc(sound)[0, 0] == pytest.approx(np.log(energy), abs=0.02)


def test_louder_sound_changes_the_first_coefficient_alone():
    sound = np.random.default_rng(0).normal(0, 0.1, 4000)
    quiet, loud = mfcc(sound), mfcc(2 * sound)
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.log(4), atol=1e-9)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=1e-6)
