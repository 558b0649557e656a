"""A take can be asked at any moment, in any emotion, and knows its time in every other take."""

from itertools import permutations

import numpy as np
import pytest

from stccl.actors.expressions import column
from stccl.actors.performance import WIDEST_JAW_RAD, perform, time_map
from stccl.actors.sentences import SENTENCES
from stccl.actors.speaker import Speaker
from stccl.actors.visemes import VISEMES, visemes_of
from stccl.clip import EMOTIONS
from stccl.errors import ParamsError
from tests.actors.conftest import DEMO_SPEAKERS


def test_the_same_arguments_give_the_same_take(take):
    first, again = take("M002", "001", "happy"), perform(Speaker("M002"), "001", "happy", 3)
    assert first.phonemes == again.phonemes
    np.testing.assert_array_equal(first.samples, again.samples)
    times_s = first.frame_times_s(25)
    for a, b in zip(first.at(times_s), again.at(times_s), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_moment_does_not_depend_on_the_others_asked_for(take):
    made = take("W001", "002", "fear")
    times_s = made.frame_times_s(30)
    together = made.at(times_s)
    for index in (0, 7, len(times_s) - 1):
        for whole, one in zip(together, made.at(times_s[index : index + 1]), strict=True):
            np.testing.assert_allclose(whole[index], one[0], atol=1e-6)


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("name", ["M001", "W004"])
def test_everything_is_in_range_and_shaped_as_said(take, name, emotion):
    made = take(name, "009", emotion)
    times_s = made.frame_times_s(25)
    assert len(times_s) == int(len(made.samples) / made.sample_rate_hz * 25)
    motion = made.at(times_s)
    frames = len(times_s)
    shapes = [(26,), (3,), (2, 3), (3,), (3,), (len(VISEMES),), (27,), (27,)]
    assert [value.shape for value in motion] == [(frames, *shape) for shape in shapes]
    for value in motion:
        assert value.dtype == np.float32
        assert np.isfinite(value).all()
    for coefficients in (motion.expression, motion.visemes, motion.speech, motion.action_units):
        assert coefficients.min() >= 0
        assert coefficients.max() <= 1 + 1e-6
    assert motion.jaw[:, 0].min() >= 0
    assert motion.jaw[:, 0].max() <= WIDEST_JAW_RAD
    assert motion.jaw[:, 0].max() > 0.08
    assert not motion.jaw[:, 1:].any()
    np.testing.assert_allclose(motion.visemes.sum(axis=1), 1, atol=1e-5)


def test_the_mouth_is_at_rest_before_and_after_speech(take):
    made = take("M003", "001", "neutral")
    motion = made.at(np.array([0.0, made.duration_s]))
    assert motion.jaw[:, 0].max() < 0.003
    assert motion.visemes[:, list(VISEMES).index("rest")].min() > 0.95


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "angry"])
def test_the_same_take_in_another_emotion(take, emotion):
    made = take("W002", "004", "angry")
    level = 1 if emotion == "neutral" else 3
    other = made.in_emotion(emotion, level)
    assert (other.emotion, other.level) == (emotion, level)
    assert other.samples is made.samples
    assert other.phonemes == made.phonemes
    times_s = made.frame_times_s(25)
    here, there = made.at(times_s), other.at(times_s)
    for field in ("speech", "visemes", "eyes", "rotation", "translation"):
        np.testing.assert_array_equal(getattr(here, field), getattr(there, field))
    assert np.abs(here.action_units - there.action_units).max() > 0.3
    assert np.abs(here.expression - there.expression).max() > 0.3
    back = other.in_emotion("angry", 3).at(times_s)
    for a, b in zip(here, back, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize(("name", "sentence"), [("W001", "001"), ("M004", "003"), ("W002", "007")])
def test_closures_are_kept_whatever_is_felt(take, name, sentence, emotion):
    made = take(name, sentence, emotion)
    for felt in ("surprised", "happy", "disgusted"):
        face = made.in_emotion(felt, 3)
        for phoneme in face.said.phonemes:
            if visemes_of(phoneme.name) == ("p",):
                motion = face.at(np.array([phoneme.middle_s]))
                assert motion.jaw[0, 0] < 0.02
                assert motion.expression[0, column("lips_part")] < 0.1
                assert motion.expression[0, column("lip_presser")] > 0.5


def test_emotion_and_speech_share_the_mouth(take):
    """A happy 'oh' is spread, a neutral one is not, and both are round."""
    made = take("M001", "007", "neutral")
    (round_,) = [p for p in made.said.phonemes if p.name == "oU"]
    at = np.array([round_.start_s + 0.25 * (round_.end_s - round_.start_s)])
    calm, happy = made.at(at).expression[0], made.in_emotion("happy", 3).at(at).expression[0]
    puller, funneler = column("lip_corner_puller_left"), column("lip_funneler")
    assert calm[puller] < 0.05
    assert 0.25 < happy[puller] < made.in_emotion("happy", 3).at(at).action_units[0, puller]
    assert 0.15 < happy[funneler] < calm[funneler]


def test_blinking_lids_are_not_raised(take):
    for sentence in SENTENCES:
        made = take("W002", sentence, "fear")
        motion = made.at(np.arange(0, made.duration_s, 0.01))
        closed = motion.expression[:, column("blink_left")] > 0.97
        if closed.any():
            assert motion.expression[closed, column("upper_lid_raiser")].max() < 0.05
            return
    pytest.fail("nobody blinks")


@pytest.mark.parametrize(("source", "target"), [*permutations(["neutral", "sad", "fear"], 2)])
def test_time_maps_are_monotone_and_lead_back(take, source, target):
    a, b = take("W003", "006", source), take("W003", "006", target)
    there, back = time_map(a, b), time_map(b, a)
    assert (np.diff(there, axis=0) > 0).all()
    np.testing.assert_array_equal(there[:, ::-1], back)
    assert there[0].tolist() == [0, 0]
    np.testing.assert_allclose(there[-1], [a.duration_s, b.duration_s])
    times_s = np.linspace(0, a.duration_s, 500)
    returned = np.interp(np.interp(times_s, *there.T), *back.T)
    np.testing.assert_allclose(returned, times_s, atol=1e-9)


def test_time_maps_lead_from_phoneme_to_phoneme(take):
    a, b = take("M001", "005", "neutral"), take("M001", "005", "surprised")
    knots = time_map(a, b)
    for here, there in zip(a.phonemes, b.phonemes, strict=True):
        middle_s = np.interp((here.start_s + here.end_s) / 2, *knots.T)
        assert there.start_s < middle_s < there.end_s
        assert (here.name, here.word, here.viseme) == (there.name, there.word, there.viseme)


def test_takes_of_two_sentences_have_no_map(take):
    with pytest.raises(ParamsError, match=r"001 of W004.*002 of W004"):
        time_map(take("W004", "001", "sad"), take("W004", "002", "sad"))


@pytest.mark.slow
@pytest.mark.parametrize("name", DEMO_SPEAKERS)
def test_every_sentence_has_the_same_phonemes_in_every_emotion(take, name):
    for sentence in SENTENCES:
        calm = take(name, sentence, "neutral")
        for emotion in EMOTIONS[1:]:
            assert (np.diff(time_map(calm, take(name, sentence, emotion)), axis=0) > 0).all()
