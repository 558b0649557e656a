"""From overlapping windows to a sequence and back."""

from typing import Literal

import torch
from torch import Tensor

Ends = Literal["published", "blended"]


def taps(frames: int) -> Tensor:
    r"""How much each frame of a window counts where windows overlap; they sum to 1.

    .. math:: w_i \propto \exp\left(-\frac{d_i^2}{2 \sigma^2}\right), \quad
        \sigma = 0.3 \left(\frac{n - 1}{2} - 1\right) + 0.8

    with d the distance from the window's middle in frames, and 0 for both frames next to it where
    n is even: OpenCV's Gaussian kernel, of the published test procedure; sigma is 1.85 for n = 10.

    Args:
        frames: n.

    Returns:
        (n,) float64.

    >>> taps(10)[:5].numpy().round(4)
    array([0.0111, 0.0357, 0.0857, 0.1538, 0.2137])
    """
    middle = (frames - 1) / 2
    sigma = 0.3 * (middle - 1) + 0.8
    distance = (torch.arange(frames, dtype=torch.float64) - middle).abs()
    distance = torch.where(distance < 1, 0, distance) if frames % 2 == 0 else distance
    weights = torch.exp(-distance.square() / (2 * sigma**2))
    return weights / weights.sum()


def windows_of(signal: Tensor, frames: int) -> Tensor:
    """(W, n, N): every n frames that follow each other in (T, N); all of them where T < n."""
    return signal.unfold(0, min(frames, len(signal)), 1).movedim(-1, 1)


def overlap_add(windows: Tensor, ends: Ends = "published") -> Tensor:
    r"""The sequence that windows, each a frame later, agree on.

    .. math:: x_t = \frac{\sum_i w_i \, x^{(t - i)}_i}{\sum_i w_i}

    over the windows t - i that there are, with the `taps` w; where n windows show a frame the
    weights sum to 1. `published` ends are NED's: the first n - 1 frames are those of the first
    window and the last n - 1 those of the last, which has the last word. A window's frames are its
    own there, so that what is seen may jump where others begin to count; `blended` ends do not.

    Args:
        windows: (W, n, N).
        ends: What becomes of frames that fewer than n windows show.

    Returns:
        (W + n - 1, N).
    """
    count, frames, _ = windows.shape
    added = windows.new_zeros(count + frames - 1, windows.shape[2])
    total = windows.new_zeros(count + frames - 1, 1)
    for place, weight in enumerate(taps(frames).to(windows)):
        added[place : place + count] += weight * windows[:, place]
        total[place : place + count] += weight
    added /= total
    if ends == "published":
        added[: frames - 1] = windows[0, :-1]
        added[count:] = windows[-1, 1:]
    return added
