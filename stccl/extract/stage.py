"""The `extract` stage: one table of frames and one of sound per clip."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.extract.container import Container
from stccl.extract.params import ExtractParams
from stccl.extract.picture import at_constant_rate, pictures
from stccl.extract.sound import Samples, decode_sound
from stccl.perclip import Item, ItemStage, Outputs
from stccl.tables.io import TableWriter
from stccl.tables.png import Image, encode_png

_MISSING_END_S = 0.25
"""A file that ends this much earlier than it declares is cut; containers round by less."""


def items(data: Path) -> list[Item]:
    """Every clip of the index; its media files are its input."""
    return [Item(clip.clip, clip, {"media": clip.sha256}) for clip in read_clips(data)]


def process(clip: Clip, data: Path, params: ExtractParams, out: Outputs) -> None:
    """Write the frames and the sound of one clip.

    Time zero of both is the start of the earliest stream of their file; where picture and sound
    are two files, each counts from its own.

    Raises:
        ClipRejected: Where the clip cannot be used; README and report explain the reasons.
    """
    media = (data.parent / clip.media_path).absolute()
    audio = (data.parent / clip.audio_path).absolute()
    _check_file(media, missing="missing_file")
    if audio != media:
        _check_file(audio, missing="missing_sound_file")
    limit_s = params.max_duration_s + params.max_sound_gap_s + 1
    sound = decode_sound(media, audio, params.sample_rate_hz, limit_s)
    _check_length(sound.picture_file.duration_s or 0.0, params.max_duration_s)

    picture_s = _write_frames(media, sound.picture_file, params, out.table("frames"))
    _write_sound(sound.samples, params.sample_rate_hz, out.table("audio"))

    sound_s = len(sound.samples) / params.sample_rate_hz
    if audio == media:
        _check_complete(media, sound.picture_file, max(picture_s, sound_s))
    else:
        _check_complete(media, sound.picture_file, picture_s)
        _check_complete(audio, sound.sound_file, min(limit_s, sound_s), limit_s)
    if abs(picture_s - sound_s) > params.max_sound_gap_s:
        raise ClipRejected(
            "sound_picture_mismatch",
            f"{picture_s:.2f} s of picture, {sound_s:.2f} s of sound",
            "check that they belong together, or raise extract.max_sound_gap_s",
        )


STAGE = ItemStage("extract", ("audio", "frames"), process, items, ("extract",))


def _write_frames(
    media: Path, container: Container, params: ExtractParams, table: TableWriter
) -> float:
    """Write all frames; how long they last, in seconds."""
    offset_s = (container.picture_start_s or 0.0) - container.start_s
    shifted = ((round(time_s + offset_s, 6), image) for time_s, image in pictures(media))
    count = 0
    encoded: tuple[Image, bytes] | None = None
    for frame in at_constant_rate(_large_enough(shifted, params.min_side_px), params.frame_rate_hz):
        if encoded is None or encoded[0] is not frame.image:
            encoded = (frame.image, encode_png(frame.image))
        time_s = frame.frame / params.frame_rate_hz
        # A file need not declare its length.
        _check_length(time_s, params.max_duration_s)
        table.append(
            frame=frame.frame, time_s=time_s, source_time_s=frame.source_time_s, png=encoded[1]
        )
        count += 1
    if count < params.min_frames:
        raise ClipRejected(
            "too_short",
            f"{count} frames, fewer than extract.min_frames = {params.min_frames}",
            "leave the clip out",
        )
    return count / params.frame_rate_hz


def _large_enough(
    source: Iterator[tuple[float, Image]], min_side_px: int
) -> Iterator[tuple[float, Image]]:
    for first in source:
        height, width, _ = first[1].shape
        if min(height, width) < min_side_px:
            raise ClipRejected(
                "too_small",
                f"{width}×{height} px, a side below extract.min_side_px = {min_side_px}",
                "use the clip in a higher resolution",
            )
        yield from chain([first], source)


def _write_sound(samples: Samples, sample_rate_hz: int, table: TableWriter) -> None:
    for start in range(0, len(samples), sample_rate_hz):
        table.append(start_sample=start, samples=samples[start : start + sample_rate_hz])


def _check_file(path: Path, *, missing: str) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise ClipRejected(
            missing, f"{path.name} is not there", "put the file back or run `dvc repro clips`"
        ) from None
    except OSError as error:
        raise ClipRejected(
            "unreadable_file", f"{path.name}: {error.strerror}", "make the file readable"
        ) from None
    if empty:
        raise ClipRejected(
            "empty_file", f"{path.name} has 0 bytes", "copy or download the file again"
        )


def _check_length(duration_s: float, max_duration_s: float) -> None:
    if duration_s > max_duration_s:
        raise ClipRejected(
            "too_long",
            f"{duration_s:.1f} s or more, above extract.max_duration_s = {max_duration_s:g}",
            "cut it into utterances, or raise extract.max_duration_s",
        )


def _check_complete(
    path: Path, container: Container, found_s: float, limit_s: float = float("inf")
) -> None:
    declared_s = min(container.duration_s or 0.0, limit_s)
    if found_s < declared_s - _MISSING_END_S:
        raise ClipRejected(
            "truncated",
            f"{path.name} declares {declared_s:.2f} s and ends at {found_s:.2f} s",
            "copy or download the file again",
        )
