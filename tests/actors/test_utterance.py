"""The sound is where its phonemes say it is, and every emotion takes its own time."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from stccl.actors.sentences import SENTENCES
from stccl.actors.speaker import Speaker
from stccl.actors.timbre import SAMPLE_RATE_HZ
from stccl.actors.utterance import PAUSE, Phoneme, Utterance, say
from stccl.clip import EMOTIONS
from stccl.errors import ParamsError
from tests.actors.conftest import DEMO_SPEAKERS

VOWELS = {"I", "i:", "A@", "O:", "aI", "o@", "0", "E", "eI", "u:", "V", "3:", "aU", "oU", "a"}
STOPS = {"p", "t", "k"}


def level_dbfs(said: Utterance, start_s: float, end_s: float) -> float:
    part = said.samples[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    return float(10 * np.log10(np.mean((part / 32768.0) ** 2)))


def centroid_hz(said: Utterance, phoneme: Phoneme) -> float:
    start, end = (round(t * SAMPLE_RATE_HZ) for t in (phoneme.start_s, phoneme.end_s))
    power = np.abs(np.fft.rfft(said.samples[start:end] / 32768.0)) ** 2
    return float(power @ np.fft.rfftfreq(end - start, 1 / SAMPLE_RATE_HZ) / power.sum())


@pytest.fixture(params=[("M001", "neutral"), ("W002", "fear"), ("W003", "sad"), ("M004", "angry")])
def who_and_how(request):
    return request.param


@pytest.mark.parametrize("sentence", ["001", "003", "005", "010"])
def test_phonemes_cover_the_sound_in_order(take, who_and_how, sentence):
    said = take(who_and_how[0], sentence, who_and_how[1]).said
    assert said.phonemes[0].start_s == 0
    assert said.phonemes[-1].end_s == pytest.approx(len(said.samples) / SAMPLE_RATE_HZ)
    for before, after in pairwise(said.phonemes):
        assert before.end_s == after.start_s
    assert np.diff(said.boundaries_s).min() > 0.004
    assert said.phonemes[0].name == said.phonemes[-1].name == PAUSE
    spoken = [phoneme.word for phoneme in said.phonemes if phoneme.word]
    in_turn = [spoken[0]] + [word for before, word in pairwise(spoken) if word != before]
    assert " ".join(in_turn) + "." == SENTENCES[sentence]


@pytest.mark.parametrize("sentence", ["001", "002", "006", "009"])
def test_the_sound_is_quiet_in_pauses_and_closures_and_loud_in_vowels(take, who_and_how, sentence):
    said = take(who_and_how[0], sentence, who_and_how[1]).said
    margin_s = 0.01
    quiet = [
        level_dbfs(said, said.phonemes[0].start_s, said.phonemes[0].end_s - margin_s),
        level_dbfs(said, said.phonemes[-1].start_s + margin_s, said.phonemes[-1].end_s),
    ]
    # A voiceless stop begins with its closure.
    quiet += [
        level_dbfs(said, phoneme.start_s + 0.004, phoneme.start_s + 0.014)
        for before, phoneme in pairwise(said.phonemes)
        if phoneme.name in STOPS and before.name in VOWELS
    ]
    loud = [level_dbfs(said, p.start_s, p.end_s) for p in said.phonemes if p.name in VOWELS]
    assert len(loud) >= 4
    assert max(quiet) < min(loud) - 15


@pytest.mark.parametrize("sentence", ["002", "003", "011", "012"])
def test_sibilants_hiss_where_they_are_said_to_be(take, who_and_how, sentence):
    said = take(who_and_how[0], sentence, who_and_how[1]).said
    hiss = [centroid_hz(said, p) for p in said.phonemes if p.name in {"s", "S"}]
    sung = [centroid_hz(said, p) for p in said.phonemes if p.name in VOWELS and p.stress == 2]
    assert hiss
    assert min(hiss) > 1.5 * max(sung)


def test_pitch_and_loudness_follow_the_emotion(take):
    import librosa

    def pitch_hz(name: str, emotion: str) -> float:
        sound = take(name, "001", emotion).samples / np.float32(32768)
        found, _, _ = librosa.pyin(sound, fmin=70, fmax=500, sr=SAMPLE_RATE_HZ)
        return float(np.nanmedian(found))

    def loud_dbfs(emotion: str) -> float:
        said = take("M003", "001", emotion).said
        return level_dbfs(said, said.boundaries_s[1], said.boundaries_s[-2])

    assert loud_dbfs("angry") > loud_dbfs("neutral") + 3
    assert loud_dbfs("sad") < loud_dbfs("neutral") - 2
    assert pitch_hz("M003", "fear") > 1.15 * pitch_hz("M003", "neutral")
    assert pitch_hz("M003", "sad") < 0.95 * pitch_hz("M003", "neutral")
    assert pitch_hz("W003", "neutral") > 1.4 * pitch_hz("M003", "neutral")


def durations_s(take, name: str, sentence: str) -> dict[str, float]:
    takes = {emotion: take(name, sentence, emotion) for emotion in EMOTIONS}
    return {e: float(np.ptp(made.said.boundaries_s[1:-1])) for e, made in takes.items()}


def assert_all_differ(found: dict[str, float]) -> None:
    for a, b in combinations(found, 2):
        assert abs(np.log(found[a] / found[b])) > 0.03, (a, b, found)


def test_a_sentence_takes_its_own_time_in_every_emotion(take):
    assert_all_differ(durations_s(take, "W001", "001"))


@pytest.mark.slow
@pytest.mark.parametrize("name", DEMO_SPEAKERS)
def test_every_sentence_takes_its_own_time_in_every_emotion(take, name):
    for sentence in SENTENCES:
        assert_all_differ(durations_s(take, name, sentence))


def word_lengths_s(said: Utterance) -> np.ndarray:
    """In the order of the sentence; its words all differ."""
    words = dict.fromkeys((p.word for p in said.phonemes if p.word), 0.0)
    for phoneme in said.phonemes:
        if phoneme.word:
            words[phoneme.word] += phoneme.end_s - phoneme.start_s
    return np.array(list(words.values()))


def test_time_is_not_stretched_evenly(take):
    """espeak-ng alone stretches the words of a slower sentence within a fifth of each other."""
    calm = word_lengths_s(take("M002", "003", "neutral").said)
    for emotion in ("angry", "fear", "happy", "sad", "surprised"):
        ratio = word_lengths_s(take("M002", "003", emotion).said) / calm
        assert ratio.max() > 1.25 * ratio.min()


def test_levels_go_further_and_further(take):
    spoken_s = [
        np.ptp(take("M001", "002", "sad", level).said.boundaries_s[1:-1]) for level in (1, 2, 3)
    ]
    assert spoken_s == sorted(spoken_s)
    assert spoken_s[2] > 1.15 * spoken_s[0]


@pytest.mark.parametrize(
    ("sentence", "emotion", "level", "named"),
    [
        ("013", "happy", 1, "013"),
        ("001", "calm", 1, "calm"),
        ("001", "happy", 4, "level 4"),
        ("001", "neutral", 2, "level 2"),
    ],
)
def test_refuses_what_there_is_not(sentence, emotion, level, named):
    with pytest.raises(ParamsError, match=named):
        say(Speaker("M001"), sentence, emotion, level)
