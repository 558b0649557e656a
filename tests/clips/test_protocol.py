import itertools
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stccl.actors.edition import Edition
from stccl.clip import Clip
from stccl.clips.protocol import assign, count_pairs
from stccl.download.card import ProtocolCard, read_card
from stccl.download.clip_id import clip_id

CARDS = Path(__file__).parents[2] / "datasets"


def make(speaker, emotion, sentence, level=1, take="", dataset="mine"):
    return Clip(
        clip=clip_id(dataset, speaker, emotion, level, sentence, take),
        dataset=dataset,
        speaker=speaker,
        emotion=emotion,
        level=level,
        sentence=sentence,
        take=take,
        split="",
        words="",
        media_path=f"{speaker}/{emotion}/{level}/{sentence}{take}",
        audio_path="",
        fps=None,
        frames=None,
        duration_s=None,
        sha256="",
    )


def protocol(split, words=None, **more):
    values = {"about": "x", "words": words or {"by_id": True}, "split": split} | more
    return ProtocolCard.parse(values, where="test")


def slow_pairs(clips):
    """Counted pair by pair."""
    return Counter(
        source.split
        for source, target in itertools.product(clips, clips)
        if source.emotion == "neutral" != target.emotion
        and source.words == target.words != ""
        and source.speaker == target.speaker
        and source.split == target.split
        and source.dataset == target.dataset
    )


CLIPS = st.lists(
    st.builds(
        make,
        st.sampled_from("ABCDEFG"),
        st.sampled_from(["neutral", "sad", "happy", "calm"]),
        st.sampled_from("123"),
        st.sampled_from([1, 2]),
        st.sampled_from(["", "1"]),
    ),
    unique_by=lambda clip: clip.clip,
    max_size=40,
)
SPFEM = protocol({"spfem": list("ABCDEFG"), "spfem_test_fraction": 0.3})
BY_SPEAKER = protocol({"spfem": ["A"], "by_speaker": 0.3})


@given(CLIPS, st.integers(0, 5))
def test_pairs_are_counted_as_one_would_by_hand(clips, seed):
    assigned = assign(clips, BY_SPEAKER, seed)
    assert count_pairs(assigned) == slow_pairs(assigned)


@given(CLIPS, st.integers(0, 5))
def test_no_speaker_is_both_trained_and_tested_on(clips, seed):
    splits = {}
    for clip in assign(clips, BY_SPEAKER, seed):
        splits.setdefault(clip.split, set()).add(clip.speaker)
    train, test = splits.get("metric-train", set()), splits.get("metric-test", set())
    assert not train & test
    assert "A" not in train | test
    able = {
        source.speaker
        for source, target in itertools.product(clips, clips)
        if source.emotion == "neutral"
        and target.emotion in ("sad", "happy")
        and (source.speaker, source.sentence) == (target.speaker, target.sentence)
    } - {"A"}
    assert len(test) == (max(1, round(0.3 * len(able))) if able else 0)
    assert test <= able


@given(CLIPS, CLIPS, st.integers(0, 5))
def test_adding_clips_changes_no_other_clips_split(clips, more, seed):
    alone = {clip.clip: clip.split for clip in assign(clips, SPFEM, seed)}
    new = [clip for clip in more if clip.clip not in alone]
    together = {clip.clip: clip.split for clip in assign([*new, *clips], SPFEM, seed)}
    assert all(together[name] == split for name, split in alone.items())


@given(CLIPS, st.randoms())
def test_the_order_of_the_clips_does_not_matter(clips, random):
    mixed = random.sample(clips, len(clips))
    for rule in (SPFEM, BY_SPEAKER):
        one = {clip.clip: clip for clip in assign(clips, rule, 1)}
        assert {clip.clip: clip for clip in assign(mixed, rule, 1)} == one


def test_one_clip_in_ten_is_a_test_clip_and_the_seed_says_which():
    clips = [make("A", "sad", str(i)) for i in range(4000)]
    rule = protocol({"spfem": ["A"]})
    tests = {clip.clip for clip in assign(clips, rule, 1) if clip.split == "spfem-test"}
    assert abs(len(tests) - 400) < 80  # four standard deviations of a binomial
    others = {clip.clip for clip in assign(clips, rule, 2) if clip.split == "spfem-test"}
    assert len(tests & others) < 80


def test_test_sentences_are_heard_by_no_training_clip():
    rule = protocol({"spfem": ["A"], "spfem_test_sentences": ["2"], "spfem_test_fraction": 0.9})
    clips = [make("A", emotion, str(i)) for emotion in ("neutral", "sad") for i in range(40)]
    splits = {clip.clip: clip.split for clip in assign(clips, rule, 0)}
    tests = {name for name, split in splits.items() if split == "spfem-test"}
    assert tests == {clip.clip for clip in clips if clip.sentence == "2"}
    assert {*splits.values()} == {"spfem-train", "spfem-test"}


