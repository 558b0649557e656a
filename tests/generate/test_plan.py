from collections import Counter
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from stccl.clip import Clip
from stccl.download.clip_id import clip_id
from stccl.generate.plan import plan


def make(speaker, emotion, sentence, split, level=1, dataset="mine"):
    return Clip(
        clip=clip_id(dataset, speaker, emotion, level, sentence, ""),
        dataset=dataset,
        speaker=speaker,
        emotion=emotion,
        level=level,
        sentence=sentence,
        take="",
        split=split,
        words=sentence,
        media_path="",
        audio_path="",
        fps=None,
        frames=None,
        duration_s=None,
        sha256="",
    )


def everything(speakers="ABC", emotions=("neutral", "happy", "sad"), sentences="123"):
    return [
        make(speaker, emotion, sentence, "spfem-test" if sentence == "2" else "spfem-train")
        for speaker, emotion, sentence in product(speakers, emotions, sentences)
    ]


def test_every_emotion_is_asked_of_every_speaker_in_both_settings():
    found = plan(everything(), 0)
    assert Counter((m.source.speaker, m.emotion, m.setting) for m in found) == Counter(
        product("ABC", ("neutral", "happy", "sad"), ("intra", "cross"))
    )
    for made in found:
        assert (made.source.emotion == "neutral") == (made.emotion != "neutral")
        assert made.target is not None
        assert (made.target.speaker, made.target.words) == (made.source.speaker, made.source.words)
        assert made.target.emotion == made.emotion


def test_examples_are_training_clips_of_the_right_speaker():
    follows = {"A": "B", "B": "C", "C": "A"}
    for made in plan(everything(), 0):
        assert made.reference.split == "spfem-train"
        assert made.reference.emotion == made.emotion
        whose = {"intra": made.source.speaker, "cross": follows[made.source.speaker]}
        assert made.reference.speaker == whose[made.setting]


def test_the_strongest_example_is_taken():
    clips = [*everything("A"), make("A", "happy", "9", "spfem-train", level=3)]
    (made,) = [m for m in plan(clips, 0) if m.emotion == "happy"]
    assert made.reference.level == 3


def test_what_has_no_example_is_left_out():
    clips = [
        c for c in everything() if (c.speaker, c.emotion, c.split[6:]) != ("B", "sad", "train")
    ]
    sad = {(m.source.speaker, m.setting, m.reference.speaker) for m in plan(clips, 0)
           if m.emotion == "sad"}  # fmt: skip
    assert sad == {("A", "intra", "A"), ("A", "cross", "C"), ("B", "cross", "C"),
                   ("C", "intra", "C"), ("C", "cross", "A")}  # fmt: skip
    assert plan([c for c in clips if c.split == "spfem-train"], 0) == []


@given(st.permutations(everything("AB")), st.integers(0, 3))
def test_the_order_of_the_clips_does_not_matter_and_the_seed_does_only_for_examples(clips, seed):
    found = plan(clips, seed)
    assert found == plan(everything("AB"), seed)
    assert [m.name for m in found] == sorted(m.name for m in found)
    assert len({m.name for m in found}) == len(found)


def test_datasets_do_not_mix():
    other = [make("B", "sad", "1", "spfem-train", dataset="other")]
    assert plan([*everything("A"), *other], 0) == plan(everything("A"), 0)
