"""Windows of a clip, and which of their frames are compared."""

from typing import Literal

import torch
from torch import Tensor

FramePairs = Literal["all", "adjacent"]


def windows(frames: int, length: int | None) -> Tensor:
    """Frames of the windows a clip is cut into, (W, L); none is left out.

    Windows follow each other; the last one ends with the clip, and so may reach back into the one
    before. A clip that is no longer than a window is one window.

    Args:
        frames: T of the clip.
        length: L; None for the whole clip.

    >>> windows(5, 2)
    tensor([[0, 1],
            [2, 3],
            [3, 4]])
    """
    length = min(length or frames, frames)
    starts = [*range(0, frames - length, length), frames - length]
    return torch.tensor(starts)[:, None] + torch.arange(length)


def frame_pairs(frames: int, length: int | None, which: FramePairs) -> tuple[Tensor, Tensor]:
    """Earlier and later frame of every pair that is compared, window by window, (R,) each.

    Args:
        frames: T of the clip.
        length: Of the windows; see `windows`.
        which: All pairs of a window, or those of frames that follow each other.

    >>> [side.tolist() for side in frame_pairs(3, None, "all")]
    [[0, 0, 1], [1, 2, 2]]
    """
    within = windows(frames, length)
    size = within.shape[1]
    earlier, later = torch.triu_indices(size, size, 1)
    if which == "adjacent":
        earlier, later = torch.arange(size - 1), torch.arange(1, size)
    return within[:, earlier].flatten(), within[:, later].flatten()
