"""Similarities of corresponding and of other regions, as numbers."""

from typing import NamedTuple

import torch
from torch import Tensor

from stccl.metric.contrast import mean_cosines, unit_vectors
from stccl.metric.part import Level


class PartSimilarity(NamedTuple):
    """Similarities of one part of the metric, each (B, 4): a row per sample, a column per level."""

    positive_cosine: Tensor
    negative_cosine: Tensor
    positive_pearson: Tensor
    negative_pearson: Tensor


class Similarity(NamedTuple):
    """How alike two batches are; None for a part that is switched off or has a single frame."""

    spatial: PartSimilarity | None
    temporal: PartSimilarity | None


def part_similarity(levels: list[Level], samples: int) -> PartSimilarity | None:
    """Means over everything that was compared, sample by sample; None without levels."""
    if not levels:
        return None
    columns = []
    for level in levels:
        cosines = mean_cosines(level.query, level.key)
        pearsons = mean_cosines(_centred(level.query), _centred(level.key))
        columns.append([v.view(samples, -1).mean(dim=1) for v in (*cosines, *pearsons)])
    return PartSimilarity(*(torch.stack(column, dim=1) for column in zip(*columns, strict=True)))


def batch_cosines(levels: list[Level]) -> tuple[Tensor, Tensor]:
    """Mean positive and negative cosine over levels, of the vectors that count; 0 without any."""
    means = []
    for level in levels:
        cosines = torch.stack(mean_cosines(level.query, level.key, level.counted))
        if level.counted is None:
            means.append(cosines.mean(dim=1))
            continue
        seen = level.counted.any(dim=1)
        means.append((cosines * seen).sum(dim=1) / seen.sum().clamp(min=1))
    positive, negative = torch.stack(means).mean(dim=0)
    return positive, negative


def _centred(vectors: Tensor) -> Tensor:
    """Unit vectors whose products are Pearson correlations over channels."""
    return unit_vectors(vectors - vectors.mean(dim=-1, keepdim=True))
