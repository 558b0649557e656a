import hashlib

import cv2
import numpy as np
import pytest

from stccl.download import probe as module
from stccl.download.probe import Probed, probe, probe_all


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 12.5, (64, 48))
    for brightness in range(20):
        writer.write(np.full((48, 64, 3), brightness * 10, np.uint8))
    writer.release()
    return path


def test_rate_frames_and_length_are_read(video):
    found = probe(video, video)
    assert (found.fps, found.frames, found.duration_s) == (12.5, 20, 1.6)
    assert found.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()


def test_the_checksum_covers_the_sound_where_it_is_another_file(video, tmp_path):
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"sound")
    both = hashlib.sha256(video.read_bytes() + b"sound").hexdigest()
    assert probe(video, sound).sha256 == both
    assert probe(video, tmp_path / "absent.wav").sha256 == probe(video, video).sha256


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\0" * 5000])
def test_what_cannot_be_read_is_none(tmp_path, capfd, content):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    found = probe(path, path)
    assert found == Probed(None, None, None, hashlib.sha256(content).hexdigest())
    assert capfd.readouterr() == ("", "")


def test_a_truncated_video_is_none(video):
    video.write_bytes(video.read_bytes()[:100])
    assert probe(video, video).duration_s is None


def test_only_files_that_changed_are_read_again(video, tmp_path, monkeypatch):
    other = tmp_path / "b.avi"
    other.write_bytes(video.read_bytes())
    files = [(video, video), (other, other)]
    memory = tmp_path / "memory.json"
    told = []
    first = probe_all(files, memory, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    read = []
    real = module.probe
    monkeypatch.setattr(module, "probe", lambda m, a: read.append(m) or real(m, a))
    assert probe_all(files, memory, lambda *_: None) == first
    assert read == []
    other.write_bytes(b"now something else")
    assert probe_all(files, memory, lambda *_: None)[1].fps is None
    assert read == [other]
    memory.write_text("damaged")
    assert probe_all(files, memory, lambda *_: None)[0] == first[0]


@pytest.mark.real
def test_real_clips_are_read(mead_mini):
    path = mead_mini / "M003/video/front/neutral/level_1/033.mp4"
    found = probe(path, path)
    assert found.fps == pytest.approx(30)
    assert 3 <= found.duration_s <= 6
