import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.errors import ClipRejected
from stccl.extract import picture
from stccl.extract.picture import at_constant_rate, opencv_pictures, pictures

from .conftest import FFMPEG, H264, counting, ffmpeg, number_of

SAME_TIME_S = 2e-5  # decord's times are single precision
COLOUR_LEVELS = 3  # two builds of the same colour conversion round differently


def raw_frames(path: Path, height: int, width: int) -> np.ndarray:
    """What the ffmpeg program shows: another version of another build than either decoder."""
    command = [FFMPEG, "-v", "error", "-i", path, "-fps_mode", "passthrough"]
    out = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True
    ).stdout
    return np.frombuffer(out, np.uint8).reshape(-1, height, width, 3)


def nearest(times_s: list[float], rate_hz: float) -> list[int]:
    """Slow oracle: for each frame the picture whose time is nearest."""
    gaps = [b - a for a, b in pairwise(times_s)]
    last_s = min(gaps[-1], sum(gaps) / len(gaps))
    count = max(1, round((times_s[-1] + last_s) * rate_hz))
    return [
        min(range(len(times_s)), key=lambda i: abs(times_s[i] - k / rate_hz)) for k in range(count)
    ]


@given(
    st.lists(st.integers(8, 300), min_size=1, max_size=60),
    st.integers(0, 500),
    st.sampled_from([10.0, 24.0, 25.0, 30.0]),
)
def test_every_frame_shows_the_nearest_picture(gaps_ms, start_ms, rate_hz):
    # A prime part of a millisecond keeps frames off the middle between two pictures.
    times_s = list(np.cumsum([start_ms + 0.137, *gaps_ms]) / 1000)
    frames = list(at_constant_rate(iter(zip(times_s, range(99), strict=False)), rate_hz))
    assert [frame.frame for frame in frames] == list(range(len(frames)))
    assert [frame.image for frame in frames] == nearest(times_s, rate_hz)
    assert all(frame.source_time_s == times_s[frame.image] for frame in frames)


@pytest.mark.parametrize("source_rate_hz", [12.5, 24, 25, 29.97, 30, 50, 59.94, 60, 120])
def test_length_is_duration_times_rate_and_drift_under_half_a_picture(source_rate_hz):
    count = round(7 * source_rate_hz)
    clip = [(i / source_rate_hz, i) for i in range(count)]
    frames = list(at_constant_rate(iter(clip), 25.0))
    assert len(frames) == round(count / source_rate_hz * 25)
    # After the last picture there is nothing nearer; before it, half an interval is the bound.
    inside = [frame for frame in frames if frame.frame / 25 <= clip[-1][0]]
    drift_s = max(abs(frame.source_time_s - frame.frame / 25) for frame in inside)
    assert drift_s <= 0.5 / source_rate_hz + SAME_TIME_S


def test_of_two_equally_near_pictures_the_earlier_is_shown():
    clip = [(0.0, "a"), (0.08, "b"), (0.16, "c")]
    shown = [frame.image for frame in at_constant_rate(iter(clip), 25.0)]
    assert shown == ["a", "a", "b", "b", "c", "c"]


def test_nothing_in_nothing_out_and_one_picture_is_one_frame():
    assert list(at_constant_rate(iter([]), 25.0)) == []
    assert [frame.image for frame in at_constant_rate(iter([(0.0, "a")]), 25.0)] == ["a"]


@pytest.mark.parametrize("rate", ["25", "30", "30000/1001", "24"])
@pytest.mark.parametrize("decode", [pictures, opencv_pictures])
def test_real_files_of_every_rate(tmp_path, rate, decode):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting(rate, 2), *H264, path)
    frames = list(at_constant_rate(decode(path), 25.0))
    top, _, bottom = rate.partition("/")
    source_rate_hz = int(top) / int(bottom or 1)
    times_s = [i / source_rate_hz for i in range(round(2 * source_rate_hz))]
    assert len(frames) == 50
    assert [number_of(frame.image) for frame in frames] == nearest(times_s, 25.0)


