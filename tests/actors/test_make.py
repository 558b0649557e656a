"""The actors as files: laid out as MEAD, the same for a seed, and true to what is known of them."""

import hashlib
import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pandas as pd
import pytest

from stccl.actors.edition import Edition
from stccl.actors.make import frame_rate_hz, generate, make_take
from stccl.actors.performance import perform, time_map
from stccl.actors.speaker import Speaker
from stccl.download.card import read_card
from stccl.download.index import index
from stccl.errors import ParamsError
from stccl.runner import InOrder
from stccl.tables.io import read_provenance, read_table
from tests.conftest import ROOT, SPEAKERS

EDITION = {
    "speakers": 1,
    "emotions": ["neutral"],
    "levels": [1],
    "sentences": 1,
    "side_px": 64,
}


def sums(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def clips(takes):
    return sorted(takes.glob("*/video/front/*/level_*/*.mp4"))


def truth(takes, clip, table="frames"):
    emotion, level, sentence = clip.parts[-3], clip.parts[-2][-1], clip.stem
    name = f"{clip.parts[-6]}-{emotion}-{level}-{sentence}.parquet"
    return takes / "truth" / table / name


def sound(takes, clip):
    place = "/".join(clip.parts[-3:])
    path = (takes / clip.parts[-6] / "audio" / place).with_suffix(".m4a")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path]
    raw = subprocess.run(
        [*command, "-f", "f32le", "-ac", "1", "-ar", "16000", "-"], check=True, capture_output=True
    ).stdout
    return np.frombuffer(raw, np.float32)


@pytest.mark.slow
def test_the_card_finds_every_take_and_its_sound(actor_takes):
    card = read_card("actors", ROOT / "datasets")
    found = index(actor_takes, card, "all")
    assert found.ignored == ()
    assert len(found.found) == 8
    assert {clip.speaker for clip in found.found} == set(SPEAKERS)
    assert {(clip.emotion, clip.level) for clip in found.found} == {
        ("neutral", 1),
        ("surprised", 3),
    }
    assert all((actor_takes / clip.audio).is_file() for clip in found.found)


@pytest.mark.slow
def test_picture_sound_and_truth_are_equally_long(actor_takes):
    for clip in clips(actor_takes):
        video = cv2.VideoCapture(str(clip))
        fps = video.get(cv2.CAP_PROP_FPS)
        assert fps == frame_rate_hz(Speaker(clip.parts[-6]))
        rows = read_table(truth(actor_takes, clip), "truth_frames")
        assert len(rows) == video.get(cv2.CAP_PROP_FRAME_COUNT)
        assert rows["time_s"].to_pylist() == pytest.approx(np.arange(len(rows)) / fps)
        assert abs(len(sound(actor_takes, clip)) / 16000 - len(rows) / fps) < 0.1
        spoken = read_table(truth(actor_takes, clip, "phonemes"), "truth_phonemes").to_pylist()
        assert spoken[-1]["end_s"] == pytest.approx(len(rows) / fps, abs=1.01 / fps)


@pytest.mark.slow
def test_the_sound_is_silent_before_and_after_the_words(actor_takes):
    for clip in clips(actor_takes):
        samples = sound(actor_takes, clip)
        spoken = read_table(truth(actor_takes, clip, "phonemes"), "truth_phonemes").to_pylist()
        first, last = (
            next(row for row in rows if row["name"] != "_") for rows in (spoken, spoken[::-1])
        )
        words = samples[int(first["start_s"] * 16000) : int(last["end_s"] * 16000)]
        before = samples[: int((first["start_s"] - 0.03) * 16000)]
        assert np.sqrt(np.mean(before**2)) < 0.1 * np.sqrt(np.mean(words**2))


@pytest.mark.slow
def test_maps_say_when_two_takes_are_at_the_same_moment(actor_takes):
    seed = 0
    maps = pd.read_parquet(actor_takes / "truth" / "maps" / "M003-002.parquet")
    there = maps[maps.source_emotion == "neutral"]
    back = maps[maps.source_emotion == "surprised"]
    assert len(there) + len(back) == len(maps)
    takes = [
        perform(Speaker("M003", seed), "002", emotion, level)
        for emotion, level in (("neutral", 1), ("surprised", 3))
    ]
    knots = time_map(*takes)
    expected = np.interp(there.source_frame / 30, knots[:, 0], knots[:, 1]) * 30
    assert there.target_frame.to_numpy() == pytest.approx(expected)
    # There and back again is where it started.
    returned = np.interp(there.target_frame, back.source_frame, back.target_frame)
    inside = there.target_frame < back.source_frame.max()
    assert returned[inside] == pytest.approx(there.source_frame[inside], abs=0.2)
    # Another emotion takes its own time, and not just a slower one throughout.
    assert np.diff(there.target_frame).std() > 0.03


