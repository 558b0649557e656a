"""The `align` stage: frames and points in, crops on the canonical face out."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from stccl.align.params import AlignParams
from stccl.align.warp import fit_face, inverse, warp
from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.landmarks.smooth import runs, smooth
from stccl.perclip import Item, ItemStage, Outputs, upstream
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import encode_png


def items(data: Path) -> list[Item]:
    """Every clip whose landmarks were found."""
    work = []
    for clip in read_clips(data):
        frames = upstream(data, "frames", clip.clip)
        landmarks = upstream(data, "landmarks", clip.clip)
        if frames is not None and landmarks is not None:
            work.append(Item(clip.clip, clip, frames | landmarks))
    return work


def process(clip: Clip, data: Path, params: AlignParams, out: Outputs) -> None:
    """Smooth the points, fit, warp, write; frames without a face keep an empty row."""
    points = _smoothed(data / "landmarks" / f"{clip.clip}.parquet", params.smoothing_frames)
    matrices = [fit_face(face, params.size_px) for face in points]
    if not any(matrix is not None for matrix in matrices):
        seen = int(np.isfinite(points).all((1, 2)).sum())
        raise ClipRejected(
            "no_alignment",
            f"the points of none of {seen} faces form a face",
            "look at the clip: it should show a face from the front, not mirrored in its points",
        )
    table = out.table("aligned")
    with FrameReader(data / "frames" / f"{clip.clip}.parquet", "frames") as frames:
        for frame, matrix in enumerate(matrices):
            image = None if matrix is None else frames[frame]
            if matrix is None or image is None:
                table.append(frame=frame, png=None, matrix=None, inverse=None)
                continue
            table.append(
                frame=frame,
                png=encode_png(warp(image, matrix, params.size_px)),
                matrix=matrix.ravel().tolist(),
                inverse=inverse(matrix).ravel().tolist(),
            )


def _smoothed(path: Path, window_frames: int) -> npt.NDArray[np.float64]:
    """T×68×2, smoothed between gaps and cuts; NaN where there is no face."""
    table = read_table(path, "landmarks", ["box", "points"])
    boxes = _rows(table.column("box").to_pylist(), 4)
    points = _rows(table.column("points").to_pylist(), 136)
    return smooth(points, runs(boxes), window_frames).reshape(-1, 68, 2)


def _rows(values: list[list[float] | None], length: int) -> npt.NDArray[np.float64]:
    return np.array([[np.nan] * length if row is None else row for row in values], np.float64)


STAGE = ItemStage(
    name="align",
    outputs=("aligned",),
    process=process,
    items=items,
    code=("align", "landmarks/smooth"),
)
