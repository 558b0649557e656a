"""Writing picture and sound as files, with ffmpeg."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from stccl.errors import StageError

Picture = npt.NDArray[np.uint8]

# One thread and bit-exact flags: the same frames give the same bytes on every run.
_SAME_BYTES: dict[str, Any] = {
    "threads": 1, "fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact",
    "map_metadata": -1, "loglevel": "error",
}  # fmt: skip
_CRF = 18  # mild compression: blocks cannot be seen, and the noise of a camera is mostly gone


def write_video(
    path: Path, pictures: Iterable[Picture], frame_rate_hz: float, sound: Path | None = None
) -> int:
    """Write an mp4 (H.264, AAC) that plays everywhere; all of it, or nothing.

    Pictures are drawn one by one while the encoder works. Players want even sides: a picture with
    an odd one gets a black line at its right or lower border.

    Args:
        path: The file; its folder is made.
        pictures: (H, W, 3) RGB, all of one size.
        frame_rate_hz: Pictures per second.
        sound: A media file whose first sound is taken, from its start to its end.

    Returns:
        How many pictures were written.

    Raises:
        StageError: Where there is no picture, or naming the file and what ffmpeg says.
    """
    shown = iter(pictures)
    first = next(shown, None)
    if first is None:
        raise StageError(f"{path.name}: there is no picture to write")
    height, width, _ = first.shape
    video = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", framerate=frame_rate_hz
    ).filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2")
    streams = [video]
    options: dict[str, Any] = {"vcodec": "libx264", "pix_fmt": "yuv420p"}
    if sound is not None:
        streams.append(ffmpeg.input(str(sound)).audio)
        options |= {"acodec": "aac", "audio_bitrate": "128k"}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial.mp4")
    command = ffmpeg.output(
        *streams, str(partial), crf=_CRF, preset="veryfast", movflags="+faststart", **options,
        **_SAME_BYTES,
    )  # fmt: skip
    count = 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for picture in chain([first], shown):
            count += 1
            yield np.ascontiguousarray(picture).tobytes()

    try:
        _feed(command, path, counted())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


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
