"""Short gaps in a track, filled in and marked as such."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stccl.landmarks.smooth import is_cut
from stccl.landmarks.track import Observation


def fill(observations: Sequence[Observation], max_gap_frames: int) -> list[Observation]:
    """Gaps of up to `max_gap_frames` between two frames with the face, filled in linearly.

    Longer ones stay `missing`, and so does every gap at an end of the clip or across a cut.
    The score is that of the frame before the gap.
    """
    filled = list(observations)
    there = [i for i, observation in enumerate(observations) if observation.source != "missing"]
    for start, stop in pairwise(there):
        gap = stop - start - 1
        if not 0 < gap <= max_gap_frames:
            continue
        before, after = observations[start], observations[stop]
        assert before.box is not None
        assert after.box is not None
        assert before.points is not None
        assert after.points is not None
        if is_cut(before.box, after.box):
            continue
        for step in range(1, gap + 1):
            share = step / (gap + 1)
            filled[start + step] = Observation(
                "interpolated",
                before.score,
                _between(before.box, after.box, share),
                _between(before.points, after.points, share),
            )
    return filled


def _between(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], share: float
) -> npt.NDArray[np.float32]:
    return (a + (b - a) * np.float32(share)).astype(np.float32)
