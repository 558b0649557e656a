"""Every kind of bad file costs its clip and says so; good ones come out right."""

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stccl.clip import Clip
from stccl.errors import ClipRejected
from stccl.extract.container import Container
from stccl.extract.params import ExtractParams
from stccl.extract.sound import decode_sound, read_sound
from stccl.extract.stage import STAGE, _check_complete, process
from stccl.fingerprint import file_sha256
from stccl.perclip import Outputs
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table, write_table

from .conftest import H264, counting, ffmpeg, number_of, tone

PARAMS = ExtractParams(
    frame_rate_hz=25.0,
    sample_rate_hz=16000,
    min_side_px=64,
    min_frames=9,
    max_duration_s=4.0,
    max_sound_gap_s=0.5,
)


def clip_of(media: Path, audio: Path | None = None) -> Clip:
    return Clip(
        clip="test-A-neutral-1-001",
        dataset="test",
        speaker="A",
        emotion="neutral",
        level=1,
        sentence="001",
        take="",
        split="unused",
        words="",
        media_path=str(media),
        audio_path=str(audio or media),
        fps=None,
        frames=None,
        duration_s=None,
        sha256="",
    )


def extract(data: Path, clip: Clip, params: ExtractParams = PARAMS) -> None:
    with Outputs(data, clip.clip, {}) as out:
        process(clip, data, params, out)


def rejection(tmp_path: Path, media: Path, audio: Path | None = None) -> ClipRejected:
    with pytest.raises(ClipRejected) as caught:
        extract(tmp_path / "data", clip_of(media, audio))
    assert not list((tmp_path / "data").rglob("*.*")), "a rejected clip leaves no file"
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_good_clip(tmp_path, media):
    data = tmp_path / "data"
    clip = clip_of(media / "good.mp4")
    extract(data, clip)
    table = read_table(data / "frames" / f"{clip.clip}.parquet", "frames")
    assert table["frame"].to_pylist() == list(range(25))
    assert table["time_s"].to_pylist() == [k / 25 for k in range(25)]
    np.testing.assert_allclose(table["source_time_s"], np.arange(25) / 25, atol=1e-5)
    with FrameReader(data / "frames" / f"{clip.clip}.parquet", "frames") as frames:
        assert [number_of(image) for image in frames] == list(range(25))
        assert frames[0].shape == (96, 64, 3)
    assert abs(len(read_sound(data, clip.clip)) / 16000 - 1) < 0.03


def test_every_sample_of_the_sound_is_kept(tmp_path):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 2.5), *tone(2.5), *H264, "-c:a", "aac", path)
    clip = clip_of(path)
    extract(tmp_path / "data", clip)
    expected = decode_sound(path, path, 16000, 9.0).samples
    np.testing.assert_array_equal(read_sound(tmp_path / "data", clip.clip) * 32768, expected)
    blocks = read_table(tmp_path / "data" / "audio" / f"{clip.clip}.parquet", "audio")
    lengths = [len(samples) for samples in blocks["samples"]]
    assert blocks["start_sample"].to_pylist() == [0, *np.cumsum(lengths)[:-1]]


def test_paths_are_relative_to_the_folder_above_the_data(media, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = media.parent / "data-of-this-test"
    extract(data, clip_of(Path("media/good.mp4")))
    shutil.rmtree(data)


def test_the_same_clip_twice_gives_the_same_bytes(tmp_path, media):
    clip = clip_of(media / "silent.mp4", media / "sound.m4a")
    for run in ("a", "b"):
        extract(tmp_path / run, clip)
    for table in STAGE.outputs:
        name = f"{table}/{clip.clip}.parquet"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    "name", ["Über — 微笑 😀 it's 100%.mp4", f"{'n' * 250}.mp4", "a:b?#%03d.mp4"]
)
def test_strange_file_names(tmp_path, media, name):
    path = tmp_path / name
    shutil.copy(media / "good.mp4", path)
    extract(tmp_path / "data", clip_of(path))


def test_the_longest_clip_id_a_file_system_takes(tmp_path, media):
    clip = replace(clip_of(media / "good.mp4"), clip="i" * (255 - len(".parquet")))
    extract(tmp_path / "data", clip)


