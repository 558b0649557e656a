"""Small media files of every kind, made once by ffmpeg."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
MakeClip = Callable[..., Path]


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([FFMPEG, "-y", "-v", "error", *map(str, arguments)], check=True)


def counting(rate: str, seconds: float, size: str = "64x96") -> tuple[str, ...]:
    """A source whose picture number n is grey, as bright as 20 + 2n on the video scale."""
    grey = f"color=black:s={size}:r={rate}:d={seconds},geq=lum='20+2*N':cb=128:cr=128"
    return ("-f", "lavfi", "-i", grey)


def tone(seconds: float) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=440:r=44100:d={seconds}")


def number_of(image: np.ndarray) -> int:
    """Which picture of `counting` this is: video levels 16–235 stand for 0–255."""
    luma = 16 + image.mean() * 219 / 255
    return round((luma - 20) / 2)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the clips that many tests share."""
    folder = tmp_path_factory.mktemp("project") / "media"
    folder.mkdir()
    ffmpeg(*counting("25", 1), *tone(1), *H264, "-c:a", "aac", folder / "good.mp4")
    ffmpeg("-i", folder / "good.mp4", "-an", "-c", "copy", folder / "silent.mp4")
    ffmpeg("-i", folder / "good.mp4", "-vn", "-c", "copy", folder / "sound.m4a")
    return folder
