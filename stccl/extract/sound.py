"""Mono sound out of media files, by ffmpeg, on the clock it shares with the picture."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from stccl.errors import ClipRejected
from stccl.extract.container import Container, read_headers
from stccl.tables.io import read_table

Samples = npt.NDArray[np.int16]

_FULL_SCALE = 32768.0
_CUT = re.compile(r"partial file|File ended prematurely")


@dataclass(frozen=True)
class Sound:
    """Sound, and what the files it came with declare.

    Attributes:
        samples: Mono; sample *i* sounds at *i* / rate after time zero of its file.
        picture_file: The file that holds the picture.
        sound_file: The file that holds the sound; the same where one holds both.
    """

    samples: Samples
    picture_file: Container
    sound_file: Container

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """The samples in [-1, 1)."""
        return np.asarray(self.samples / _FULL_SCALE, np.float32)


def decode_sound(media: Path, audio: Path, sample_rate_hz: int, limit_s: float) -> Sound:
    """Decode the first sound stream of a file, resampled and mixed to mono.

    Where the sound starts later than the file's time zero (its earliest stream), silence fills the
    time before; gaps within are filled alike, so that sample and time stay proportional.

    Args:
        media: The file with the picture, which is not decoded.
        audio: The file with the sound; equal to `media` where one file holds both.
        sample_rate_hz: Rate of the samples.
        limit_s: Sound after this is left out, so that memory is bounded.

    Raises:
        ClipRejected: `not_a_video`, `truncated`, `no_video_stream` or `no_sound`.
    """
    picture = ffmpeg.input(_url(media))
    sound = picture if audio == media else ffmpeg.input(_url(audio))
    pcm_out = sound["a:0"].output(
        "pipe:",
        format="s16le",
        ac=1,
        ar=sample_rate_hz,
        af="aresample=async=1:first_pts=0",
        t=limit_s,
    )
    # The picture is read through without being decoded: so it counts when ffmpeg looks for the
    # earliest stream, and a file that ends early is noticed.
    nowhere = picture["v:0"].output("-", format="null", vcodec="copy", t=limit_s)
    command = ffmpeg.merge_outputs(nowhere, pcm_out).global_args(
        "-hide_banner", "-nostdin", "-nostats"
    )
    try:
        pcm, log = command.run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True
        )
        failed = False
    except ffmpeg.Error as error:
        pcm, log, failed = b"", error.stderr, True
    text = log.decode("utf-8", "replace")
    headers = read_headers(text)
    if not headers:
        raise _unreadable(media, text)
    picture_file, sound_file = headers[0], headers[-1]
    if picture_file.format.endswith("_pipe"):
        raise ClipRejected(
            "not_a_video",
            f"{media.name} is a still image ({picture_file.format.removesuffix('_pipe')})",
            "check that the file is a video, whatever its name says",
        )
    if picture_file.picture_start_s is None:
        raise ClipRejected(
            "no_video_stream",
            f"{media.name} ({picture_file.format}) holds no picture",
            "give the clip a file with a video stream",
        )
    if audio != media and len(headers) == 1:
        raise _unreadable(audio, text) if _cut_mp4(audio) else _no_sound(audio, _reason(text))
    if not sound_file.has_sound:
        raise _no_sound(audio, f"{sound_file.format} without a sound stream")
    if failed or not pcm:
        raise _no_sound(audio, _reason(text) if failed else "a sound stream without sound")
    if cut := _CUT.search(text):
        names = media.name if audio == media else f"{media.name} or {audio.name}"
        raise ClipRejected("truncated", f"{names}: {cut[0]}", "copy or download the file again")
    return Sound(np.frombuffer(pcm, "<i2").astype(np.int16), picture_file, sound_file)


def read_sound(data: Path, clip: str) -> npt.NDArray[np.float32]:
    """The sound of an extracted clip.

    Args:
        data: The data folder.
        clip: Id of the clip.

    Returns:
        Mono samples in [-1, 1) at `extract.sample_rate_hz`.
    """
    blocks = read_table(data / "audio" / f"{clip}.parquet", "audio").column("samples")
    samples = blocks.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(samples / _FULL_SCALE, np.float32)


def _url(path: Path) -> Any:
    # Without the protocol a colon in a name would be taken for one.
    return f"file:{path}"


def _cut_mp4(path: Path) -> bool:
    """Whether a file starts as MP4 does: with the length and kind of its first box."""
    with path.open("rb") as file:
        return file.read(8)[4:] in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}


def _unreadable(path: Path, log: str) -> ClipRejected:
    if _cut_mp4(path):
        return ClipRejected(
            "truncated", f"{path.name}: {_reason(log)}", "copy or download the file again"
        )
    return ClipRejected(
        "not_a_video",
        f"{path.name}: {_reason(log)}",
        "check that the file is a video, whatever its name says",
    )


def _no_sound(path: Path, detail: str) -> ClipRejected:
    return ClipRejected(
        "no_sound", f"{path.name}: {detail}", "give the clip a file with sound, or leave it out"
    )


def _reason(log: str) -> str:
    """The first complaint of ffmpeg, in one line."""
    complaints = [
        line.split("] ", 1)[-1].strip()
        for line in log.splitlines()
        if line.startswith(("[", "Error", "Invalid")) and "misdetection" not in line
    ]
    return complaints[0] if complaints else "ffmpeg gave no reason"
