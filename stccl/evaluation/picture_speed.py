"""Whether the pictures of two clips run at one speed, by how far their mouths open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stccl.evaluation.mouth import opening, pearson
from stccl.tables.io import read_table

Openings = npt.NDArray[np.float64]
"""A value per frame; NaN where there is no face."""

_LARGEST_SPEED = 4 / 3
_SPEED_RATIO = 1.01
_LARGEST_OFFSET_FRAMES = 3
_LEAST_FRAMES = 50

# When another speed is believed. Mouths of unrelated sentences open and close about as often as
# each other, so of some hundred speeds and offsets the best always looks like something. 25 real
# clips of 3–5 s: 8 pairs that show the same words at another speed came to 0.67–0.92 either way
# round, from at most 0.35 with any offset at speed 1, and 0.48 in the worse half of a clip. Of the
# 536 ordered pairs of different sentences none came above 0.63 and so none is believed; of as many
# with one clip played backwards, 1 is.
_LEAST_CORRELATION = 0.65
_LEAST_GAIN = 0.2
_LEAST_IN_EACH_HALF = 0.4


@dataclass(frozen=True)
class PictureSpeed:
    r"""How the pictures of a generated clip run next to those of its source.

    Frame g of the generated clip shows what the source shows at frame

    .. math:: f(g) = v \, g + o

    Attributes:
        speed: v; 1 where the pictures are in step, or nothing tells them not to be.
        offset_frames: o; 0 where the speed is 1.
        as_played: Correlation of the mouth openings frame k with frame k, as a viewer sees them;
            None where it cannot be told.
        corrected: The same along f.
    """

    speed: float
    offset_frames: float
    as_played: float | None
    corrected: float | None

    def frames(self, generated_frames: int) -> list[int]:
        """The source frame f of every generated frame, rounded; it may lie outside of the source.

        >>> PictureSpeed(1.2, -1, None, None).frames(6)
        [-1, 0, 1, 3, 4, 5]
        """
        at = np.rint(self.speed * np.arange(generated_frames) + self.offset_frames)
        return [int(frame) for frame in at]


def mouth_openings(data: Path, clip: str) -> Openings:
    """Distance of the inner lips over that of the outer eye corners, in every frame of a clip.

    Args:
        data: Holds `landmarks/`.
        clip: Id of the clip.
    """
    found = read_table(data / "landmarks" / f"{clip}.parquet", "landmarks").column("points")
    points = np.array(
        [np.full(136, np.nan) if row is None else row for row in found.to_pylist()], np.float64
    ).reshape(-1, 68, 2)
    return opening(points)


def picture_speed(source: Openings, generated: Openings) -> PictureSpeed:
    """The speed at which two mouths move together, where that is beyond doubt not 1.

    Frames that were recorded at one rate and are shown at another (30 taken for 25 a second: 1.2)
    drift away from their sound, and nothing in the file says so. Speeds from 3/4 to 4/3 in steps of
    1 % and offsets of up to 3 frames are tried. Another speed than 1 is believed where the mouths
    correlate by 0.65 at least, by 0.2 more than at speed 1 with any of the offsets, and by 0.4 at
    least in each half of the clip, and 50 frames at least show both of them.

    Args:
        source: One opening per frame.
        generated: Likewise, at the same frame rate.
    """
    as_played = pearson(*_together(source, generated, 1.0, 0.0))
    steps = int(np.log(_LARGEST_SPEED) / np.log(_SPEED_RATIO))
    offsets = np.arange(-_LARGEST_OFFSET_FRAMES, _LARGEST_OFFSET_FRAMES + 1.0)
    in_step = _best(source, generated, [1.0], offsets)
    found = _best(source, generated, _SPEED_RATIO ** np.arange(-steps, steps + 1.0), offsets)
    if (
        found is None
        or in_step is None
        or found[0] < max(_LEAST_CORRELATION, in_step[0] + _LEAST_GAIN)
    ):
        return PictureSpeed(1.0, 0.0, as_played, as_played)
    correlation, speed, offset = found
    both = np.array(_together(source, generated, speed, offset))
    halves = [pearson(*half) for half in np.array_split(both, 2, axis=1)]
    if any(half is None or half < _LEAST_IN_EACH_HALF for half in halves):
        return PictureSpeed(1.0, 0.0, as_played, as_played)
    return PictureSpeed(float(speed), float(offset), as_played, correlation)


def _best(
    source: Openings, generated: Openings, speeds: Sequence[float] | Openings, offsets: Openings
) -> tuple[float, float, float] | None:
    """The highest correlation with its speed and offset; of equals, those nearest to 1 and 0."""
    found: list[tuple[float, float, float]] = []
    for speed in sorted(speeds, key=lambda v: abs(np.log(v))):
        for offset in sorted(offsets, key=abs):
            both = _together(source, generated, speed, offset)
            correlation = pearson(*both)
            if correlation is not None and len(both[0]) >= _LEAST_FRAMES:
                found.append((correlation, speed, offset))
    return max(found, key=lambda each: each[0], default=None)


def _together(
    source: Openings, generated: Openings, speed: float, offset: float
) -> tuple[Openings, Openings]:
    """Openings of both at the generated frames where both are known."""
    at = speed * np.arange(len(generated)) + offset
    there = np.interp(at, np.arange(len(source)), source, left=np.nan, right=np.nan)
    known = np.isfinite(there) & np.isfinite(generated)
    return there[known], generated[known]
