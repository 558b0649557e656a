"""A media file that is in no table, brought as far as the stages would bring it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stccl.align import stage as align
from stccl.clip import Clip
from stccl.errors import StcclError
from stccl.extract import stage as extract
from stccl.extract.picture import at_constant_rate, pictures
from stccl.fit import identities
from stccl.fit import stage as fit
from stccl.landmarks import stage as landmarks
from stccl.params import Params
from stccl.perclip import Outputs
from stccl.tables.io import TableWriter
from stccl.tables.png import encode_png

CLIP = "clip"
"""Its name in the tables."""


def prepare_picture(file: Path, data: Path, params: Params) -> None:
    """Frames, landmarks and aligned faces; its sound plays no part.

    Args:
        file: Picture of any format.
        data: Gets the tables `<table>/clip.parquet`.
        params: As for the stages.

    Raises:
        StcclError: Naming the file and why it cannot be used.
    """
    rate_hz = params.extract.frame_rate_hz
    clip = _unlisted(file)

    def frames(clip: Clip, data: Path, _: Any, out: Outputs) -> None:
        del clip, data
        table: TableWriter = out.table("frames")
        for frame in at_constant_rate(pictures(file), rate_hz):
            table.append(
                frame=frame.frame,
                time_s=frame.frame / rate_hz,
                source_time_s=frame.source_time_s,
                png=encode_png(frame.image),
            )

    _through(file, clip, data, [(frames, None), *_faces(params)])


def prepare_clip(file: Path, data: Path, params: Params) -> None:
    """Everything down to the 3-D face: what a manipulation begins with.

    Who the person is for the face model is estimated from this file alone.

    Args:
        file: Picture and sound in one file, of any format.
        data: Gets the tables.
        params: As for the stages.

    Raises:
        StcclError: Naming the file and why it cannot be used.
    """
    clip = _unlisted(file)
    _through(file, clip, data, [(extract.process, params.extract), *_faces(params)])
    if params.fit.model != "deca":
        _through(file, (clip,), data, [(identities.process, params.fit)])
    _through(file, clip, data, [(fit.process, params.fit)])


_Process = Callable[[Any, Path, Any, Outputs], None]


def _faces(params: Params) -> list[tuple[_Process, Any]]:
    return [(landmarks.process, params.landmarks), (align.process, params.align)]


def _through(file: Path, source: Any, data: Path, steps: list[tuple[_Process, Any]]) -> None:
    for process, settings in steps:
        provenance = {"fingerprint": "", "params": settings and settings.model_dump(mode="json")}
        try:
            with Outputs(data, CLIP, provenance) as out:
                process(source, data, settings, out)
        except StcclError as error:
            raise StcclError(f"{file}: {error}") from None


def _unlisted(file: Path) -> Clip:
    """A clip that is in no table: nothing is known of it but its file."""
    path = str(file.absolute())
    return Clip(
        clip=CLIP,
        dataset="",
        speaker="",
        emotion="",
        level=1,
        sentence="",
        take="",
        split="unused",
        words="",
        media_path=path,
        audio_path=path,
        fps=None,
        frames=None,
        duration_s=None,
        sha256="",
    )
