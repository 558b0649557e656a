"""Sample faces of a stage as one picture, for the pages of its flow runs."""

import base64
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image

_CLIPS = 8
_SIDE_PX = 160
_JPEG_QUALITY = 85
_DOT_COLOUR = (64, 255, 64)


def faces_as_data_url(data: Path, table: str) -> str | None:
    """The middle pictures of some clips side by side, as a `data:` address.

    Args:
        data: The data folder.
        table: `frames`, `aligned`, `landmarks` for the frames with their points, or `faces3d` for
            the crops with the fitted mesh.

    Returns:
        The address, or None where there is no picture to show.
    """
    pictures = [_fitted(picture) for picture in islice(_pictures(data, table), _CLIPS)]
    if not pictures:
        return None
    sheet = cv2.cvtColor(np.hstack(pictures), cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def _pictures(data: Path, table: str) -> Iterator[Image]:
    schema = {"landmarks": "frames", "faces3d": "aligned"}.get(table, table)
    paths = sorted(set((data / table).glob("*.parquet")) - {data / table / "rejected.parquet"})
    step = max(1, len(paths) // _CLIPS)  # speakers sort together: look at all of them
    for path in paths[::step]:
        source = data / schema / path.name
        if not source.is_file():
            continue
        with FrameReader(source, schema) as frames:
            middle = len(frames) // 2
            picture = frames[middle] if len(frames) else None
        if picture is None:
            continue
        if table == "landmarks":
            _draw_points(picture, path, middle)
        if table == "faces3d":
            from stccl.fit.overlay import crop_with_mesh  # torch and numba, for this table alone

            shown = crop_with_mesh(data, path.stem, middle)
            if shown is None:
                continue
            picture = shown[1]
        yield picture


def _draw_points(picture: Image, landmarks: Path, frame: int) -> None:
    points = read_table(landmarks, "landmarks", ["points"]).column("points")[frame].as_py()
    radius = max(1, round(min(picture.shape[:2]) / 150))
    for x, y in np.reshape(points or [], (-1, 2)):
        cv2.circle(picture, (round(float(x)), round(float(y))), radius, _DOT_COLOUR, -1)


def _fitted(picture: Image) -> Image:
    """The picture cut to its middle square and scaled."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    return np.asarray(
        cv2.resize(square, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8
    )
