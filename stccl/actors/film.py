"""Writing a take as files: the picture as mp4, the sound as m4a, as collections have them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from stccl.errors import StageError

Picture = npt.NDArray[np.uint8]

_CRF = 18  # mild compression: blocks cannot be seen, and the noise of the camera is mostly gone
# One thread and bit-exact flags: the same frames give the same bytes on every run.
_SAME_BYTES: dict[str, Any] = {
    "threads": 1, "fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact",
    "map_metadata": -1, "loglevel": "error",
}  # fmt: skip


def write_picture(path: Path, frames: Iterable[Picture], side_px: int, fps: int) -> None:
    """Write frames as H.264.

    Args:
        path: An mp4 file.
        frames: (side_px, side_px, 3) RGB each; drawn one by one while the encoder works.
        side_px: Width and height.
        fps: Frames per second.

    Raises:
        StageError: Naming the file and what ffmpeg says.
    """
    source = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{side_px}x{side_px}", framerate=fps
    )
    command = ffmpeg.output(
        source, str(path), vcodec="libx264", crf=_CRF, preset="veryfast", pix_fmt="yuv420p",
        **_SAME_BYTES,
    )  # fmt: skip
    _feed(command, path, (frame.tobytes() for frame in frames))


def write_sound(path: Path, samples: npt.NDArray[np.int16], sample_rate_hz: int) -> None:
    """Write (N,) mono samples as AAC into an m4a file.

    Raises:
        StageError: Naming the file and what ffmpeg says.
    """
    source = ffmpeg.input("pipe:", format="s16le", ar=sample_rate_hz, ac=1)
    command = ffmpeg.output(source, str(path), acodec="aac", audio_bitrate="96k", **_SAME_BYTES)
    _feed(command, path, [samples.tobytes()])


def _feed(command: Any, path: Path, chunks: Iterable[bytes]) -> None:
    process = command.run_async(
        cmd=imageio_ffmpeg.get_ffmpeg_exe(), pipe_stdin=True, pipe_stderr=True,
        overwrite_output=True,
    )  # fmt: skip
    try:
        with suppress(BrokenPipeError):  # it ended early, and says why below
            for chunk in chunks:
                process.stdin.write(chunk)
    except BaseException:
        process.kill()
        raise
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        said = process.stderr.read().decode(errors="replace").strip()
        process.stderr.close()
        process.wait()
    if process.returncode:
        reason = (said.splitlines() or ["no message"])[-1]
        raise StageError(f"{path.name}: ffmpeg could not write it: {reason}")
