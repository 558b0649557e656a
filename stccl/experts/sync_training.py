"""Training a lip-sync network on the clips at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stccl.errors import StageError
from stccl.experts.params import SyncNetConfig, SyncTrainingParams
from stccl.experts.syncnet import WINDOW_FRAMES, SyncNet
from stccl.experts.windows import SyncWindows
from stccl.training.record import Progress, require_finite

_T = TypeVar("_T")

_LARGEST_NORM = 5.0
_WARM_UP = 0.15
_SHIFT_PX = 3
_GAIN = 0.2
_NOT_ANOTHER = 1
"""Windows that far apart share most of their pictures: neither the same nor another."""


@dataclass(frozen=True)
class SpokenClip:
    """What is learnt from: a clip's windows, and who speaks."""

    speaker: str
    windows: SyncWindows


def train_sync(
    clips: Sequence[SpokenClip],
    config: SyncNetConfig,
    params: SyncTrainingParams,
    *,
    seed: int,
    progress: Progress,
) -> SyncNet:
    r"""A network that finds the sound to the lips, and the lips to the sound.

    Every step draws runs of windows, and of all windows n, m drawn the pair n = m belongs together:

    .. math:: L = -\frac{1}{2N} \sum_n \left(
        \log \frac{e^{-|l_n - s_n|^2}}{\sum_m e^{-|l_n - s_m|^2}} +
        \log \frac{e^{-|l_n - s_n|^2}}{\sum_m e^{-|l_m - s_n|^2}} \right)

    The other windows of the same run are the same mouth a moment later, so that what is learnt is
    time and not who speaks; direct neighbours are left out of the sums. Pictures are moved by up to
    3 px, mirrored and made more or less contrasty, a run at a time.

    Args:
        clips: Speakers are drawn uniformly, then their clips. Clips with fewer windows than a run
            are not used.
        config: Of the network.
        params: Steps and batch.
        seed: Of initial weights and drawing; the same gives the same network.
        progress: Called as (steps done, steps).

    Raises:
        StageError: Where no clip is long enough, or the loss is no longer finite.

    Source: Chung and Zisserman (ACCV-W 2016) for the pairs; the loss is InfoNCE, van den Oord et
    al. (2018), with negatives of the same clip as Chung et al., Perfect match (ICASSP 2019).
    """
    by_speaker = _long_enough(clips, params.run_windows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SyncNet(config)
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, params.learning_rate, params.steps, pct_start=_WARM_UP
    )
    for step in range(params.steps):
        random = np.random.default_rng([seed, step])
        runs = [_run(_one_of(random, by_speaker), random, params) for _ in range(params.batch_runs)]
        pictures, sound = (torch.stack(side) for side in zip(*runs, strict=True))
        loss = sync_loss(
            network.lips(pictures).flatten(0, 1),
            network.sound(sound.flatten(0, 1)),
            params.run_windows,
        )
        remedy = "lower experts.sync_training.learning_rate"
        require_finite({"the loss of lip sync": float(loss.detach())}, "experts", step + 1, remedy)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_NORM)
        optimizer.step()
        schedule.step()
        progress(step + 1, params.steps)
    return network.freeze()


def sync_loss(lips: Tensor, sound: Tensor, run_windows: int) -> Tensor:
    """L of `train_sync` for (N, E) embeddings of runs of `run_windows` windows each."""
    count = len(lips)
    squares = (lips**2).sum(1)[:, None] + (sound**2).sum(1) - 2 * lips @ sound.T
    index = torch.arange(count)
    apart = (index[:, None] - index).abs()
    same_run = index[:, None] // run_windows == index // run_windows
    ambiguous = same_run & (apart > 0) & (apart <= _NOT_ANOTHER)
    logits = (-squares).masked_fill(ambiguous, -torch.inf)
    return (functional.cross_entropy(logits, index) + functional.cross_entropy(logits.T, index)) / 2


def _run(
    clips: Sequence[SpokenClip], random: np.random.Generator, params: SyncTrainingParams
) -> tuple[Tensor, Tensor]:
    """(C, R + 4, side, side) pictures and (R, 1, 13, 20) sound of a stretch of a clip."""
    windows = _one_of(random, clips).windows
    start = _one_of(random, _starts(windows, params.run_windows))
    end = start + params.run_windows
    pictures = windows.pictures[:, start : end + WINDOW_FRAMES - 1]
    shift = random.integers(-_SHIFT_PX, _SHIFT_PX + 1, 2).tolist()
    pictures = torch.roll(pictures, shift, (2, 3))
    if random.random() < 0.5:
        pictures = pictures.flip(3)
    return pictures * float(np.exp(random.normal(0, _GAIN))), windows.sound[start:end]


def _long_enough(clips: Sequence[SpokenClip], run_windows: int) -> list[list[SpokenClip]]:
    by_speaker: dict[str, list[SpokenClip]] = {}
    for clip in clips:
        if len(_starts(clip.windows, run_windows)):
            by_speaker.setdefault(clip.speaker, []).append(clip)
    if not by_speaker:
        raise StageError(
            f"experts: none of {len(clips)} clips of split metric-train has a face for "
            f"{run_windows} windows in a row; give longer clips or lower "
            "experts.sync_training.run_windows"
        )
    return [by_speaker[speaker] for speaker in sorted(by_speaker)]


def _starts(windows: SyncWindows, run_windows: int) -> list[int]:
    """Where a run of windows that show a face can begin."""
    if len(windows.seen) < run_windows:
        return []
    runs = np.lib.stride_tricks.sliding_window_view(windows.seen, run_windows).all(axis=1)
    return [int(start) for start in np.flatnonzero(runs)]


def _one_of(random: np.random.Generator, choices: Sequence[_T]) -> _T:
    return choices[int(random.integers(len(choices)))]
