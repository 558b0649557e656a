"""Misses of a fit, weighted, and how the unknowns change them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.fit.landmark_space import LandmarkSpace
from stccl.fit.observed import Observed, robust_weights
from stccl.fit.projection import project
from stccl.render.camera import Camera

Array = NDArray[Any]


class Equations(NamedTuple):
    """Weighted misses r of T frames near some unknowns: r(u + s, i + d) = r - J s - K d.

    Attributes:
        misses: (T, 136) r, in standard deviations.
        by_unknowns: (T, 136, P) J.
        by_shape: (T, 136, S) K, empty where the identity is not asked for.
    """

    misses: Array
    by_unknowns: Array
    by_shape: Array

    def normal(self) -> tuple[Array, Array]:
        """J'J (T, P, P) and J'r (T, P)."""
        transposed = self.by_unknowns.transpose(0, 2, 1)
        return transposed @ self.by_unknowns, (transposed @ self.misses[..., None])[..., 0]


def split(unknowns: Array) -> tuple[Array, Array, Array, Array]:
    """Expression (T, E), jaw, rotation and translation (T, 3 each) of (T, P) unknowns."""
    return unknowns[:, :-9], unknowns[:, -9:-6], unknowns[:, -6:-3], unknowns[:, -3:]


def equations(
    space: LandmarkSpace,
    camera: Camera,
    seen: Observed,
    unknowns: Array,
    *,
    robust: bool,
    with_shape: bool = False,
) -> Equations:
    """Linearise the projection of the landmarks.

    Args:
        space: The person's landmarks.
        camera: The clip's.
        seen: What is to be met.
        unknowns: (T, P) to linearise about.
        robust: Whether points that are far off count less.
        with_shape: Whether to tell what the identity changes.
    """
    expression, jaw, rotation, translation = split(unknowns)
    points, by_jaw = space.points(expression, jaw)
    shown = project(points, rotation, translation, camera)
    misses = (seen.points_px - shown.pixels) / seen.noise_px[..., None]
    weight = np.sqrt(robust_weights(misses)) if robust else np.ones(misses.shape[:2])
    scale = np.repeat(weight / seen.noise_px, 2, axis=1)[..., None]
    effects = [
        shown.by_point @ space.expression.transpose(1, 2, 0),
        shown.by_point @ by_jaw.transpose(0, 2, 3, 1),
        shown.by_rotation,
        shown.by_translation,
    ]
    frames = len(unknowns)
    by_unknowns = np.concatenate(effects, -1).reshape(frames, 136, -1) * scale
    basis = space.shape.transpose(1, 2, 0)[..., : None if with_shape else 0]
    by_shape = (shown.by_point @ basis).reshape(frames, 136, basis.shape[-1]) * scale
    return Equations((misses * weight[..., None]).reshape(frames, 136), by_unknowns, by_shape)
