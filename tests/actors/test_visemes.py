"""Every phoneme has a mouth, neighbours share it fairly, and closures are whole."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.actors.expressions import EXPRESSIONS, coefficients, column
from stccl.actors.sentences import SENTENCES
from stccl.actors.utterance import Phoneme
from stccl.actors.visemes import PHONEMES, VISEMES, mouth, visemes_of
from stccl.clip import EMOTIONS
from stccl.errors import ParamsError
from tests.actors.conftest import DEMO_SPEAKERS


def phonemes_of(names: list[str], lengths_s: list[float], stress: int = 0) -> list[Phoneme]:
    ends_s = np.cumsum(lengths_s).tolist()
    starts_s = [0.0, *ends_s]
    return [Phoneme(*of, "word", stress) for of in zip(names, starts_s, ends_s, strict=False)]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_phoneme_of_every_sentence_has_a_viseme(take, sentence):
    for phoneme in take("W003", sentence, "neutral").said.phonemes:
        assert visemes_of(phoneme.name)


def test_all_visemes_are_used_and_known():
    assert {name for names in PHONEMES.values() for name in names} == set(VISEMES)
    for viseme in VISEMES.values():
        assert ((viseme.target() >= 0) & (viseme.target() <= 1)).all()
        assert viseme.jaw_rad <= 0.2
        assert viseme.strengths().min() > 0


def test_an_unknown_phoneme_is_named():
    with pytest.raises(ParamsError, match=r"'x'.*stccl\.actors\.visemes"):
        visemes_of("x")


def test_unknown_expressions_are_refused():
    with pytest.raises(KeyError):
        coefficients({"grin": 0.5})


def test_what_the_lips_do():
    def shape(name: str) -> dict[str, float]:
        return dict(VISEMES[name].expression) | {"jaw": VISEMES[name].jaw_rad}

    assert shape("p")["jaw"] == 0 < shape("p")["lip_presser"]
    assert shape("f")["lip_suck"] > 0.3
    assert shape("w")["lip_pucker"] > shape("oh")["lip_pucker"] > shape("aw")["lip_pucker"]
    assert shape("ee")["lip_stretcher"] > shape("i")["lip_stretcher"] > 0.3
    assert shape("ah")["jaw"] > shape("uh")["jaw"] > shape("e")["jaw"] > shape("s")["jaw"]
    assert shape("th")["tongue_out"] > 0.3
    assert shape("l")["tongue_tip_up"] > 0.5


@settings(deadline=None, max_examples=60)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(sorted(PHONEMES)), st.floats(0.01, 0.5)), min_size=1, max_size=12
    ),
    effort=st.floats(0.5, 1.0),
)
def test_the_mouth_stays_within_what_its_visemes_ask_for(said, effort):
    """A weighted average lies between the least and the most that is averaged."""
    phonemes = phonemes_of([name for name, _ in said], [length for _, length in said])
    times_s = np.linspace(-0.1, phonemes[-1].end_s + 0.1, 80)
    driven = mouth(phonemes, times_s, effort)
    names = [viseme for name, _ in said for viseme in visemes_of(name)]
    asked = np.array(
        [VISEMES[name].target() * (1 if VISEMES[name].closes else 0.85 * effort) for name in names]
    )
    values = np.column_stack([driven.expression, driven.jaw_rad])
    least = asked.min(axis=0)
    least[column("tongue_out")] = 0  # closed lips and teeth hold it back
    assert (values >= least - 1e-12).all()
    assert (values <= asked.max(axis=0) + 1e-12).all()
    np.testing.assert_allclose(driven.weights.sum(axis=1), 1)
    unused = [index for index, name in enumerate(VISEMES) if name not in names]
    assert not driven.weights[:, unused].any()


def test_dominance_as_worked_out_one_by_one():
    """The published equations with loops, for the lips and the jaw of 'b A k'."""
    phonemes = phonemes_of(["b", "a", "k"], [0.08, 0.16, 0.1], stress=2)
    shares = {"lip_stretcher": (35.0, 1.0, 0.3), "jaw": (35.0, 1.0, 0.5)}
    targets = {"lip_stretcher": (0.0, 0.35 * 1.12, 0.0), "jaw": (0.0, 0.17 * 1.12, 0.08 * 1.12)}
    for time_s in (0.02, 0.07, 0.1, 0.16, 0.3):
        driven = mouth(phonemes, np.array([time_s]))
        found = {
            "lip_stretcher": driven.expression[0, column("lip_stretcher")],
            "jaw": driven.jaw_rad[0],
        }
        for movement, strengths in shares.items():
            above = below = 0.0
            for index, strength in enumerate(strengths):
                middle_s, half_s = ((0.04, 0.04), (0.16, 0.08), (0.29, 0.05))[index]
                width_s = half_s + (0.03 if time_s < middle_s else 0.02)
                power = 2.0
                if index == 0:
                    width_s, power = 0.032, 2.5
                dominance = strength * math.exp(-((abs(time_s - middle_s) / width_s) ** power))
                above += dominance * targets[movement][index]
                below += dominance
            assert found[movement] == pytest.approx(above / below)


def test_the_tongue_does_not_show_through_closed_lips():
    phonemes = phonemes_of(["D", "p", "T"], [0.08, 0.08, 0.08])
    driven = mouth(phonemes, np.array([0.04, 0.09, 0.12, 0.15, 0.2]))
    out = driven.expression[:, column("tongue_out")]
    assert out[[0, 4]].min() > 0.2
    assert out[[1, 2, 3]].max() < 0.01


def assert_closes(said, effort=1.0):
    closures = 0
    for phoneme in said.phonemes:
        (name,) = visemes_of(phoneme.name)[:1]
        if not VISEMES[name].closes:
            continue
        closures += 1
        driven = mouth(said.phonemes, phoneme.middle_s + np.linspace(-0.02, 0.02, 9), effort)
        held = "lip_presser" if name == "p" else "lip_suck"
        whole = VISEMES[name].expression[held]
        assert driven.jaw_rad.max() < (0.01 if name == "p" else 0.035), phoneme
        assert driven.expression[:, column(held)].min() > 0.8 * whole, phoneme
        assert driven.expression[:, column("lips_part")].max() < 0.15, phoneme
        assert driven.closure.min() > 0.8
        assert driven.closure[4] > 0.9
    return closures


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lips_close_for_40_ms(take, emotion):
    assert assert_closes(take("W002", "007", emotion).said, effort=1.2) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", DEMO_SPEAKERS)
def test_lips_close_whoever_says_what_and_how(take, name):
    for sentence, emotion in product(SENTENCES, EMOTIONS):
        assert_closes(take(name, sentence, emotion).said, effort=1.2)


def test_names_are_unique():
    assert len(set(EXPRESSIONS)) == len(EXPRESSIONS) == 26
