"""How good the judges are themselves, on speakers they never saw."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stccl.evaluation.lip_sync import MAX_SHIFT_FRAMES, sync_score
from stccl.experts.lip_sync import SyncEmbeddings

SHIFT_FRAMES = 5
"""200 ms at 25 pictures a second."""


def check_sync(clips: Sequence[SyncEmbeddings]) -> dict[str, float | int]:
    """How well lips in step are told from lips out of step; clips of 10 windows at least.

    Returns:
        `clips`; `in_step`: share of clips whose lips are nearer to their sound than to that 200 ms
        before and to that 200 ms after; `in_step_either`: share of the two comparisons; `offset_0`
        and `offset_1`: share of clips whose offset is found, exactly and to a frame; `lse_d`,
        `lse_c`: means.
    """
    scores = [sync_score(*clip) for clip in clips]
    places = MAX_SHIFT_FRAMES + np.array([0, -SHIFT_FRAMES, SHIFT_FRAMES])
    now, *shifted = np.stack([score.distances.numpy()[places] for score in scores]).T
    nearer = np.stack([now < there for there in shifted])
    offsets = np.abs([score.offset_frames for score in scores])
    return {
        "clips": len(clips),
        "in_step": float(nearer.all(axis=0).mean()),
        "in_step_either": float(nearer.mean()),
        "offset_0": float(np.mean(offsets == 0)),
        "offset_1": float(np.mean(offsets <= 1)),
        "lse_d": float(np.mean([score.distance for score in scores])),
        "lse_c": float(np.mean([score.confidence for score in scores])),
    }


def check_emotions(clips: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How often the emotion of a clip is recognised.

    Args:
        clips: The emotion of each, and the one that was recognised.

    Returns:
        `clips`; `accuracy`, the share of them; `chance`, that of always naming the most frequent;
        `confusion`: shown emotion, then recognised emotion, to the number of clips.
    """
    shown = [emotion for emotion, _ in clips]
    confusion: dict[str, dict[str, int]] = {}
    for emotion, recognised in sorted(clips):
        row = confusion.setdefault(emotion, {})
        row[recognised] = row.get(recognised, 0) + 1
    return {
        "clips": len(clips),
        "accuracy": float(np.mean([emotion == recognised for emotion, recognised in clips])),
        "chance": max(shown.count(emotion) for emotion in shown) / len(shown),
        "confusion": confusion,
    }


def check_identity(people: Mapping[str, Tensor]) -> dict[str, float | int | None]:
    """How well pictures of one person are told from those of two, by the cosine of embeddings.

    Args:
        people: (N, D) embeddings of frames by speaker.

    Returns:
        `pairs` of frames; `same` and `different`: mean cosine of pairs of one speaker and of two;
        `auc`: the chance that one of the first is above one of the second; `accuracy` at the best
        threshold. The last three are None where there is one speaker.
    """
    units = torch.cat([value / value.norm(dim=1, keepdim=True) for value in people.values()])
    who = np.repeat(np.arange(len(people)), [len(value) for value in people.values()])
    pairs = np.array(list(combinations(range(len(units)), 2)))
    cosines = (units[pairs[:, 0]] * units[pairs[:, 1]]).sum(dim=1).double().numpy()
    equal = who[pairs[:, 0]] == who[pairs[:, 1]]
    same, different = cosines[equal], cosines[~equal]
    found: dict[str, float | int | None] = {"pairs": len(pairs), "same": float(same.mean())}
    if not len(different):
        return {**found, "different": None, "auc": None, "accuracy": None}
    below = np.searchsorted(np.sort(different), same, side="left")
    up_to = np.searchsorted(np.sort(different), same, side="right")
    right = [
        np.mean([np.mean(same >= threshold), np.mean(different < threshold)])
        for threshold in np.unique(cosines)
    ]
    return {
        **found,
        "different": float(different.mean()),
        "auc": float((below + up_to).mean() / 2 / len(different)),
        "accuracy": float(max(right)),
    }
