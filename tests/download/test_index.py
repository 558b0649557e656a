from pathlib import Path

import pytest

from stccl.download.card import read_card
from stccl.download.index import index, walk

CARDS = Path(__file__).parents[2] / "datasets"


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def only(root, name, path):
    make(root, path)
    listed = index(root, read_card(name, CARDS))
    assert len(listed.found) == 1, listed.ignored
    return listed.found[0]


def test_mead_keeps_picture_and_sound_apart(tmp_path):
    found = only(tmp_path, "mead", "M003/video/front/angry/level_3/036.mp4")
    assert (found.speaker, found.emotion, found.level, found.sentence) == (
        "M003", "angry", 3, "036",
    )  # fmt: skip
    assert found.audio == "M003/audio/angry/level_3/036.m4a"


def test_mead_below_a_further_folder_finds_its_sound(tmp_path):
    found = only(tmp_path, "mead", "MEAD/part 1/W021/video/front/neutral/level_1/001.mp4")
    assert found.audio == "MEAD/part 1/W021/audio/neutral/level_1/001.m4a"


def test_ravdess_has_everything_in_seven_digits(tmp_path):
    found = only(tmp_path, "ravdess", "Video_Speech_Actor_12/Actor_12/01-01-06-02-01-02-12.mp4")
    assert (found.speaker, found.emotion, found.level, found.sentence, found.take) == (
        "12", "fear", 2, "01", "02",
    )  # fmt: skip
    assert found.audio == found.media


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        (1, "neutral"),
        (2, "calm"),
        (3, "happy"),
        (4, "sad"),
        (5, "angry"),
        (6, "fear"),
        (7, "disgusted"),
        (8, "surprised"),
    ],
)
def test_ravdess_emotions(tmp_path, code, emotion):
    assert only(tmp_path, "ravdess", f"01-01-{code:02d}-01-01-01-01.mp4").emotion == emotion


def test_ravdess_clips_without_sound_and_songs_are_reported(tmp_path):
    make(
        tmp_path,
        "Actor_01/01-01-01-01-01-01-01.mp4",
        "Actor_01/02-01-01-01-01-01-01.mp4",
        "Actor_01/01-02-01-01-01-01-01.mp4",
    )
    listed = index(tmp_path, read_card("ravdess", CARDS))
    assert len(listed.found) == 1
    assert [(i.count, i.example) for i in listed.ignored] == [
        (2, "Actor_01/01-02-01-01-01-01-01.mp4")
    ]


@pytest.mark.parametrize(("code", "level"), [("LO", 1), ("MD", 2), ("HI", 3), ("XX", 1)])
def test_cremad_names(tmp_path, code, level):
    found = only(tmp_path, "cremad", f"VideoFlash/1001_IEO_ANG_{code}.flv")
    assert (found.speaker, found.sentence, found.emotion, found.level) == (
        "1001", "IEO", "angry", level,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Ann/happy/hello.mp4", ("Ann", "happy", 1, "hello")),
        ("Ann/joy/2/hello.MOV", ("Ann", "happy", 2, "hello")),
        ("Ann/sad/level_3/a b.c.webm", ("Ann", "sad", 3, "a b.c")),
        ("Zoë Ж/neutral/你好.mkv", ("Zoë Ж", "neutral", 1, "你好")),
    ],
)
def test_a_folder_of_ones_own(tmp_path, path, expected):
    found = only(tmp_path, "folder", path)
    assert (found.speaker, found.emotion, found.level, found.sentence) == expected


def test_nothing_is_left_out_silently(tmp_path):
    make(
        tmp_path,
        "A/sad/1.mp4",
        "A/glad/1.mp4",
        "A/glad/2.mp4",
        "A/sad/0/1.mp4",
        "A/sad/99999999999/1.mp4",
        "stray.mp4",
        "A/sad/1.wav",
        "notes.txt",
        "A/sad/._1.mp4",
    )
    listed = index(tmp_path, read_card("folder", CARDS))
    assert [found.media for found in listed.found] == ["A/sad/1.mp4"]
    assert [str(ignored) for ignored in listed.ignored] == [
        "files of a level '0' that is no number from 1: 1, such as A/sad/0/1.mp4",
        "files of a level '99999999999' that is no number from 1: 1, such as "
        "A/sad/99999999999/1.mp4",
        "files of an emotion 'glad' that the card does not know: 2, such as A/glad/1.mp4",
        "sound files that belong to no clip: 1, such as A/sad/1.wav",
        "video files whose path does not fit the pattern: 1, such as stray.mp4",
    ]


def test_only_the_speakers_asked_for_are_found(tmp_path):
    make(tmp_path, "A/sad/1.mp4", "B/sad/1.mp4", "stray.mp4")
    listed = index(tmp_path, read_card("folder", CARDS), ("B",))
    assert [found.speaker for found in listed.found] == ["B"]
    assert [ignored.example for ignored in listed.ignored] == ["stray.mp4"]


def test_links_are_followed_but_not_round_in_circles(tmp_path):
    make(tmp_path, "store/x/sad/1.mp4")
    root = tmp_path / "root"
    make(root, "A/sad/1.mp4")
    (root / "B").symlink_to(tmp_path / "store" / "x")
    (root / "A" / "sad" / "again").symlink_to(root)
    (root / "gone.mp4").symlink_to("nowhere")
    assert list(walk(root)) == ["A/sad/1.mp4", "B/sad/1.mp4"]


def test_a_name_that_is_no_text_is_reported(tmp_path):
    make(tmp_path, "A/sad/1.mp4", "A/sad/\udcff.mp4")
    listed = index(tmp_path, read_card("folder", CARDS))
    assert [found.media for found in listed.found] == ["A/sad/1.mp4"]
    assert str(listed.ignored[0]) == (
        "files whose path is no UTF-8 text: 1, such as A/sad/\\udcff.mp4"
    )


@pytest.mark.real
def test_every_real_clip_is_found_with_its_sound(mead_mini):
    listed = index(mead_mini, read_card("mead", CARDS))
    assert len(listed.found) == 25
    assert listed.ignored == ()
    assert {found.speaker for found in listed.found} == {"M003", "M009", "M012", "M030"}
    assert all((mead_mini / found.audio).is_file() for found in listed.found)
