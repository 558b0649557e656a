"""One face through a clip: detected now and then, followed in between, never invented."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from stccl.landmarks.faces import Box, Detection, FaceFinder, Grey, Picture, Points, overlap, side

Source = Literal["detected", "tracked", "interpolated", "missing"]

SECOND_FACE_AREA = 0.5
"""A second face counts where its box has at least this fraction of the tracked one's area."""

# Doubt: limits beyond what a face did between two frames of real clips at 25–30 Hz. In 2,633 steps
# of 4 people likeness was at least 0.82, steps at most 0.03 sides, the change of size at most 1.02
# and that of shape at most 0.09; in the 5 steps onto a black picture likeness was 0. A false alarm
# costs one run of the detector.
_LIKENESS = 0.8
_STEP_SIDES = 0.2
_SIZE_RATIO = 1.2
_SHAPE_CHANGE = 0.12

# The detector's boxes and those around points differ in size: one face overlaps itself by 0.5–0.9.
_SAME_FACE_OVERLAP = 0.3
_PATCH_PX = 24


@dataclass(frozen=True)
class Observation:
    """What is known of the face in one frame.

    Attributes:
        source: `detected`: the detector ran here and found it; `tracked`: the points were found
            around the place where they were in the frame before; `interpolated`: filled in
            between two frames; `missing`: no face (then the rest is None).
        score: The detector's confidence where it last found the face, on its own scale.
        box: Where the face is.
        points: The 68 points.
    """

    source: Source
    score: float | None = None
    box: Box | None = None
    points: Points | None = None


MISSING = Observation("missing")


@dataclass
class Faces:
    """Counts over the frames in which the detector ran."""

    frames_with_face: int = 0
    frames_with_second: int = 0


@dataclass(frozen=True)
class _Track:
    box: Box
    points: Points
    score: float
    patch: npt.NDArray[np.float32]


@dataclass
class Tracker:
    """Follows the largest face of a clip.

    The detector runs in the first frame, at least every `redetect_every_frames`, and whenever the
    face moves, grows, bends or changes its look more than a face does between two frames. Tracked
    frames are held back until the next detection confirms them; where it finds no face or another
    one, the detector is run on each of them. Memory is bounded by `redetect_every_frames`
    pictures, however long the clip.

    Args:
        finder: Detector and point model.
        redetect_every_frames: 1 runs the detector on every frame.
    """

    finder: FaceFinder
    redetect_every_frames: int
    faces: Faces = field(default_factory=Faces)

    def follow(self, pictures: Iterable[Picture]) -> Iterator[Observation]:
        """One observation per picture, in order, `detected`, `tracked` or `missing`."""
        track: _Track | None = None
        held: list[tuple[Picture, _Track]] = []
        for picture in pictures:
            due = len(held) + 1 >= self.redetect_every_frames
            step = None if track is None or due else self._step(picture, track)
            if step is not None:
                held.append((picture, step))
                track = step
                continue
            found = self._detect(picture, track)
            if found and track and overlap(found.box, track.box) >= _SAME_FACE_OVERLAP:
                for _, tracked in held:
                    yield _observation("tracked", tracked)
            else:
                yield from self._look_again([earlier for earlier, _ in held])
            held = []
            track = found
            yield _observation("detected", found) if found else MISSING
        if held:
            # The last frames have no detection after them, so their own last one gets it.
            *earlier, (picture, last) = held
            found = self._detect(picture, last)
            if found and overlap(found.box, last.box) >= _SAME_FACE_OVERLAP:
                for _, tracked in earlier:
                    yield _observation("tracked", tracked)
            else:
                yield from self._look_again([p for p, _ in earlier])
            yield _observation("detected", found) if found else MISSING

    def _look_again(self, pictures: list[Picture]) -> Iterator[Observation]:
        track = None
        for picture in pictures:
            track = self._detect(picture, track)
            yield _observation("detected", track) if track else MISSING

    def _detect(self, picture: Picture, track: _Track | None) -> _Track | None:
        known = None if track is None else side(track.box)
        detections = self.finder.detect(picture, side_px=known)
        if not detections:
            return None
        chosen = _choose(detections, track)
        self.faces.frames_with_face += 1
        self.faces.frames_with_second += any(
            side(other.box) ** 2 >= SECOND_FACE_AREA * side(chosen.box) ** 2
            and overlap(other.box, chosen.box) < _SAME_FACE_OVERLAP
            for other in detections
            if other is not chosen
        )
        # The detector's boxes come in coarse steps, the box around the points does not: the points
        # are found again in it, as in the tracked frames before and after.
        box = self.finder.box_around(self.finder.points(picture, chosen.box))
        return self._look(picture, box, chosen.score)

    def _step(self, picture: Picture, before: _Track) -> _Track | None:
        """The face where it was in the frame before; None where that is doubtful."""
        height, width = picture.rgb.shape[:2]
        middle = (before.box[:2] + before.box[2:]) / 2
        if not (0 < middle[0] < width and 0 < middle[1] < height):
            return None
        now = self._look(picture, before.box, before.score)
        return now if now is not None and not _doubtful(before, now) else None

    def _look(self, picture: Picture, box: Box, score: float) -> _Track | None:
        try:
            points = self.finder.points(picture, box)
        except ValueError:  # the box lies outside the picture
            return None
        around = self.finder.box_around(points)
        return _Track(around, points, score, _patch(picture.grey, around))


def _choose(detections: list[Detection], track: _Track | None) -> Detection:
    """The tracked face where it is among them, else the largest."""
    if track is not None:
        nearest = max(detections, key=lambda detection: overlap(detection.box, track.box))
        if overlap(nearest.box, track.box) >= _SAME_FACE_OVERLAP:
            return nearest
    return max(detections, key=lambda detection: side(detection.box))


def _doubtful(before: _Track, now: _Track) -> bool:
    size = side(before.box)
    step = np.hypot(*(now.box[:2] + now.box[2:] - before.box[:2] - before.box[2:])) / 2
    ratio = side(now.box) / size if size else np.inf
    return bool(
        step > _STEP_SIDES * size
        or not 1 / _SIZE_RATIO < ratio < _SIZE_RATIO
        or shape_change(before.points, now.points) > _SHAPE_CHANGE
        or likeness(before.patch, now.patch) < _LIKENESS
    )


def shape_change(before: Points, now: Points) -> float:
    """RMS distance between two shapes, place and size removed, in units of the shape's size.

    >>> square = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    >>> round(shape_change(square, 3 * square + 7), 6)
    0.0
    """
    a, b = (p.astype(np.float64) - p.mean(0, dtype=np.float64) for p in (before, now))
    a_size, b_size = np.linalg.norm(a), np.linalg.norm(b)
    if a_size == 0 or b_size == 0:
        return float("inf")
    return float(np.linalg.norm(a / a_size - b / b_size))


def likeness(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Normalised correlation of two patches, -1–1; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 1e-6 else 0.0


def _patch(grey: Grey, box: Box) -> npt.NDArray[np.float32]:
    """The face, small and grey; beyond the picture's border its edge goes on."""
    height, width = grey.shape
    x0, y0, x1, y1 = np.rint(box).astype(int)
    part = grey[min(max(y0, 0), height - 1) : max(y1, 1), min(max(x0, 0), width - 1) : max(x1, 1)]
    small = cv2.resize(part, (_PATCH_PX, _PATCH_PX), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def _observation(source: Source, track: _Track) -> Observation:
    return Observation(source, track.score, track.box, track.points)
