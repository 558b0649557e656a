"""Smoothing over time that never crosses a gap or a cut."""

import numpy as np
import numpy.typing as npt

Runs = list[tuple[int, int]]
"""Half-open ranges of frames, in order."""


def runs(boxes: npt.NDArray[np.floating]) -> Runs:
    """Stretches of frames in which one face moves on steadily.

    Args:
        boxes: T×4 (x0 y0 x1 y1, pixels); NaN where there is no face.

    Returns:
        Ranges without a missing frame, cut as well where two boxes one after the other have their
        middles more than half a side apart: no face moves so fast, so that is a cut.

    >>> nan = [float("nan")] * 4
    >>> runs(np.array([[0, 0, 9, 9], [1, 0, 10, 9], nan, [2, 0, 11, 9], [90, 0, 99, 9]]))
    [(0, 2), (3, 4), (4, 5)]
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    there = np.asarray(np.isfinite(boxes).all(axis=1))
    found: Runs = []
    start: int | None = None
    for frame, seen in enumerate(there):
        if start is not None and (not seen or is_cut(boxes[frame - 1], boxes[frame])):
            found.append((start, frame))
            start = None
        if seen and start is None:
            start = frame
    if start is not None:
        found.append((start, len(boxes)))
    return found


def is_cut(before: npt.NDArray[np.floating], after: npt.NDArray[np.floating]) -> bool:
    """Whether the middle of a box moved by more than half the box's side."""
    step = np.hypot(*(after[:2] + after[2:] - before[:2] - before[2:])) / 2
    return bool(step > 0.5 * min(np.ptp(before[::2]), np.ptp(after[::2])))


def smooth(
    values: npt.NDArray[np.floating], within: Runs, window_frames: int
) -> npt.NDArray[np.float64]:
    r"""The running mean over time, inside each run.

    .. math:: \bar v_t = \frac{1}{2h+1} \sum_{k=-h}^{h} v_{t+k}

    with half-width :math:`h` = (window − 1) // 2, narrowed towards the ends of a run to what is
    there on both sides: steady motion is kept exactly, at the ends as well.

    Args:
        values: T×D.
        within: Ranges of frames to smooth over; other frames are returned as they are.
        window_frames: An even window acts as the next smaller odd one.

    >>> smooth(np.array([[0.0], [1.0], [5.0], [3.0]]), [(0, 4)], 3).ravel().tolist()
    [0.0, 2.0, 3.0, 3.0]
    """
    result = np.array(values, np.float64)
    half = (window_frames - 1) // 2
    for start, stop in within:
        run = np.asarray(values[start:stop], np.float64)
        sums = np.concatenate((np.zeros_like(run[:1]), np.cumsum(run - run[0], axis=0)))
        frame = np.arange(len(run))
        reach = np.minimum(half, np.minimum(frame, frame[::-1]))
        total = sums[frame + reach + 1] - sums[frame - reach]
        result[start:stop] = run[0] + total / (2 * reach + 1)[:, None]
    return result
