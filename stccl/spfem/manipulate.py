"""Giving one clip another expression, by one trained model or by several side by side."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np

from stccl.clip import read_clips
from stccl.errors import StcclError
from stccl.fit.identities import speaker_key
from stccl.generate.stage import sound_of
from stccl.params import Params
from stccl.prepare import CLIP, prepare_clip
from stccl.spfem.backbone import Emotion, Example, Spfem, backbone
from stccl.tables.frames import FrameReader
from stccl.tables.png import Image
from stccl.training.record import Progress
from stccl.video import write_video

_TITLE_PX = 24


class _Found(NamedTuple):
    data: Path
    clip: str
    sound: Path
    speaker: str | None


def manipulate(
    clip: str,
    out: Path,
    *,
    models: Sequence[Path],
    emotion: str | None,
    reference: str | None,
    speaker: str | None,
    side_by_side: bool,
    data: Path,
    params: Params,
    progress: Progress,
) -> tuple[int, int]:
    """Write a clip with another expression and its own sound.

    Args:
        clip: A clip's id in `<data>`, or a media file with picture and sound.
        out: An mp4 file.
        models: Folders of trained models; one, or several for side by side.
        emotion: What to show, as the training clips did in general.
        reference: A clip's id or a media file that shows what to show, instead of `emotion`.
        speaker: Whose face the model is to draw, `<dataset>-<speaker>`; None for the clip's own, or
            the model's only one.
        side_by_side: The source first, then every model, each with its name.
        data: The data folder.
        params: How files become fitted faces, as in the pipeline.
        progress: Called as (frames done, frames).

    Returns:
        How many frames there are, and how many of them were changed.

    Raises:
        StcclError: For an unknown clip, speaker or emotion, a file without a face or sound, or
            models that are missing or do not fit. Then nothing is written.
    """
    if out.suffix != ".mp4":
        raise StcclError(f"{out}: expected a name that ends in .mp4")
    if (emotion is None) == (reference is None):
        raise StcclError("expected either an emotion or a reference clip")
    with TemporaryDirectory() as scratch:
        source = _found(clip, data, Path(scratch) / "source", params)
        style: Emotion | Example
        if reference is not None:
            shown = _found(reference, data, Path(scratch) / "reference", params)
            style = Example(shown.data, shown.clip)
        else:
            style = Emotion(str(emotion))
        loaded = [backbone(params.spfem.backbone).load(folder) for folder in models]
        with FrameReader(source.data / "frames" / f"{source.clip}.parquet", "frames") as frames:
            total = len(frames)
            streams = [
                model.manipulate(
                    source.data,
                    source.clip,
                    _speaker(speaker or source.speaker, model, clip),
                    style,
                )
                for model in loaded
            ]
            changed = 0

            def pictures() -> Iterator[Image]:
                nonlocal changed
                for number, made in enumerate(zip(*streams, strict=True)):
                    changed += made[0][1]
                    shown = [picture for picture, _ in made]
                    if side_by_side:
                        original = frames[number]
                        assert original is not None
                        names = ["source", *(folder.name for folder in models)]
                        shown = [
                            _titled(*each) for each in zip([original, *shown], names, strict=True)
                        ]
                    yield np.hstack(shown)
                    progress(number + 1, total)

            write_video(out, pictures(), params.extract.frame_rate_hz, source.sound)
    return total, changed


def _found(name: str, data: Path, scratch: Path, params: Params) -> _Found:
    """The tables of a clip, made if need be."""
    if (data / "faces3d" / f"{name}.parquet").is_file():
        (clip,) = (clip for clip in read_clips(data) if clip.clip == name)
        return _Found(data, name, sound_of(clip, data), speaker_key(clip))
    file = Path(name)
    if not file.is_file():
        raise StcclError(f"{name}: neither a clip in {data / 'faces3d'} nor a file")
    prepare_clip(file, scratch, params)
    return _Found(scratch, CLIP, file, None)


def _speaker(name: str | None, model: Spfem, clip: str) -> str:
    known = model.speakers
    if name in known:
        return name
    if name is None and len(known) == 1:
        return known[0]
    whose = "whose face it shows is not known" if name is None else f"it shows {name}"
    raise StcclError(
        f"{clip}: {whose}; the model draws {', '.join(known)}: say which with --speaker, or train "
        "one on clips of this person"
    )


def _titled(picture: Image, title: str) -> Image:
    """The picture below a line with a title."""
    band = np.full((_TITLE_PX, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(
        band, title, (6, _TITLE_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return np.vstack([band, picture])
