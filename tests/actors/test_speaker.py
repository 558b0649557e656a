"""A speaker depends on a seed and a name alone, and speakers differ."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.actors.emotions import manner
from stccl.actors.speaker import Speaker
from stccl.actors.voice import voice
from stccl.errors import ParamsError
from tests.actors.conftest import DEMO_SPEAKERS


@pytest.mark.parametrize("name", ["M000", "X001", "M1", "M0001", "m001", "W01a", ""])
def test_refuses_other_names(name):
    with pytest.raises(ParamsError, match="M001 to M999"):
        Speaker(name)


def test_refuses_a_negative_seed():
    with pytest.raises(ParamsError, match="seed -1"):
        Speaker("M001", seed=-1)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**40), trait=st.text("abcdefgh", min_size=1, max_size=8))
@pytest.mark.parametrize("sex", "MW")
def test_the_first_speakers_are_spread_evenly(sex, seed, trait):
    places = [Speaker(f"{sex}{number:03d}", seed).spread(trait) for number in range(1, 9)]
    assert all(0 <= place < 1 for place in places)
    for cells in (2, 4, 8):
        assert {int(place * cells) for place in places[:cells]} == set(range(cells))


def test_traits_seeds_and_names_have_streams_of_their_own():
    draws = {
        (seed, name, trait): Speaker(name, seed).rng(trait).random()
        for seed in (0, 1)
        for name in ("M001", "W001", "M002")
        for trait in ("skin", "voice")
    }
    assert len(set(draws.values())) == len(draws)


def test_the_default_speakers_differ_in_voice_age_and_manner():
    speakers = [Speaker(name) for name in DEMO_SPEAKERS]
    ages = [speaker.age_years for speaker in speakers]
    assert max(ages) - min(ages) > 25
    assert min(abs(a - b) for i, a in enumerate(ages) for b in ages[:i]) > 0.5
    voices = [voice(speaker) for speaker in speakers]
    assert len({own.variant for own in voices}) == len(speakers)
    men = [own.pitch_hz for own in voices if own.variant[0] == "m"]
    women = [own.pitch_hz for own in voices if own.pitch_hz not in men]
    assert max(men) < 135 < 165 < min(women)
    assert len({manner(speaker).gains.tobytes() for speaker in speakers}) == len(speakers)
    assert {manner(speaker).contempt_side for speaker in speakers} == {"left", "right"}
