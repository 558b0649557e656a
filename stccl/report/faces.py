"""Pictures of the page: matched faces of two clips, faces with their points, one face per clip."""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from stccl.clip import Clip
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image

JPEG_QUALITY = 86
"""A picture of the page is to be looked at, not measured: a fifth of the bytes of its PNG."""

_POINT_COLOUR = (80, 250, 160)
_BOX_COLOUR = (255, 200, 60)


@dataclass(frozen=True)
class Match:
    """Two crops that a warping path puts beside each other, and their times in their clips."""

    source: Image
    target: Image
    source_time_s: float
    target_time_s: float


def data_url(image: Image) -> str:
    """The picture as a JPEG in a `data:` URL."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    written, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert written, image.shape
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def fit(image: Image, side_px: int) -> Image:
    """The picture made smaller, never larger, until its longer side is at most `side_px`."""
    scale = side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(length * scale)) for length in image.shape[1::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def spread(pairs: pd.DataFrame, count: int) -> list[str]:
    """Pairs to show, as different from each other as there are speakers, emotions and splits.

    Args:
        pairs: One row per pair, indexed by pair; columns `speaker`, `target_emotion`, `split`.
        count: How many; fewer where there are fewer.
    """
    kinds = pairs[["split", "speaker", "target_emotion"]].to_dict("index")
    left = {str(pair): list(kind.items()) for pair, kind in kinds.items()}
    seen: Counter[tuple[object, object]] = Counter()
    chosen: list[str] = []
    while left and len(chosen) < count:
        pair = min(left, key=lambda pair: (sum(seen[kind] for kind in left[pair]), pair))
        seen.update(left.pop(pair))
        chosen.append(pair)
    return chosen


def matches(data: Path, path: pd.DataFrame, count: int, frame_rate_hz: float) -> list[Match]:
    """Crops of steps spread evenly over a warping path, where both clips have a face.

    Args:
        data: The data folder.
        path: Rows of the `pairs` table of one pair, by step.
        count: How many; fewer where the path has fewer such steps.
        frame_rate_hz: Of both clips.
    """
    row = path.iloc[0]
    tables = [data / "aligned" / f"{row[side]}.parquet" for side in ("source", "target")]
    with FrameReader(tables[0], "aligned") as source, FrameReader(tables[1], "aligned") as target:
        both = (
            _has_face(tables[0])[path["source_frame"]] & _has_face(tables[1])[path["target_frame"]]
        )
        found = []
        for step in evenly(np.flatnonzero(both), count):
            i, j = (int(path[f"{side}_frame"].iloc[step]) for side in ("source", "target"))
            above, below = source[i], target[j]
            if above is not None and below is not None:
                found.append(Match(above, below, i / frame_rate_hz, j / frame_rate_hz))
    return found


def evenly(items: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """`count` of the items, at the middles of as many equal stretches of them.

    >>> evenly(np.arange(10), 2).tolist(), evenly(np.arange(2), 5).tolist()
    ([2, 7], [0, 1])
    """
    count = min(count, len(items))
    places = (np.arange(count) + 0.5) * len(items) / max(count, 1)
    return np.asarray(items[places.astype(int)])


def face_with_points(data: Path, clip: str, side_px: int) -> tuple[Image, Image, int] | None:
    """A frame with its face box and 68 points drawn in, the crop made of it, and its number.

    The frame with a crop nearest the middle of the clip; None where no frame has one.
    """
    aligned = data / "aligned" / f"{clip}.parquet"
    known = np.flatnonzero(_has_face(aligned))
    if not len(known):
        return None
    frame = int(evenly(known, 1)[0])
    row = read_table(data / "landmarks" / f"{clip}.parquet", "landmarks").slice(frame, 1)
    points, box = row.column("points")[0].as_py(), row.column("box")[0].as_py()
    with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as pictures:
        picture = pictures[frame]
    with FrameReader(aligned, "aligned") as crops:
        crop = crops[frame]
    if picture is None or crop is None or points is None or box is None:
        return None
    return _draw(picture, np.array(points).reshape(-1, 2), np.array(box), side_px), crop, frame


def portrait(data: Path, clip: str, side_px: int) -> Image | None:
    """The crop nearest the middle of a clip, small; None where no frame has a face."""
    table = data / "aligned" / f"{clip}.parquet"
    known = np.flatnonzero(_has_face(table))
    if not len(known):
        return None
    with FrameReader(table, "aligned") as crops:
        crop = crops[int(evenly(known, 1)[0])]
    return None if crop is None else fit(crop, side_px)


def sheet_clips(clips: Sequence[Clip], speakers: int) -> dict[str, dict[str, Clip]]:
    """For each of the first speakers and each emotion, one clip: the most intense, first by id."""
    sheet: dict[str, dict[str, Clip]] = {}
    for clip in sorted(clips, key=lambda c: (c.speaker, c.emotion, -c.level, c.clip)):
        if clip.speaker in sheet or len(sheet) < speakers:
            sheet.setdefault(clip.speaker, {}).setdefault(clip.emotion, clip)
    return sheet


def _has_face(table: Path) -> npt.NDArray[np.bool_]:
    matrix = read_table(table, "aligned", ["matrix"]).column("matrix")
    return np.asarray(matrix.is_valid().to_numpy(), bool)


def _draw(
    image: Image, points: npt.NDArray[np.float64], box: npt.NDArray[np.float64], side_px: int
) -> Image:
    # Scaled first, drawn after: the marks keep their size whatever the resolution of the clip.
    small = fit(image, side_px)
    scale = small.shape[1] / image.shape[1]
    canvas = np.ascontiguousarray(small.copy())
    subpixel = 4  # fractional bits of the coordinates
    x0, y0, x1, y1 = (round(v * scale * 2**subpixel) for v in box)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), _BOX_COLOUR, 1, cv2.LINE_AA, subpixel)
    for x, y in points * scale:
        centre = (round(x * 2**subpixel), round(y * 2**subpixel))
        cv2.circle(
            canvas, centre, round(1.4 * 2**subpixel), _POINT_COLOUR, -1, cv2.LINE_AA, subpixel
        )
    return canvas
