import librosa
import numpy as np
import pytest

from stccl.pairs.features import speech_features

RATE_HZ = 16000


def _features(sound, count=300, coefficients=13):
    return speech_features(
        sound, sample_rate_hz=RATE_HZ, hop_samples=160, coefficients=coefficients, count=count
    )


def test_coefficients_are_those_of_the_textbook(utterance):
    sound = utterance(1, 3.0)
    # The definition, step by step: mel energies in dB, orthonormal cosine transform, no c0.
    spectrum = np.abs(librosa.stft(sound, n_fft=512, hop_length=160, win_length=400)) ** 2
    energy_db = 10 * np.log10(
        np.maximum(librosa.filters.mel(sr=RATE_HZ, n_fft=512, n_mels=26) @ spectrum, 1e-10)
    )
    energy_db = np.maximum(energy_db[:, :300], energy_db[:, :300].max() - 80)
    band = np.arange(26) + 0.5
    cosines = np.sqrt(2 / 26) * np.cos(np.pi / 26 * np.outer(np.arange(1, 14), band))
    expected = cosines @ energy_db
    expected -= expected.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(_features(sound).vectors[:, :13], expected.T, atol=1e-3)


def test_slopes_are_changes_over_50_ms(utterance):
    vectors = _features(utterance(1, 3.0)).vectors
    middle = slice(100, 107)
    for column in range(13):
        around = vectors[103 - 7 : 103 + 8, column]
        fitted = np.polyfit(np.arange(-7, 8) * 0.01, around, 1)[0]
        assert vectors[middle, 13 + column][3] == pytest.approx(0.05 * fitted, abs=1e-6)


@pytest.mark.parametrize("gain", [0.05, 3.0])
def test_loudness_does_not_matter(utterance, gain):
    sound = utterance(1, 3.0)
    np.testing.assert_allclose(_features(gain * sound).vectors, _features(sound).vectors, atol=0.05)


@pytest.mark.parametrize("level", [0.0, 0.5, 1e-30])
@pytest.mark.parametrize("samples", [1, 100, 48000])
def test_a_sound_that_never_changes_is_finite(level, samples):
    found = _features(np.full(samples, level, np.float32))
    assert np.isfinite(found.vectors).all()
    assert found.speech.any()


@pytest.mark.parametrize("seconds", [2.5, 3.0, 3.5])
def test_there_are_as_many_vectors_as_asked_for(utterance, seconds):
    found = _features(utterance(1, seconds), count=300)
    assert found.vectors.shape == (300, 26)
    assert found.speech.shape == (300,)


def test_pauses_are_no_speech(utterance):
    sound = utterance(1, 3.0)
    sound[16000:32000] *= 0.003
    speech = _features(sound).speech
    assert not speech[110:190].any()
    assert speech[:90].mean() > 0.9
