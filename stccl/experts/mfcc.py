"""The sound features that SyncNet was trained on: 13 MFCC, a hundred times a second."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

Floats = npt.NDArray[np.float64]

STEP_S = 0.01
WINDOW_S = 0.025
COEFFICIENTS = 13

_MEL_BANDS = 26
_PREEMPHASIS = 0.97
_LIFTER = 22
_INT16 = 32768.0


def mfcc(sound: npt.NDArray[np.floating], sample_rate_hz: int = 16000) -> Floats:
    r"""Mel-frequency cepstral coefficients by the definition of the package python_speech_features.

    The sound is pre-emphasised, :math:`y_n = x_n - 0.97 x_{n-1}`, and cut into windows of 25 ms
    every 10 ms, without a taper, the last one filled up with zeros. With P the power spectrum of a
    window over its length and :math:`B_m` 26 triangles of equal width in mel,
    :math:`2595 \log_{10}(1 + f / 700)`, up to half the sampling rate,

    .. math::
        c_k = \left(1 + 11 \sin\frac{\pi k}{22}\right)
              \operatorname{DCT}_k\left(\log \sum_f B_m(f) P(f)\right), \quad k = 1 … 12

    and :math:`c_0` the logarithm of the window's energy. Other than librosa's, these depend on the
    scale of the samples, and SyncNet was trained on that of 16-bit integers: samples in [-1, 1] are
    brought to it first.

    Args:
        sound: S samples, mono, in [-1, 1].
        sample_rate_hz: Samples per second.

    Returns:
        (K, 13) with K = 1 + ⌈(S - window) / step⌉, at least 1; row k is about the 25 ms from 10 k
        ms on.

    Source: Chung and Zisserman, Out of time (ACCV-W 2016), Section 2.1.

    >>> mfcc(np.zeros(16000)).shape
    (99, 13)
    """
    samples = np.asarray(sound, np.float64) * _INT16
    emphasised = np.append(samples[:1], samples[1:] - _PREEMPHASIS * samples[:-1])
    window, step = round(WINDOW_S * sample_rate_hz), round(STEP_S * sample_rate_hz)
    count = 1 + max(0, -(-(len(emphasised) - window) // step))
    padded = np.pad(emphasised, (0, max(0, (count - 1) * step + window - len(emphasised))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::step][:count]
    bins = 1 << (window - 1).bit_length()
    power = np.abs(np.fft.rfft(frames, bins)) ** 2 / bins
    bands = power @ _mel_triangles(bins, sample_rate_hz).T
    cepstrum = dct(_log(bands), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    cepstrum *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    cepstrum[:, 0] = _log(power.sum(axis=1))
    return np.asarray(cepstrum, np.float64)


def _log(power: Floats) -> Floats:
    """The logarithm; silence, whose power is 0, counts as the smallest step above 1."""
    return np.asarray(np.log(np.where(power == 0, np.finfo(np.float64).eps, power)), np.float64)


@lru_cache(maxsize=4)
def _mel_triangles(bins: int, sample_rate_hz: int) -> Floats:
    """(26, bins/2 + 1) triangles whose corners are whole bins of the spectrum."""
    mel = np.linspace(0, 2595 * np.log10(1 + sample_rate_hz / 2 / 700), _MEL_BANDS + 2)
    hz = 700 * (10 ** (mel / 2595) - 1)
    corners = np.floor((bins + 1) * hz / sample_rate_hz)
    left, peak, right = (corners[i : i + _MEL_BANDS, None] for i in range(3))
    at = np.arange(bins // 2 + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((at >= left) & (at < peak), (at - left) / (peak - left), 0)
        falling = np.where((at >= peak) & (at < right), (right - at) / (right - peak), 0)
    return np.asarray(rising + falling, np.float64)
