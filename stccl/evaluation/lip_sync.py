"""LSE-D and LSE-C: whether lips and sound are in step."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from stccl.evaluation.points import embeddings

MAX_SHIFT_FRAMES = 15
"""Shifts of the sound that are tried: 0.6 s to either side."""

_EPSILON = 1e-6
"""Added to every difference, as in torch's pairwise distance, which the published figures use."""


class SyncScore(NamedTuple):
    """How lips and sound of one clip fit.

    Attributes:
        distances: (2 S + 1,) mean distance with the sound taken -S … S frames later.
        distance: The smallest of them, LSE-D.
        confidence: Their median less the smallest, LSE-C.
        offset_frames: Frames the sound has to be delayed by to fit best; 0 where in step.
    """

    distances: Tensor
    distance: float
    confidence: float
    offset_frames: int


def sync_score(
    lips: Tensor,
    sound: Tensor,
    seen: Tensor | None = None,
    *,
    max_shift_frames: int = MAX_SHIFT_FRAMES,
    zero_padded: bool = False,
) -> SyncScore:
    r"""Distances of lips from sound, over shifts of the sound.

    .. math:: d_k = \operatorname{mean}_n |l_n - s_{n+k}|, \quad k = -S … S

    l, s: embeddings of the windows that begin with picture n. LSE-D is :math:`\min_k d_k`, LSE-C is
    :math:`\operatorname{median}_k d_k - \min_k d_k`, and the offset is :math:`-\arg\min_k d_k`.

    Windows that a shift moves beyond the sound are left out. The published program compares them
    with zeros instead (`zero_padded`), which raises the distance of large shifts, and with it the
    confidence, whatever there is to hear. Shifts that leave fewer than half of the windows are
    not tried, since so few say little.

    Args:
        lips: (N, E) embeddings of pictures.
        sound: (N, E) embeddings of sound.
        seen: (N,) which windows show a face throughout; all without it.
        max_shift_frames: S.
        zero_padded: The published arithmetic.

    Raises:
        ValueError: For other shapes, or where no window can be used.

    Source: Chung and Zisserman, Out of time (ACCV-W 2016), Section 3; Prajwal et al., A lip sync
    expert is all you need (ACM MM 2020), for the names LSE-D and LSE-C.
    """
    lips, sound = embeddings(lips=lips, sound=sound)
    if len(lips) != len(sound):
        raise ValueError(f"expected as much sound as lips, got {len(sound)} and {len(lips)}")
    seen = torch.ones(len(lips), dtype=torch.bool) if seen is None else torch.as_tensor(seen)
    if seen.shape != (len(lips),) or not seen.any():
        raise ValueError(f"expected {len(lips)} windows, some of which are seen, got {seen.shape}")
    count = len(lips)
    shifts = range(-max_shift_frames, max_shift_frames + 1)
    means = []
    for shift in shifts:
        index = torch.arange(count) + shift
        inside = (index >= 0) & (index < count)
        heard = sound[index.clamp(0, count - 1)]
        if zero_padded:
            heard, used = heard * inside[:, None], seen
        else:
            used = seen & inside
        if not zero_padded and 2 * used.sum() < seen.sum():
            means.append(torch.tensor(float("nan"), dtype=torch.float64))
            continue
        means.append((lips[used] - heard[used] + _EPSILON).norm(dim=1).mean())
    distances = torch.stack(means)
    tried = distances.nan_to_num(nan=float("inf"))
    best = int(tried.argmin())
    return SyncScore(
        distances,
        float(tried[best]),
        float(distances.nanmedian() - tried[best]),
        max_shift_frames - best,
    )


class LipSync(Metric):
    """Mean LSE-D and LSE-C over clips, by `sync_score`.

    `lse_d` is at least 0 and lower is better; `lse_c` is at least 0 and higher is better; `offset`
    is the mean of |offset| in frames, lower is better. Their scale is that of the network's
    embeddings, so values under SyncNet and under another network do not compare. A clip without a
    window is left out by not being fed.

    Source: ASCCL, Section 5.2.

    Args:
        zero_padded: The published arithmetic, which favours any clip; see `sync_score`.
        kwargs: Those of `torchmetrics.Metric`.

    >>> windows = 9 * torch.eye(50, 16)
    >>> {k: round(float(v), 3) for k, v in LipSync()(windows, windows.roll(2, 0)).items()}
    {'lse_d': 0.0, 'lse_c': 4.346, 'offset': 2.0}
    """

    higher_is_better = None
    is_differentiable = False
    full_state_update = False
    lse_d: Tensor
    lse_c: Tensor
    offset: Tensor
    clips: Tensor

    def __init__(self, *, zero_padded: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._zero_padded = zero_padded
        for name in ("lse_d", "lse_c", "offset", "clips"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, lips: Tensor, sound: Tensor, seen: Tensor | None = None) -> None:
        """Add a clip; arguments and errors as those of `sync_score`."""
        score = sync_score(lips, sound, seen, zero_padded=self._zero_padded)
        self.lse_d += score.distance
        self.lse_c += score.confidence
        self.offset += abs(score.offset_frames)
        self.clips += 1

    def compute(self) -> dict[str, Tensor]:
        """The means over clips; NaN over none."""
        return {name: getattr(self, name) / self.clips for name in ("lse_d", "lse_c", "offset")}
