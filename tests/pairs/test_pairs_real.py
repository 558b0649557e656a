"""Real speech: the paired clips share their sound, other sentences do not."""

from itertools import combinations, product

import ffmpeg
import imageio_ffmpeg
import librosa
import numpy as np
import pytest

from stccl.pairs.path import align_speech

pytestmark = pytest.mark.real
RATE_HZ = 16000


@pytest.fixture(scope="module")
def sounds(mead_mini):
    """By (speaker, emotion, sentence)."""
    found = {}
    for path in sorted(mead_mini.glob("*/audio/*/level_*/*.m4a")):
        decoded, _ = (
            ffmpeg.input(str(path))
            .output("-", format="s16le", ac=1, ar=RATE_HZ)
            .run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True)
        )
        key = (path.parts[-5], path.parts[-3], path.stem)
        found[key] = np.frombuffer(decoded, "<i2").astype(np.float32) / 32768
    return found


@pytest.fixture(scope="module")
def neutral(sounds):
    """By (speaker, sentence)."""
    return {(who, what): s for (who, how, what), s in sounds.items() if how == "neutral"}


def _align(source, target, params):
    times_s = [np.arange(round(len(sound) / RATE_HZ * 25)) / 25 for sound in (source, target)]
    return align_speech(
        source,
        target,
        sample_rate_hz=RATE_HZ,
        source_times_s=times_s[0],
        target_times_s=times_s[1],
        params=params,
    )


def test_every_emotional_clip_is_paired_on_the_diagonal(sounds, neutral, params):
    emotional = {key: sound for key, sound in sounds.items() if key[1] != "neutral"}
    assert len(emotional) == 13
    for (who, _, what), target in emotional.items():
        path = _align(neutral[who, what], target, params)
        assert path.cost < params.max_cost
        off = abs(path.steps[:, 0] - path.steps[:, 1])
        assert (off <= 2).mean() >= 0.95


def test_another_level_and_noise_leave_the_path_on_the_diagonal(neutral, params):
    random = np.random.default_rng(0)
    for sound in neutral.values():
        worse = 0.3 * sound + random.normal(scale=0.0003, size=len(sound)).astype(np.float32)
        path = _align(sound, worse, params)
        assert path.cost < params.max_cost
        assert (abs(path.steps[:, 0] - path.steps[:, 1]) <= 2).mean() >= 0.95


def _other_sentences(neutral):
    return [(a, b) for a, b in combinations(sorted(neutral), 2) if a[0] == b[0] and a[1] != b[1]]


def test_other_sentences_of_the_same_speaker_are_rejected(neutral, params):
    pairs = _other_sentences(neutral)
    assert len(pairs) == 14
    for a, b in pairs:
        assert _align(neutral[a], neutral[b], params).cost > params.max_cost


def test_pauses_do_not_make_other_sentences_alike(neutral, params):
    room = np.random.default_rng(0).normal(scale=1e-4, size=RATE_HZ).astype(np.float32)
    for a, b in _other_sentences(neutral):
        padded = [np.concatenate([room, neutral[key], room]) for key in (a, b)]
        assert _align(*padded, params).cost > params.max_cost


def test_the_same_sentence_read_by_other_people_is_accepted(neutral, params):
    # Harder than another emotion of the same person: another voice, room and tempo.
    pairs = [(a, b) for a, b in combinations(sorted(neutral), 2) if a[1] == b[1]]
    assert len(pairs) == 4
    for a, b in pairs:
        assert _align(neutral[a], neutral[b], params).cost < params.max_cost


@pytest.mark.slow
def test_another_pitch_and_tempo_are_followed(neutral, params):
    for key, (rate, semitones) in product(
        [("M003", "036"), ("M009", "040"), ("M012", "029"), ("M030", "034")],
        [(1.2, 0), (0.85, -3), (1.15, 3)],
    ):
        sound = librosa.effects.time_stretch(neutral[key], rate=rate)
        if semitones:
            sound = librosa.effects.pitch_shift(sound, sr=RATE_HZ, n_steps=semitones)
        path = _align(neutral[key], sound, params)
        assert path.cost < params.max_cost
        off = abs(path.steps[:, 0] - path.steps[:, 1] * rate)
        assert (off <= 3).mean() >= 0.9
