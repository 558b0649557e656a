"""The `landmarks` stage: frames in, a face box and 68 points per frame out."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.landmarks.faces import FaceFinder, Picture
from stccl.landmarks.gaps import fill
from stccl.landmarks.params import LandmarksParams
from stccl.landmarks.smooth import runs, smooth
from stccl.landmarks.track import SECOND_FACE_AREA, Observation, Tracker
from stccl.perclip import Item, ItemStage, Outputs, upstream
from stccl.tables.frames import FrameReader

MAX_SECOND_FACE_FRACTION = 0.25
"""Clips in which more of the frames with a face show a second one are rejected."""

_NO_BOX = np.full(4, np.nan, np.float32)


def items(data: Path) -> list[Item]:
    """Every clip whose frames were extracted."""
    found = ((clip, upstream(data, "frames", clip.clip)) for clip in read_clips(data))
    return [Item(clip.clip, clip, inputs) for clip, inputs in found if inputs is not None]


def process(clip: Clip, data: Path, params: LandmarksParams, out: Outputs) -> None:
    """Find, track, check, fill gaps, smooth boxes, write."""
    tracker = Tracker(face_finder(params.detector), params.redetect_every_frames)
    with FrameReader(data / "frames" / f"{clip.clip}.parquet", "frames") as frames:
        observations = list(tracker.follow(_pictures(frames)))
    _check(tracker, observations, params.min_face_fraction)
    observations = fill(observations, params.max_gap_frames)
    table = out.table("landmarks")
    for frame, seen in enumerate(_smooth_boxes(observations, params.box_smoothing_frames)):
        table.append(
            frame=frame,
            source=seen.source,
            score=seen.score,
            box=None if seen.box is None else seen.box.tolist(),
            points=None if seen.points is None else seen.points.ravel().tolist(),
        )


@cache
def face_finder(detector: str) -> FaceFinder:
    """The face finder of that name; its models are loaded once per process.

    Raises:
        StageError: Where they are not there.
    """
    if detector == "fan":
        from stccl.landmarks.fan import Fan  # torch and numba: seconds that dlib need not pay

        return Fan()
    from stccl.landmarks.dlib68 import Dlib68

    return Dlib68()


def _pictures(frames: FrameReader) -> Iterator[Picture]:
    for image in frames:
        assert image is not None
        yield Picture(image)


def _check(tracker: Tracker, observations: list[Observation], min_face_fraction: float) -> None:
    total = len(observations)
    found = sum(observation.source != "missing" for observation in observations)
    if not found:
        raise ClipRejected(
            "no_face",
            f"no face in any of {total} frames",
            "use clips that show one face from the front",
        )
    faces = tracker.faces
    if faces.frames_with_second > MAX_SECOND_FACE_FRACTION * faces.frames_with_face:
        raise ClipRejected(
            "two_faces",
            f"a second face of at least {SECOND_FACE_AREA:.0%} of the first one's area in "
            f"{faces.frames_with_second} of {faces.frames_with_face} frames looked at",
            "crop the clip to the speaker",
        )
    if found < min_face_fraction * total:
        raise ClipRejected(
            "face_lost",
            f"a face in {found} of {total} frames ({found / total:.0%}), fewer than "
            f"landmarks.min_face_fraction = {min_face_fraction:g} asks for",
            "cut the clip to the part that shows the face, or lower that parameter",
        )


def _smooth_boxes(observations: list[Observation], window_frames: int) -> list[Observation]:
    boxes = np.array([_NO_BOX if seen.box is None else seen.box for seen in observations])
    smoothed = smooth(boxes, runs(boxes), window_frames).astype(np.float32)
    return [
        seen if seen.box is None else replace(seen, box=box)
        for seen, box in zip(observations, smoothed, strict=True)
    ]


STAGE = ItemStage(
    name="landmarks", outputs=("landmarks",), process=process, items=items, code=("landmarks",)
)