@pytest.mark.parametrize("decode", [pictures, opencv_pictures])
def test_variable_rate_keeps_presentation_times(tmp_path, decode):
    path = tmp_path / "clip.mp4"
    keep = "select='lt(n,30)+not(mod(n,3))'"  # 30 Hz for a second, then 10 Hz
    ffmpeg(*counting("30", 3), "-vf", keep, "-fps_mode", "vfr", *H264, path)
    shown = list(range(30)) + list(range(30, 90, 3))
    frames = list(at_constant_rate(decode(path), 25.0))
    expected = [shown[i] for i in nearest([n / 30 for n in shown], 25.0)]
    assert [number_of(frame.image) for frame in frames] == expected


def test_both_decoders_give_the_same_pictures_at_the_same_times(tmp_path):
    path = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=30:d=1", *H264, "-bf", "2", path)
    fast, slow = list(pictures(path)), list(opencv_pictures(path))
    expected = raw_frames(path, 64, 96).astype(int)
    assert len(fast) == len(slow) == len(expected) == 30
    for (fast_s, fast_image), (slow_s, slow_image), raw in zip(fast, slow, expected, strict=True):
        assert abs(fast_s - slow_s) < SAME_TIME_S
        assert np.abs(fast_image.astype(int) - slow_image).max() <= COLOUR_LEVELS
        assert np.abs(fast_image - raw).max() <= COLOUR_LEVELS


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("decode", [pictures, opencv_pictures])
def test_a_phone_held_upright(tmp_path, angle, decode):
    lying, path = tmp_path / "lying.mp4", tmp_path / "upright.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=0.4", *H264, lying)
    ffmpeg("-display_rotation", str(angle), "-i", lying, "-c", "copy", path)
    height, width = (64, 96) if angle == 180 else (96, 64)
    expected = raw_frames(path, height, width)
    shown = [image for _, image in decode(path)]
    assert np.abs(np.stack(shown).astype(int) - expected).max() <= COLOUR_LEVELS


@pytest.mark.parametrize("decode", [pictures, opencv_pictures])
def test_pictures_before_the_cut_of_a_trimmed_clip_stay_hidden(tmp_path, decode):
    """Cut without re-encoding, a clip keeps hidden pictures back to the last key frame."""
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    ffmpeg(*counting("25", 3), *H264, "-g", "100", whole)
    ffmpeg("-ss", "0.8", "-i", whole, "-c", "copy", cut)
    decoded = list(decode(cut))
    assert [number_of(image) for _, image in decoded] == list(range(20, 75))
    assert [time_s for time_s, _ in decoded] == pytest.approx(
        [i / 25 for i in range(55)], abs=SAME_TIME_S
    )


def test_a_stream_that_decord_cannot_finish_is_finished_by_opencv(tmp_path):
    path = tmp_path / "clip.ts"
    ffmpeg(*counting("25", 2), "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    assert [number_of(image) for _, image in pictures(path)] == list(range(50))


def test_where_decord_gives_up_midway_opencv_goes_on(tmp_path):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 1), *H264, path)
    reader = picture.decord.VideoReader(str(path), num_threads=1)
    pictures_given = iter(range(5))

    class GivesUp:
        get_frame_timestamp = reader.get_frame_timestamp

        def __len__(self):
            return len(reader)

        def next(self):
            if next(pictures_given, None) is None:
                raise RuntimeError("no more")
            return reader.next()

    shown = picture._decord_pictures(path, GivesUp())
    assert [number_of(image) for _, image in shown] == list(range(25))


def test_a_cut_file_is_refused_and_not_shortened(tmp_path):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 2), *H264, "-movflags", "faststart", path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ClipRejected, match=r"^truncated: clip\.mp4: "):
        list(pictures(path))


def test_without_decord_opencv_decodes(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    ffmpeg(*counting("25", 1), *H264, path)
    monkeypatch.setattr(picture, "decord", None)
    assert [number_of(image) for _, image in pictures(path)] == list(range(25))


def test_the_module_loads_where_decord_has_no_build():
    code = (
        "import sys; sys.modules['decord'] = None\n"
        "from stccl.extract import picture; assert picture.decord is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("decode", [opencv_pictures, pictures])
def test_no_picture_at_all(tmp_path, decode):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(ClipRejected, match="no picture can be decoded"):
        list(decode(path))
