"""What tension, breath and trembling make of a voice's sound."""

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from stccl.actors.voice import Delivery

SAMPLE_RATE_HZ = 22050

Samples = npt.NDArray[np.float64]

_SPEECH_DBFS = -23.0
_PEAK = 0.95
_TILT_FROM_HZ, _TILT_TO_HZ = 500.0, 5000.0
_TREMOR_HZ = 5.8
_BREATH_FROM_HZ = 1500.0
_ENVELOPE_HZ = 30.0
_SILENCE = 1e-3  # of the peak


def timbre(sound: Samples, how: Delivery, rng: np.random.Generator) -> Samples:
    """Speech in the timbre and loudness of a delivery.

    Louder than the peak allows is never made: the whole is then turned down.

    Args:
        sound: (N,) speech without silence around it, at `SAMPLE_RATE_HZ`.
        how: The delivery.
        rng: For noise of breath and the phase of trembling.

    Returns:
        (N,) within [-0.95, 0.95].
    """
    level = np.maximum(_low_pass(np.abs(sound)), 0.0)
    sound = _tilt(sound, how.tension_db)
    hiss = rng.standard_normal(len(sound))
    hiss = hiss - _low_pass(hiss, _BREATH_FROM_HZ)
    sound = sound + how.breath * level * hiss
    time_s = np.arange(len(sound)) / SAMPLE_RATE_HZ
    wave = np.sin(2 * np.pi * (_TREMOR_HZ * time_s + rng.random()))
    sound = sound * (1 + how.tremor * wave)
    loud = sound[np.abs(sound) > _SILENCE * np.abs(sound).max()]
    gain = 10 ** ((_SPEECH_DBFS + how.loudness_db) / 20) / np.sqrt(np.mean(loud**2))
    louder: Samples = sound * min(gain, _PEAK / np.abs(sound).max())
    return louder


def _tilt(sound: Samples, tension_db: float) -> Samples:
    """The spectrum tilted between 500 Hz and 5 kHz, in dB per octave, without delay."""
    frequency_hz = np.fft.rfftfreq(2 * len(sound), 1 / SAMPLE_RATE_HZ)
    octaves = np.log2(np.clip(frequency_hz, _TILT_FROM_HZ, _TILT_TO_HZ) / _TILT_FROM_HZ)
    spectrum = np.fft.rfft(sound, 2 * len(sound)) * 10 ** (tension_db * octaves / 20)
    tilted: Samples = np.fft.irfft(spectrum)[: len(sound)]
    return tilted


def _low_pass(sound: Samples, below_hz: float = _ENVELOPE_HZ) -> Samples:
    low: Samples = sosfiltfilt(butter(2, below_hz, fs=SAMPLE_RATE_HZ, output="sos"), sound)
    return low
