"""What an emotion moves, how strongly, and when."""

import numpy as np
import pytest

from stccl.actors.emotions import JAW, feel, manner
from stccl.actors.expressions import EXPRESSIONS, column
from stccl.actors.speaker import Speaker
from stccl.clip import EMOTIONS
from stccl.errors import ParamsError
from tests.actors.conftest import DEMO_SPEAKERS

# Main action units of EMFACS, as columns' names.
MARKS = {
    "angry": {"brow_lowerer", "upper_lid_raiser", "lid_tightener", "lip_tightener"},
    "disgusted": {"nose_wrinkler", "upper_lip_raiser"},
    "fear": {"inner_brow_raiser", "outer_brow_raiser", "brow_lowerer", "upper_lid_raiser",
             "lid_tightener", "lip_stretcher"},
    "happy": {"cheek_raiser", "lip_corner_puller_right", "lip_corner_puller_left"},
    "sad": {"inner_brow_raiser", "brow_lowerer", "lip_corner_depressor", "chin_raiser"},
    "surprised": {"inner_brow_raiser", "outer_brow_raiser", "upper_lid_raiser"},
}  # fmt: skip


def feeling(name="W001", emotion="happy", level=3):
    return feel(Speaker(name), "001", emotion, level, (0.3, 2.0), 2.4)


@pytest.mark.parametrize("emotion", MARKS)
def test_the_units_of_each_emotion(emotion):
    for name in DEMO_SPEAKERS:
        felt = feeling(name, emotion).at(np.array([1.2]))[0, :JAW]
        strong = {EXPRESSIONS[index] for index in np.flatnonzero(felt > 0.2)}
        assert MARKS[emotion] <= strong, (name, MARKS[emotion] - strong)
        assert len(strong - MARKS[emotion]) <= 6


def test_contempt_is_on_one_side():
    for name in DEMO_SPEAKERS:
        felt = feeling(name, "contempt").at(np.linspace(0, 2.4, 40))
        sides = {
            side: felt[:, [column(f"lip_corner_puller_{side}"), column(f"dimpler_{side}")]]
            for side in ("right", "left")
        }
        own = manner(Speaker(name)).contempt_side
        assert sides.pop(own).max(axis=0).min() > 0.35
        assert not next(iter(sides.values())).any()


def test_a_calm_face_hardly_moves_but_is_not_frozen():
    felt = feeling(emotion="neutral", level=1).at(np.linspace(0, 2.4, 60))
    assert 0 < felt.max() < 0.06


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "neutral"])
def test_levels_scale_the_whole_face(emotion):
    once, twice, whole = (
        feeling("M002", emotion, level).at(np.array([1.2])).sum() for level in (1, 2, 3)
    )
    assert 0.3 < once / whole < 0.52
    assert 0.6 < twice / whole < 0.85


def test_it_comes_before_speech_and_goes_after_it():
    course = feeling("M001", "happy").at(np.linspace(0, 2.4, 241))[:, column("cheek_raiser")]
    apex = course[60:190].min()
    assert course[0] < 0.75 * apex
    assert course[-1] < 0.95 * apex
    assert np.abs(np.diff(course)).max() < 0.05


def test_brows_lead_the_mouth():
    times_s = np.linspace(0, 1, 201)
    leads_s = []
    for number in range(1, 41):
        course = feeling(f"W{number:03d}", "surprised", 1).at(times_s)
        brow, lips = (
            times_s[np.argmax(part >= 0.7 * part[-1])]
            for part in course[:, [column("inner_brow_raiser"), column("lips_part")]].T
        )
        leads_s.append(lips - brow)
    assert 0.05 < np.mean(leads_s) < 0.12


def test_everything_is_in_range_for_any_speaker():
    times_s = np.linspace(-0.5, 3, 100)
    for number in range(1, 40):
        for emotion in ("surprised", "disgusted", "sad"):
            felt = feeling(f"M{number:03d}", emotion).at(times_s)
            assert felt.min() >= 0
            assert felt[:, :JAW].max() <= 1
            assert felt[:, JAW].max() < 0.25


def test_speakers_show_it_in_their_own_way():
    faces = [feeling(name, "happy").apex for name in DEMO_SPEAKERS]
    distances = [np.abs(a - b).sum() for i, a in enumerate(faces) for b in faces[:i]]
    assert min(distances) > 0.05


@pytest.mark.parametrize(("emotion", "level"), [("bored", 1), ("happy", 0), ("neutral", 3)])
def test_refuses_what_there_is_not(emotion, level):
    with pytest.raises(ParamsError, match=emotion):
        feeling(emotion=emotion, level=level)
