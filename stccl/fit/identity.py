"""Who a speaker is: one shape behind the landmarks of many frames."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.face3d.model import FaceModel
from stccl.fit.camera import assumed_camera, first_guess
from stccl.fit.equations import Equations, equations
from stccl.fit.landmark_space import landmark_space
from stccl.fit.observed import Observed
from stccl.fit.priors import Prior

Array = NDArray[Any]

_STEPS = 8
_TRUSTING_STEPS = 3
_RELINEARISED = (0, 3, 5)


class View(NamedTuple):
    """Some frames of one clip, and its picture's width and height."""

    seen: Observed
    size_px: tuple[int, int]


def fit_identity(
    model: FaceModel, views: Sequence[View], prior: Prior, distance_m: float, weight: float
) -> Array:
    r"""The most probable shape, each frame free in its expression and pose.

    Gauss-Newton steps on shape and all frames together; a frame's own unknowns are eliminated from
    its equations (Schur complement), so that a step costs one small system per frame and one for
    the shape. Shape coefficients are standard normal beforehand. Frames repeat each other's errors
    (where a detector puts a brow, what a speaker never stops doing), so that all of them together
    count as one against that prior; counted singly, they would bend the identity to any error.

    Args:
        model: The face model.
        views: Frames of the speaker's clips.
        prior: Of the unknowns of a frame.
        distance_m: See `assumed_camera`.
        weight: Of the shape's prior.

    Returns:
        (S,) standard deviations.
    """
    shape = np.zeros(len(model.shape_names))
    weight *= sum(len(view.seen.points_px) for view in views)
    space = landmark_space(model, shape)
    cameras = [assumed_camera(space, *view, distance_m) for view in views]
    guesses = [
        first_guess(space, view.seen, camera) for view, camera in zip(views, cameras, strict=True)
    ]
    for step in range(_STEPS):
        if step in _RELINEARISED and step:
            space = landmark_space(model, shape)
        robust = step >= _TRUSTING_STEPS
        near = [
            equations(space, camera, view.seen, guess, robust=robust, with_shape=True)
            for view, camera, guess in zip(views, cameras, guesses, strict=True)
        ]
        left = weight * np.eye(len(shape))
        right = -weight * shape
        eliminated = [_eliminate(n, prior, guess) for n, guess in zip(near, guesses, strict=True)]
        for _, _, own_left, own_right in eliminated:
            left += own_left
            right += own_right
        moved = np.linalg.solve(left, right)
        shape = shape + moved
        rest = space.rest + np.tensordot(moved, space.shape, 1)
        space = space._replace(rest=rest)
        guesses = [
            guess + step_alone - by_shape @ moved
            for guess, (step_alone, by_shape, _, _) in zip(guesses, eliminated, strict=True)
        ]
    return shape


def _eliminate(near: Equations, prior: Prior, guess: Array) -> tuple[Array, Array, Array, Array]:
    """Solve every frame for its own unknowns, given the step of the shape.

    Returns:
        Their step without one of the shape (T, P), what the shape's step takes off it (T, P, S),
        and what is left for the shape: (S, S) and (S,).
    """
    gradient, curvature = prior.pull(guess)
    own = near.by_unknowns.transpose(0, 2, 1)
    blocks = own @ near.by_unknowns
    diagonal = np.arange(blocks.shape[1])
    blocks[:, diagonal, diagonal] += curvature
    mixed = own @ near.by_shape
    right = (own @ near.misses[..., None])[..., 0] - gradient
    solved = np.linalg.solve(blocks, np.concatenate([right[..., None], mixed], -1))
    alone, by_shape = solved[..., 0], solved[..., 1:]
    shape_rows = near.by_shape.reshape(-1, near.by_shape.shape[-1])
    left = shape_rows.T @ shape_rows - np.einsum("tps,tpr->sr", mixed, by_shape)
    remaining = shape_rows.T @ near.misses.ravel() - np.einsum("tps,tp->s", mixed, alone)
    return alone, by_shape, left, remaining
