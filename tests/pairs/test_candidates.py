from hypothesis import given
from hypothesis import strategies as st

from stccl.pairs.candidates import candidates


def _ids(pairs):
    return [(pair.source.clip, pair.target.clip) for pair in pairs]


def test_the_neutral_reading_meets_every_emotional_one(a_clip):
    neutral = a_clip("neutral")
    targets = [a_clip("angry"), a_clip("angry", level=1), a_clip("happy")]
    found = candidates([*targets, neutral])
    assert _ids(found) == [
        (neutral.clip, clip.clip) for clip in sorted(targets, key=lambda c: c.clip)
    ]
    assert found[0].key == "mead-M003-neutral-1-001~mead-M003-angry-1-001"


def test_only_the_same_words_of_the_same_speaker_in_the_same_split(a_clip):
    neutral = a_clip("neutral")
    strangers = [
        a_clip("angry", speaker="M005"),
        a_clip("angry", dataset="ravdess"),
        a_clip("angry", words="002"),
        a_clip("angry", split="metric-test"),
        a_clip("neutral", take="2"),
    ]
    assert candidates([neutral, *strangers]) == []


def test_unknown_words_are_nobody_elses(a_clip):
    assert candidates([a_clip("neutral", words=""), a_clip("angry", words="")]) == []


def test_words_count_and_not_sentence_ids(a_clip):
    neutral, target = a_clip("neutral", "001"), a_clip("disgusted", "028", words="001")
    assert _ids(candidates([neutral, target])) == [(neutral.clip, target.clip)]


def test_a_take_is_paired_with_its_own_number_where_there_is_one(a_clip):
    neutral = [a_clip("neutral", take=take) for take in ("01", "02")]
    emotional = [a_clip("sad", level=lv, take=t) for lv in (1, 2) for t in ("01", "02", "03")]
    found = candidates([*emotional, *reversed(neutral)])
    assert len(found) == len(emotional)
    for pair in found:
        assert pair.source.take == (pair.target.take if pair.target.take != "03" else "01")


def test_a_counterpart_in_the_same_split_is_preferred_over_the_same_take(a_clip):
    apart = a_clip("neutral", take="01", split="metric-test")
    beside = a_clip("neutral", take="02")
    target = a_clip("sad", take="01")
    assert _ids(candidates([apart, beside, target])) == [(beside.clip, target.clip)]


@given(st.permutations(range(6)))
def test_order_does_not_matter(a_clip, order):
    clips = [a_clip(e, take=t) for e in ("neutral", "sad", "happy") for t in ("1", "2")]
    assert candidates([clips[i] for i in order]) == candidates(clips)


def test_long_names_give_short_keys_that_differ(a_clip):
    neutral = a_clip("neutral", clip="ä" * 110)
    targets = [a_clip("sad", clip="ö" * 110 + end) for end in "ab"]
    keys = {pair.key for pair in candidates([neutral, *targets])}
    assert len(keys) == 2
    assert all(len(key.encode()) <= 200 for key in keys)