@pytest.mark.slow
def test_the_true_target_of_a_manipulation_differs_in_the_face_alone(tmp_path):
    take = perform(Speaker("W001", 3), "001", "neutral", 1)
    for shown in (take, take.in_emotion("happy", 3)):
        make_take(tmp_path, shown, 64)
    calm, happy = clips(tmp_path)[::-1]
    assert (calm.parts[-3], happy.parts[-3]) == ("neutral", "happy")
    assert np.array_equal(sound(tmp_path, calm), sound(tmp_path, happy))
    rows = [read_table(truth(tmp_path, c), "truth_frames").to_pydict() for c in (calm, happy)]
    for same in ("time_s", "speech", "visemes", "rotation", "translation"):
        assert rows[0][same] == rows[1][same]
    assert rows[0]["points"] != rows[1]["points"]


def test_a_size_is_told_by_its_speakers_sentences_and_moods():
    edition = Edition.parse(
        {**EDITION, "speakers": 3, "emotions": ["neutral", "sad"], "levels": [1, 3]}, where="x"
    )
    assert edition.speaker_names == ("M001", "W001", "M002")
    assert edition.sentence_ids == ("001",)
    assert edition.moods == (("neutral", 1), ("sad", 1), ("sad", 3))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("speakers", 0, "edition: speakers: expected greater than or equal to 1, got 0"),
        ("sentences", 99, "sentences: expected less than or equal to 12, got 99"),
        ("side_px", 65, "side_px: expected a multiple of 2, got 65"),
        ("levels", [4], r"levels\.0: expected less than or equal to 3, got 4"),
        ("emotions", ["glad"], "actors know no emotion 'glad'; choose from neutral, angry"),
        ("speaker", 1, "speaker: unknown key; did you mean speakers"),
    ],
)
def test_an_impossible_size_is_refused_with_its_key(tmp_path, key, value, message):
    with pytest.raises(ParamsError, match=message):
        generate(tmp_path, "all", {**EDITION, key: value}, 0, InOrder())


def test_an_unknown_speaker_is_refused(tmp_path):
    with pytest.raises(ParamsError, match="no speaker 'P01'; names are M001"):
        generate(tmp_path, ("P01",), EDITION, 0, InOrder())


@pytest.mark.slow
def test_same_seed_same_bytes_whoever_else_is_made(tmp_path):
    generate(tmp_path / "a", ("M002",), EDITION, 1, InOrder())
    generate(tmp_path / "b", ("W001", "M002"), EDITION, 1, InOrder())
    generate(tmp_path / "c", ("M002",), EDITION, 2, InOrder())
    a, b, c = (sums(tmp_path / name) for name in "abc")
    assert len(a) == 5
    assert len(b) == 10
    assert {path: digest for path, digest in b.items() if "M002" in path} == a
    assert a.keys() == c.keys()
    assert not set(a.values()) & set(c.values())


@pytest.mark.slow
def test_what_is_there_is_kept_and_what_is_not_asked_for_goes(tmp_path):
    generate(tmp_path, ("M002", "W001"), EDITION, 0, InOrder())
    before = {path: path.stat().st_mtime_ns for path in clips(tmp_path)}
    assert len(before) == 2
    kept, lost = before
    lost.unlink()
    (tmp_path / ".making-1").mkdir()
    generate(tmp_path, ("M002", "W001"), EDITION, 0, InOrder())
    assert kept.stat().st_mtime_ns == before[kept]
    assert lost.stat().st_mtime_ns != before[lost]
    assert not list(tmp_path.glob(".making-*"))
    generate(tmp_path, ("M002",), EDITION, 0, InOrder())
    assert clips(tmp_path) == [kept]
    assert len(sums(tmp_path)) == 5
    generate(tmp_path, ("M002",), EDITION, 1, InOrder())
    assert kept.stat().st_mtime_ns != before[kept]


@pytest.mark.slow
def test_truth_tells_camera_and_identity(actor_takes):
    of = {
        name: read_provenance(
            truth(actor_takes, next(c for c in clips(actor_takes) if name in c.parts))
        )
        for name in SPEAKERS
    }
    one, other = of.values()
    assert one["camera"]["size_px"] == 256
    assert one["shape"] != other["shape"]
    assert len(one["expressions"]) == 26