def test_where_the_held_out_are_named_nobody_else_has_to_be():
    clips = [make(who, emotion, "1") for who in "ABCD" for emotion in ("neutral", "sad")]
    rule = protocol({"metric-test": ["B"], "spfem": ["C"], "by_speaker": 0})
    assigned = assign(clips, rule, 0)
    assert {clip.speaker: clip.split.removesuffix("-test") for clip in assigned} | {
        "C": "spfem"
    } == {"A": "metric-train", "B": "metric", "C": "spfem", "D": "metric-train"}


def test_actors_of_every_edition_have_every_role():
    card = read_card("actors", CARDS)
    for name in card.editions:
        edition = Edition.parse(card.edition(name, "actors"), where=name)
        clips = [
            make(speaker, emotion, sentence, level, dataset="actors")
            for speaker in edition.speaker_names
            for sentence in edition.sentence_ids
            for emotion, level in edition.moods
        ]
        pairs = count_pairs(assign(clips, card.protocols["speakers"], 42))
        assert pairs.keys() == {"metric-train", "metric-test", "spfem-train", "spfem-test"}, name


def test_unused_emotions_and_levels_have_neither_split_nor_words():
    rule = protocol({"metric-train": ["A"]}, levels=[3], emotions=["neutral", "sad"])
    clips = [
        make("A", "neutral", "1"),
        make("A", "sad", "1", 3),
        make("A", "sad", "1", 2),
        make("A", "happy", "1", 3),
        make("B", "sad", "1", 3),
    ]
    assert [(clip.split, clip.words) for clip in assign(clips, rule, 0)] == [
        ("metric-train", "1"),
        ("metric-train", "1"),
        ("unused", ""),
        ("unused", ""),
        ("unused", "1"),
    ]


def all_of_mead(speakers):
    for speaker, emotion in itertools.product(speakers, read_card("mead", CARDS).emotions):
        for level in (1,) if emotion == "neutral" else (1, 2, 3):
            for sentence in range(1, 31):
                yield make(speaker, emotion, f"{sentence:03d}", level, dataset="mead")


def test_mead_has_the_published_pairs_under_its_paper_protocol():
    rule = read_card("mead", CARDS).protocols["paper"]
    metric = [*rule.split.metric_train, *rule.split.metric_test]
    assert len(metric) == 36
    clips = assign(list(all_of_mead([*metric, "M003", "W029", "M013"])), rule, 42)
    pairs = count_pairs(clips)
    assert pairs["metric-train"] == 35 * 18
    assert pairs["metric-test"] == 18
    assert pairs["metric-train"] + pairs["metric-test"] == 648
    disgusted = {
        (clip.sentence, clip.words)
        for clip in clips
        if clip.speaker == "M005" and clip.emotion == "disgusted" and clip.words
    }
    assert disgusted == {("028", "001"), ("029", "002"), ("030", "003")}
    used = {clip.split for clip in clips if clip.speaker in ("M003", "W029")}
    assert used == {"spfem-train", "spfem-test", "unused"}  # unused: contempt, weaker levels
    assert {clip.split for clip in clips if clip.speaker == "M013"} == {"unused"}


def all_of_ravdess():
    names = read_card("ravdess", CARDS).emotions
    for actor, emotion, sentence, take in itertools.product(range(1, 25), names, "12", "12"):
        for level in (1,) if emotion == "neutral" else (1, 2):
            yield make(f"{actor:02d}", emotion, f"0{sentence}", level, f"0{take}", "ravdess")


def test_ravdess_has_1440_clips_and_its_calm_ones_are_in_no_split():
    card = read_card("ravdess", CARDS)
    clips = list(all_of_ravdess())
    assert len(clips) == 1440
    paper = assign(clips, card.protocols["paper"], 42)
    assert {clip.speaker for clip in paper if clip.split != "unused"} == {
        f"0{actor}" for actor in range(1, 7)
    }
    metric = assign(clips, card.protocols["metric"], 42)
    held_out = {clip.speaker for clip in metric if clip.split == "metric-test"}
    trained = {clip.speaker for clip in metric if clip.split == "metric-train"}
    assert len(held_out) == 3
    assert len(trained) == 15
    for assigned in (paper, metric):
        assert {clip.split for clip in assigned if clip.emotion == "calm"} == {"unused"}
    # 2 sentences × 2 neutral takes × 6 emotions × 2 levels × 2 takes, of each of 18 actors
    assert count_pairs(metric)["metric-train"] == 15 * 2 * 2 * 6 * 2 * 2
