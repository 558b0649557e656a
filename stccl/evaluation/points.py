"""Landmarks and embeddings as the measures take them, checked."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
Points = npt.ArrayLike | Tensor
"""(T, 68, 2) x, y in px, in 300-W order; NaN in frames without a face."""


def two_clips(generated: Points, reference: Points) -> tuple[Floats, Floats]:
    """The points of two clips of equal length.

    Raises:
        ValueError: Where they are no points, or as many frames do not belong together.
    """
    both = np.asarray(generated, np.float64), np.asarray(reference, np.float64)
    for name, points in zip(("generated", "reference"), both, strict=True):
        if points.ndim != 3 or points.shape[1:] != (68, 2):
            raise ValueError(f"{name}: expected points of shape (T, 68, 2), got {points.shape}")
    if len(both[0]) != len(both[1]):
        raise ValueError(
            f"expected as many frames of both clips, got {len(both[0])} and {len(both[1])}"
        )
    return both


def with_faces(*clips: Floats) -> npt.NDArray[np.bool_]:
    """(T,) whether every clip has a face in a frame."""
    known = [np.isfinite(points).all(axis=(1, 2)) for points in clips]
    return np.asarray(np.logical_and.reduce(known), np.bool_)


def embeddings(**given: Tensor) -> Sequence[Tensor]:
    """Embeddings (N, D) of equal D, in double precision.

    Raises:
        ValueError: For another shape, no embedding at all, or one that is not finite.
    """
    found = [value.detach().double().cpu() for value in given.values()]
    for name, value in zip(given, found, strict=True):
        if value.ndim != 2 or not len(value):
            raise ValueError(f"{name}: expected embeddings (N, D), got {tuple(value.shape)}")
        if not torch.isfinite(value).all():
            raise ValueError(f"{name}: expected finite embeddings, got some that are not")
    sizes = [value.shape[1] for value in found]
    if len(set(sizes)) > 1:
        raise ValueError(f"expected embeddings of one size, got {' and '.join(map(str, sizes))}")
    return found
