"""What the 68 points say of a mouth: how far it is open, and where its points are."""

import numpy as np
import numpy.typing as npt

from stccl.align.warp import apply, similarity

Floats = npt.NDArray[np.float64]

STEADY = (*range(27, 36), 36, 39, 42, 45)
"""Nose and corners of the eyes: what neither speech nor an expression moves much."""

MOUTH = slice(48, 68)


def opening(points: npt.NDArray[np.floating]) -> Floats:
    """(…, 68, 2) points to (…): distance of the inner lips over that of the outer eye corners."""
    lips = np.linalg.norm(points[..., 61:64, :] - points[..., [67, 66, 65], :], axis=-1)
    return np.asarray(lips.mean(axis=-1) / inter_ocular(points), np.float64)


def inter_ocular(points: npt.NDArray[np.floating]) -> Floats:
    """(…, 68, 2) points to (…): distance of the outer corners of the eyes."""
    return np.asarray(np.linalg.norm(points[..., 36, :] - points[..., 45, :], axis=-1), np.float64)


def aligned(points: npt.NDArray[np.floating], reference: npt.NDArray[np.floating]) -> Floats:
    """Points (T, 68, 2) moved so that the steady ones of every frame lie on those of `reference`.

    A similarity per frame takes away where the head is, how large and how it is turned in the
    picture. NaN where the points of a frame determine none.
    """
    steady = list(STEADY)
    moved = np.full(points.shape, np.nan)
    for k, (face, target) in enumerate(zip(points, reference, strict=True)):
        if np.isfinite(target).all() and np.isfinite(face).all():
            matrix = similarity(face[steady], target[steady])
            if matrix is not None:
                moved[k] = apply(matrix, face)
    return moved


def pearson(a: Floats, b: Floats) -> float | None:
    """Pearson correlation of two series; None for fewer than 2 values or where one is constant."""
    if len(a) < 2 or min(np.ptp(a), np.ptp(b)) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
