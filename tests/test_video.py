import cv2
import numpy as np
import pytest

from stccl.errors import StageError
from stccl.extract.picture import pictures
from stccl.extract.sound import decode_sound
from stccl.video import write_sound, write_video


def gradient(count, height, width):
    rows, columns = np.mgrid[:height, :width]
    for shift in range(count):
        yield np.stack([rows * 3, columns * 2, rows * 0 + 20 * shift], -1).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(64, 80), (63, 65)])
def test_what_is_written_is_read_back_in_order_and_with_its_sound(tmp_path, height, width):
    tone = (8000 * np.sin(np.arange(16000) * 0.2)).astype(np.int16)
    write_sound(tmp_path / "tone.m4a", tone, 16000)
    path = tmp_path / "new" / "clip.mp4"
    assert write_video(path, gradient(10, height, width), 25, tmp_path / "tone.m4a") == 10
    read = list(pictures(path))
    assert [round(time_s, 3) for time_s, _ in read] == [round(k / 25, 3) for k in range(10)]
    for (_, shown), drawn in zip(read, gradient(10, height, width), strict=True):
        assert shown.shape[0] % 2 == 0 == shown.shape[1] % 2
        assert abs(shown[:height, :width].astype(int) - drawn).mean() < 6
    heard = decode_sound(path, path, 16000, 10.0).samples
    assert len(heard) == pytest.approx(16000, abs=2100)  # AAC comes in frames of 1,024
    assert np.corrcoef(heard[2000:12000], tone[2000:12000])[0, 1] > 0.9
    assert [other.name for other in path.parent.iterdir()] == ["clip.mp4"]


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_video(tmp_path / f"{name}.mp4", gradient(3, 32, 32), 25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_no_half_video_is_left_behind(tmp_path):
    def ends_early():
        yield from gradient(2, 32, 32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "clip.mp4", ends_early(), 25)
    with pytest.raises(StageError, match="no picture"):
        write_video(tmp_path / "clip.mp4", [], 25)
    with pytest.raises(StageError, match="ffmpeg could not write it"):
        write_video(tmp_path / "clip.mp4", gradient(2, 32, 32), 25, tmp_path / "absent.m4a")
    assert list(tmp_path.iterdir()) == []


def test_colours_are_those_other_programs_read(tmp_path):
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    write_video(tmp_path / "red.mp4", [red, red], 25)
    ok, shown = cv2.VideoCapture(str(tmp_path / "red.mp4")).read()
    assert ok
    assert abs(shown.mean((0, 1)) - [0, 0, 200]).max() < 12
