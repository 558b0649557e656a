"""What the words sound like, whoever says them and however: the features that are warped."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# By name and not when first used: on a fresh machine librosa compiles its loops for half a minute,
# which one process then does before it starts others.
from librosa import power_to_db
from librosa.feature import delta, melspectrogram, mfcc

_WINDOW_S = 0.025
# Few, wide mel bands: narrow ones resolve the harmonics of the voice, and pitch is what emotion
# changes most.
_MEL_BANDS = 26
_SLOPE_WINDOW_S = 0.15
_SLOPE_UNIT_S = 0.05
_SPEECH_RANGE_DB = 30.0
_PEAK_PERCENTILE = 95.0


@dataclass(frozen=True)
class SpeechFeatures:
    """Features at a constant step, the first at 0 s.

    Attributes:
        vectors: K×2C: C cepstral coefficients and their C slopes, both in dB.
        speech: K; False where the sound is 30 dB below the loud parts of the utterance.
    """

    vectors: npt.NDArray[np.float64]
    speech: npt.NDArray[np.bool_]


def speech_features(
    sound: npt.NDArray[np.float32],
    *,
    sample_rate_hz: int,
    hop_samples: int,
    coefficients: int,
    count: int,
) -> SpeechFeatures:
    """Mel-frequency cepstral coefficients and their slopes.

    Coefficient 0, the level, is left out and the utterance's mean subtracted, which removes
    loudness, microphone and most of the room. Coefficients are not divided by their deviation: it
    would lift the high ones, which carry pitch and noise, to the weight of the low ones, which
    carry the vowels. The slope is the change over 50 ms, fitted over 150 ms.

    Args:
        sound: Samples in [-1, 1].
        sample_rate_hz: Samples per second.
        hop_samples: Step between vectors, in samples.
        coefficients: C.
        count: K, the number of vectors. Sound beyond is left out; where it ends before, its last
            vector is repeated.

    Source:
        Davis and Mermelstein, IEEE Trans. ASSP 28 (4), 1980; slopes: Furui, IEEE Trans. ASSP
        34 (1), 1986.
    """
    window = round(_WINDOW_S * sample_rate_hz)
    power = melspectrogram(
        y=sound,
        sr=sample_rate_hz,
        n_fft=1 << (window - 1).bit_length(),
        win_length=window,
        hop_length=hop_samples,
        n_mels=_MEL_BANDS,
    )
    power = _exactly(power.astype(np.float64), count)
    # The logarithm's floor is absolute; a quiet recording must not come closer to it.
    power /= max(power.max(), np.finfo(np.float64).tiny)
    cepstrum = mfcc(S=power_to_db(power), n_mfcc=coefficients + 1)[1:]
    cepstrum -= cepstrum.mean(axis=1, keepdims=True)
    slope = delta(
        cepstrum, width=_odd(_SLOPE_WINDOW_S * sample_rate_hz / hop_samples), mode="nearest"
    )
    slope *= _SLOPE_UNIT_S * sample_rate_hz / hop_samples
    level_db = power_to_db(power.sum(axis=0))
    loud_db = np.percentile(level_db, _PEAK_PERCENTILE)
    return SpeechFeatures(np.vstack([cepstrum, slope]).T, level_db >= loud_db - _SPEECH_RANGE_DB)


def _exactly(power: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    missing = max(0, count - power.shape[1])
    return np.pad(power[:, :count], ((0, 0), (0, missing)), mode="edge")


def _odd(length: float) -> int:
    """The odd number of steps, 3 at least, nearest to a length."""
    return max(3, 2 * round((length - 1) / 2) + 1)
