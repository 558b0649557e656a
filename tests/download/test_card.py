import itertools
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stccl.download.card import read_card
from stccl.errors import ParamsError
from stccl.params import read_yaml

CARDS = Path(__file__).parents[2] / "datasets"
GOOD = {
    "name": "Mine",
    "licence": "mine",
    "citation": "none",
    "ask": {"steps": ["Ask me."]},
    "pattern": r"(?P<speaker>\w+)/(?P<emotion>\w+)/(?P<sentence>\w+)\.mp4",
    "protocols": {"all": {"about": "x", "words": {"by_id": True}, "split": {"by_speaker": 0.5}}},
}


def read(tmp_path, **changes):
    (tmp_path / "mine").mkdir(exist_ok=True)
    values = {key: value for key, value in (GOOD | changes).items() if value is not None}
    with (tmp_path / "mine" / "card.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(values, file)
    return read_card("mine", tmp_path)


def protocol(**changes):
    return {"all": GOOD["protocols"]["all"] | changes}


def test_a_minimal_card_reads(tmp_path):
    card = read(tmp_path)
    assert card.audio is None
    assert card.emotions[0] == "neutral"
    assert card.protocol("all", "mine").words.of("anyone", "sad", "7") == "7"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licence": None}, "licence: missing"),
        ({"pattren": "x"}, "pattren: unknown key; did you mean pattern?"),
        ({"name": 3}, "name: expected a valid string, got 3"),
        ({"pattern": "("}, r"pattern: expected a regular expression, got '\('"),
        (
            {"pattern": "(?P<speaker>.)"},
            "expected named groups .* got none named emotion, sentence",
        ),
        ({"ask": None}, "expected one of fetch, ask, generate, got none"),
        ({"generate": "a:b"}, "expected one of fetch, ask, generate, got ask and generate"),
        ({"ask": None, "generate": "no colon"}, "generate: expected .*, got 'no colon'"),
        ({"ask": None, "fetch": []}, "fetch: expected|fetch: .*at least 1"),
        (
            {"ask": None, "fetch": [{"url": "file:///etc/passwd"}]},
            "fetch.0.url: .*, got 'file:///etc/passwd'",
        ),
        (
            {"ask": None, "fetch": [{"url": "https://x/a.zip", "sha256": "12"}]},
            "fetch.0.sha256: .*, got '12'",
        ),
        (
            {"audio": "{folder}/x.wav"},
            r"audio: expected groups of pattern in braces, got \['folder",
        ),
        ({"codes": {"mood": {"a": "b"}}}, "codes: expected groups of pattern .*, got mood"),
        ({"codes": {"emotion": {"x": "glad"}}}, "codes.emotion: expected some of .*, got glad"),
        (
            {"codes": {"emotion": {5: "angry"}}},
            "codes.emotion.5: expected text as key, got a number",
        ),
        ({"protocols": {}}, "protocols: "),
        (
            {"protocols": protocol(emotions=["glad"])},
            "protocols.all.emotions: expected .*, got glad",
        ),
        ({"protocols": protocol(words={})}, "expected either `by_id: true` or a list `same`"),
        (
            {"protocols": protocol(words={"by_id": True, "same": ["1"]})},
            "expected either `by_id: true` or a list `same`",
        ),
        ({"protocols": protocol(words={"same": [1]})}, "words.same.0: expected .*, got 1"),
        (
            {
                "protocols": protocol(
                    words={
                        "same": ["1"],
                        "exceptions": [{"speakers": ["a"], "emotion": "sad", "ids": {"2": "3"}}],
                    }
                )
            },
            r"exceptions.ids: expected ids of `same`, got \['3'\]",
        ),
        ({"protocols": protocol(split={})}, "expected lists of speakers or `by_speaker`"),
        ({"protocols": protocol(split={"by_speaker": 1.5})}, "by_speaker: .* less than 1, got 1.5"),
        (
            {"protocols": protocol(split={"metric-train": ["a"], "spfem": ["a"]})},
            "expected every speaker once, got a twice",
        ),
    ],
)
def test_a_bad_card_is_refused_with_the_key_what_was_expected_and_what_came(
    tmp_path, changes, message
):
    with pytest.raises(ParamsError, match=message) as error:
        read(tmp_path, **changes)
    assert "\n" not in str(error.value)
    assert "card.yaml" in str(error.value)


def test_a_dataset_without_a_card_names_those_there_are(tmp_path):
    read(tmp_path)
    with pytest.raises(ParamsError, match=r"datasets.meat: expected one of mine, or write"):
        read_card("meat", tmp_path)


def test_an_unknown_protocol_names_those_there_are(tmp_path):
    with pytest.raises(ParamsError, match=r"mine.protocol: expected one of all, got 'paper'"):
        read(tmp_path).protocol("paper", "mine")


@pytest.mark.parametrize("name", ["mead", "ravdess", "cremad", "folder"])
def test_every_card_of_the_project_reads(name):
    card = read_card(name, CARDS)
    assert "neutral" in card.emotions
    for protocol in card.protocols.values():
        assert "neutral" in protocol.emotions


def test_mead_holds_the_published_speakers_and_sentences():
    paper = read_card("mead", CARDS).protocols["paper"]
    split = paper.split
    men = [speaker for speaker in split.metric_train if speaker[0] == "M"]
    assert len(split.metric_train) == 35
    assert len(men) == 21
    assert split.metric_test == ("W021",)
    assert len(paper.words.exceptions[0].speakers) == 19
    # 36 speakers, 6 emotions, 3 sentences, each matched with the neutral one: 648 published pairs.
    pairs = 0
    speakers = [*split.metric_train, *split.metric_test]
    emotions = [emotion for emotion in paper.emotions if emotion != "neutral"]
    sentences = [f"{number:03d}" for number in range(1, 41)]
    for speaker, emotion in itertools.product(speakers, emotions):
        for source, target in itertools.product(sentences, sentences):
            words = paper.words.of(speaker, emotion, target)
            pairs += bool(words) and words == paper.words.of(speaker, "neutral", source)
    assert pairs == 648
    assert paper.words.of("M005", "disgusted", "028") == "001"
    assert paper.words.of("M005", "disgusted", "001") == ""
    assert paper.words.of("M007", "disgusted", "001") == "001"
    assert paper.words.of("M007", "disgusted", "028") == ""
    assert paper.words.of("M005", "sad", "028") == ""


def test_ravdess_fetches_an_archive_per_actor():
    files = read_card("ravdess", CARDS).fetch
    assert [file.speakers for file in files] == [(f"{actor:02d}",) for actor in range(1, 25)]
    assert all(file.name == f"Video_Speech_Actor_{file.speakers[0]}.zip" for file in files)
    assert all(file.unpack for file in files)


def test_mead_and_cremad_say_what_to_do():
    for name in ("mead", "cremad"):
        steps = " ".join(read_card(name, CARDS).ask.steps)
        assert "params.yaml" in steps
        assert "https://" in steps


def test_cards_hold_nothing_that_reading_drops():
    for name in ("mead", "ravdess", "cremad", "folder"):
        values = read_yaml(CARDS / name / "card.yaml")
        card = read_card(name, CARDS)
        assert set(values) == card.model_fields_set
        assert re.compile(card.pattern)