@pytest.mark.parametrize("suffix", ["mp4", "ts"])  # the clock of a ts does not start at zero
def test_late_picture_starts_with_its_first_picture(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    ffmpeg("-itsoffset", "0.4", *counting("25", 1), *tone(1.4), *H264, "-c:a", "aac", path)
    clip = clip_of(path)
    extract(tmp_path / "data", clip)
    with FrameReader(tmp_path / "data" / "frames" / f"{clip.clip}.parquet", "frames") as frames:
        shown = [number_of(image) for image in frames]
    # In a ts the sound begins some milliseconds before the time it was given.
    waiting = len(shown) - 25
    assert waiting == 10 or (suffix == "ts" and waiting == 11)
    assert shown == [0] * waiting + list(range(25))


def test_empty_file(tmp_path):
    (tmp_path / "clip.mp4").touch()
    assert rejection(tmp_path, tmp_path / "clip.mp4").reason == "empty_file"


def test_missing_file(tmp_path):
    assert rejection(tmp_path, tmp_path / "clip.mp4").reason == "missing_file"


def test_missing_sound_file(tmp_path, media):
    found = rejection(tmp_path, media / "silent.mp4", tmp_path / "sound.m4a")
    assert found.reason == "missing_sound_file"


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    found = rejection(tmp_path, tmp_path / "clip.mp4")
    assert (found.reason, found.detail) == ("unreadable_file", "clip.mp4: Is a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path, media):
    path = tmp_path / "clip.mp4"
    shutil.copy(media / "good.mp4", path)
    path.chmod(0)
    assert rejection(tmp_path, path).reason == "unreadable_file"


def test_a_file_that_may_not_be_read_whoever_asks(tmp_path, media, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    found = rejection(tmp_path, media / "good.mp4")
    assert (found.reason, found.detail) == ("unreadable_file", "good.mp4: Permission denied")


@pytest.mark.parametrize(
    "content", [b"this is a letter\n", b"%PDF-1.7 ...", bytes(range(256)) * 40]
)
def test_wrong_extension(tmp_path, content):
    (tmp_path / "clip.mp4").write_bytes(content)
    assert rejection(tmp_path, tmp_path / "clip.mp4").reason == "not_a_video"


def test_still_image(tmp_path):
    ffmpeg(*counting("25", 0.04), "-frames:v", "1", tmp_path / "image.png")
    (tmp_path / "image.png").rename(tmp_path / "clip.mp4")
    assert rejection(tmp_path, tmp_path / "clip.mp4").reason == "not_a_video"


def test_a_video_may_have_any_name(tmp_path, media):
    shutil.copy(media / "good.mp4", tmp_path / "clip.txt")
    extract(tmp_path / "data", clip_of(tmp_path / "clip.txt"))


def test_sound_without_picture(tmp_path, media):
    assert rejection(tmp_path, media / "sound.m4a").reason == "no_video_stream"


def test_picture_without_sound(tmp_path, media):
    assert rejection(tmp_path, media / "silent.mp4").reason == "no_sound"


def test_sound_file_without_sound(tmp_path, media):
    assert rejection(tmp_path, media / "good.mp4", media / "silent.mp4").reason == "no_sound"


def test_sound_file_that_is_none(tmp_path, media):
    (tmp_path / "sound.m4a").write_bytes(b"not sound")
    assert rejection(tmp_path, media / "good.mp4", tmp_path / "sound.m4a").reason == "no_sound"


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("index", ["+faststart", "0"])
def test_truncated(tmp_path, kept, suffix, index):
    path = tmp_path / f"clip.{suffix}"
    noise = ("-f", "lavfi", "-i", "testsrc2=s=64x96:r=25:d=3,noise=alls=40")
    ffmpeg(*noise, *tone(3), *H264, "-c:a", "aac", "-movflags", index, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert rejection(tmp_path, path).reason == "truncated"


@pytest.mark.parametrize(("found_s", "whole"), [(2.8, True), (2.7, False)])
def test_a_quarter_of_a_second_may_be_missing(found_s, whole):
    declared = Container("mov", duration_s=3.0)
    with nullcontext() if whole else pytest.raises(ClipRejected, match=r"3\.00 s .* 2\.70 s"):
        _check_complete(Path("clip.mp4"), declared, found_s)


def test_truncated_sound_file(tmp_path, media):
    ffmpeg("-i", media / "sound.m4a", "-c", "copy", "-movflags", "faststart", tmp_path / "s.m4a")
    content = (tmp_path / "s.m4a").read_bytes()
    (tmp_path / "s.m4a").write_bytes(content[: len(content) * 7 // 10])
    assert rejection(tmp_path, media / "silent.mp4", tmp_path / "s.m4a").reason == "truncated"


@pytest.mark.parametrize("factor", [0.5, 3])
def test_an_mp4_that_lies_about_its_length(tmp_path, media, factor):
    """The duration in the movie header says otherwise than the sample tables."""
    content = bytearray((media / "good.mp4").read_bytes())
    place = content.index(b"mvhd") + 4 + 16  # version and flags, two dates, time scale
    declared = int.from_bytes(content[place : place + 4], "big")
    content[place : place + 4] = int(declared * factor).to_bytes(4, "big")
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    clip = clip_of(path)
    extract(tmp_path / "data", clip)  # the tables are what counts
    frames = read_table(tmp_path / "data" / "frames" / f"{clip.clip}.parquet", "frames")
    assert frames.num_rows == 25


def test_an_mp4_whose_box_claims_more_bytes_than_there_are(tmp_path, media):
    path = tmp_path / "clip.mp4"
    ffmpeg("-i", media / "good.mp4", "-c", "copy", "-movflags", "faststart", path)
    content = bytearray(path.read_bytes())
    place = content.index(b"mdat") - 4
    content[place : place + 4] = (2**31).to_bytes(4, "big")
    path.write_bytes(content)
    clip = clip_of(path)
    extract(tmp_path / "data", clip)  # every sample is there, whatever the box says
    frames = read_table(tmp_path / "data" / "frames" / f"{clip.clip}.parquet", "frames")
    assert frames.num_rows == 25


def test_one_frame(tmp_path):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 0.04), *tone(0.04), *H264, "-c:a", "aac", path)
    found = rejection(tmp_path, path)
    assert (found.reason, found.detail[:8]) == ("too_short", "1 frames")


@pytest.mark.parametrize(("frames", "usable"), [(9, True), (8, False)])
def test_just_long_enough(tmp_path, frames, usable):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", frames / 25), *tone(frames / 25), *H264, "-c:a", "aac", path)
    if usable:
        extract(tmp_path / "data", clip_of(path))
    else:
        assert rejection(tmp_path, path).reason == "too_short"


def test_ten_minutes_are_refused_before_decoding(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("1", 600), *tone(600), *H264, "-c:a", "aac", "-ar", "8000", path)
    monkeypatch.setattr("stccl.extract.stage.pictures", lambda _: pytest.fail("decoded"))
    found = rejection(tmp_path, path)
    assert (found.reason, found.detail[:7]) == ("too_long", "600.0 s")


def test_a_long_file_that_declares_no_length(tmp_path):
    path = tmp_path / "clip.mkv"
    ffmpeg(*counting("25", 5), *tone(5), *H264, "-c:a", "aac", "-f", "matroska", "-live", "1", path)
    assert rejection(tmp_path, path).reason == "too_long"


@pytest.mark.parametrize("size", ["8x8", "62x200", "200x62"])
def test_too_small(tmp_path, size):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 1, size), *tone(1), *H264, "-c:a", "aac", path)
    found = rejection(tmp_path, path)
    assert found.reason == "too_small"
    assert found.detail.startswith(size.replace("x", "×"))


@pytest.mark.parametrize(
    ("sound_s", "usable"), [(1.4, True), (1.7, False), (0.6, True), (0.3, False)]
)
def test_sound_of_another_length(tmp_path, media, sound_s, usable):
    path = tmp_path / "sound.wav"
    ffmpeg(*tone(sound_s), path)
    if usable:
        extract(tmp_path / "data", clip_of(media / "silent.mp4", path))
    else:
        assert rejection(tmp_path, media / "silent.mp4", path).reason == "sound_picture_mismatch"


def test_items_depend_on_the_media_alone(tmp_path, media):
    clip = replace(clip_of(media / "good.mp4"), sha256=file_sha256(media / "good.mp4"))
    other = replace(clip, clip="test-B-neutral-1-001", speaker="B", split="metric-train")
    rows = [vars(clip), vars(other)]
    write_table(tmp_path / "clips.parquet", "clips", rows)
    first, second = STAGE.items(tmp_path)
    assert (first.key, first.source) == (clip.clip, clip)
    assert first.inputs == second.inputs == {"media": clip.sha256}


@pytest.mark.real
def test_real_clips_last_as_long_as_their_files_say(tmp_path, mead_mini):
    """Speaker M012's clips run at 30 Hz, the others at 25."""
    for video in sorted((mead_mini).rglob("neutral/*/*.mp4"))[::3]:
        audio = Path(str(video).replace("/video/front/", "/audio/")).with_suffix(".m4a")
        clip = clip_of(video, audio)
        extract(tmp_path / "data", clip, PARAMS.model_copy(update={"max_duration_s": 60.0}))
        table = read_table(tmp_path / "data" / "frames" / f"{clip.clip}.parquet", "frames")
        drift_s = np.abs(np.subtract(table["source_time_s"], table["time_s"]))
        assert drift_s.max() <= 1 / 50 + 1e-5
        sound_s = len(read_sound(tmp_path / "data", clip.clip)) / 16000
        assert abs(table.num_rows / 25 - sound_s) < 0.2


_PEAK_MEMORY = """
import resource, sys
from pathlib import Path
from tests.extract.test_stage import PARAMS, clip_of, extract
extract(Path(sys.argv[2]), clip_of(Path(sys.argv[1])), PARAMS.model_copy(
    update={"max_duration_s": 60.0}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path):
    peaks_mib = []
    for seconds in (8, 58):
        path = tmp_path / f"{seconds}.mp4"
        source = ("-f", "lavfi", "-i", f"testsrc2=s=256x256:r=25:d={seconds}")
        ffmpeg(*source, *tone(seconds), *H264, "-c:a", "aac", path)
        command = [sys.executable, "-c", _PEAK_MEMORY, path, tmp_path / "data"]
        root = Path(__file__).parents[2]
        out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
        peaks_mib.append(int(out.stdout.split()[-1]) / 1024)
    # 1250 more frames of 192 KiB are 234 MiB. The decoder runs ahead of the encoder by up to 41 MiB
    # and peaks of one clip differ by up to 65 MiB, whatever its length from 8 s on.
    assert peaks_mib[1] - peaks_mib[0] < 90
