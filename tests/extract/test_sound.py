import numpy as np
import pytest

from stccl.errors import ClipRejected
from stccl.extract.container import read_headers
from stccl.extract.sound import decode_sound, read_sound
from stccl.tables.io import TableWriter

from .conftest import H264, counting, ffmpeg, tone

RATE_HZ = 16000
ALIGNED_S = 0.03  # one AAC frame of 1024 samples, which the coder may smear, and a bit


def decode(media, audio=None, limit_s=60.0):
    return decode_sound(media, audio or media, RATE_HZ, limit_s)


def first_sound_s(samples: np.ndarray) -> float:
    loud = np.abs(samples.astype(float)) > 0.05 * np.abs(samples.astype(float)).max()
    return float(np.argmax(loud)) / RATE_HZ


def test_rate_length_and_pitch(media):
    samples = decode(media / "good.mp4").samples
    assert samples.dtype == np.int16
    assert abs(len(samples) / RATE_HZ - 1) < ALIGNED_S
    middle = samples[4000:12000].astype(float) * np.hanning(8000)
    peak_hz = np.argmax(np.abs(np.fft.rfft(middle))) * RATE_HZ / 8000
    assert abs(peak_hz - 440) <= 2  # bins of 2 Hz


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_late_sound_is_preceded_by_silence(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    ffmpeg(*counting("25", 2), "-itsoffset", "0.5", *tone(1.5), *H264, "-c:a", "aac", path)
    sound = decode(path)
    offset_s = sound.picture_file.picture_start_s - sound.picture_file.start_s
    assert abs(first_sound_s(sound.samples) - offset_s - 0.5) < ALIGNED_S
    assert abs(len(sound.samples) / RATE_HZ - 2) < 2 * ALIGNED_S


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_late_picture_is_declared(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    ffmpeg("-itsoffset", "0.4", *counting("25", 1), *tone(1.4), *H264, "-c:a", "aac", path)
    sound = decode(path)
    offset_s = sound.picture_file.picture_start_s - sound.picture_file.start_s
    assert abs(offset_s - first_sound_s(sound.samples) - 0.4) < ALIGNED_S


def test_stereo_is_mixed(tmp_path):
    path = tmp_path / "clip.mp4"
    both = "aevalsrc=0.5*sin(2*PI*440*t)|0:s=16000:d=1"
    ffmpeg(
        "-f", "lavfi", "-i", both, *counting("25", 1), *H264, "-c:a", "pcm_s16le", "-f", "mov", path
    )
    samples = decode(path).samples
    assert abs(samples.max() - 0.25 * 32768) < 0.01 * 32768  # (0.5 + 0) / 2


def test_sound_beyond_the_limit_is_not_decoded(media):
    assert len(decode(media / "good.mp4", limit_s=0.25).samples) == RATE_HZ / 4


def test_two_files(media):
    sound = decode(media / "silent.mp4", media / "sound.m4a")
    assert sound.picture_file.picture_start_s == 0
    assert not sound.picture_file.has_sound
    assert sound.sound_file.has_sound
    assert sound.sound_file.picture_start_s is None


def test_cover_art_is_no_picture(tmp_path, media):
    cover, path = tmp_path / "cover.png", tmp_path / "clip.m4a"
    ffmpeg(*counting("25", 0.04), "-frames:v", "1", cover)
    ffmpeg("-i", media / "sound.m4a", "-i", cover, "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v:0", "attached_pic", path)  # fmt: skip
    with pytest.raises(ClipRejected, match="no_video_stream"):
        decode(path)


def test_reasons_are_one_line_in_the_words_of_ffmpeg(tmp_path, media):
    path = tmp_path / "clip.mp4"
    path.write_bytes((media / "good.mp4").read_bytes()[:2000])
    with pytest.raises(ClipRejected) as caught:
        decode(path)
    assert caught.value.reason == "truncated"
    assert caught.value.detail == "clip.mp4: moov atom not found"
    assert "\n" not in str(caught.value)


def test_headers_of_a_file_without_a_length():
    log = "Input #0, h264, from 'a':\n  Duration: N/A, bitrate: N/A\n  Stream #0:0: Video: h264\n"
    (header,) = read_headers(log)
    assert header.duration_s is None
    assert header.picture_start_s == 0.0


def test_read_sound_is_the_stored_sound_on_a_scale_of_one(tmp_path):
    with TableWriter(tmp_path / "audio" / "c.parquet", "audio") as table:
        table.append(start_sample=0, samples=np.array([-32768, 0, 16384], np.int16))
        table.append(start_sample=3, samples=np.array([32767], np.int16))
    sound = read_sound(tmp_path, "c")
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound, np.float32([-1, 0, 0.5, 32767 / 32768]))
