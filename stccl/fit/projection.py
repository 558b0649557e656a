"""From a moved head to pixels, with derivatives; whole clips at once."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.camera import Camera

Array = NDArray[Any]


class Projected(NamedTuple):
    """Landmarks in the picture, and how they move with the head.

    Attributes:
        pixels: (T, 68, 2), the picture's corner at 0.
        by_point: (T, 68, 2, 3) by the unmoved point, px per m.
        by_rotation: (T, 68, 2, 3) by the axis-angle, px per rad.
        by_translation: (T, 68, 2, 3) px per m.
    """

    pixels: Array
    by_point: Array
    by_rotation: Array
    by_translation: Array


def rotation_matrices(axis_angle: Array) -> tuple[Array, Array]:
    r"""Rotations and their left Jacobians.

    .. math:: R = \exp([r]_\times), \quad \exp([r + \delta]_\times) \approx
        \exp([J \delta]_\times) R, \quad
        J = I + \frac{1 - \cos\theta}{\theta^2} [r]_\times
        + \frac{\theta - \sin\theta}{\theta^3} [r]_\times^2

    Source: Barfoot, State Estimation for Robotics (2017), Section 7.1.

    Args:
        axis_angle: (T, 3) r, rad.

    Returns:
        (T, 3, 3) R and (T, 3, 3) J.
    """
    angle = np.linalg.norm(axis_angle, axis=1)[:, None, None]
    safe = np.where(angle < 1e-6, 1.0, angle)
    sine = np.where(angle < 1e-6, 1.0, np.sin(safe) / safe)
    cosine = np.where(angle < 1e-6, 0.5, (1 - np.cos(safe)) / safe**2)
    third = np.where(angle < 1e-6, 1 / 6, (safe - np.sin(safe)) / safe**3)
    cross = cross_matrices(axis_angle)
    square = cross @ cross
    eye = np.eye(3)
    return eye + sine * cross + cosine * square, eye + cosine * cross + third * square


def faces_camera(axis_angle: Array) -> Array:
    """(T,) whether heads with these rotations (T, 3) are seen from the front half of space."""
    return np.asarray(rotation_matrices(axis_angle)[0][:, 2, 2] > 0)


def cross_matrices(vectors: Array) -> Array:
    """(..., 3, 3) matrices that multiply (..., 3) vectors crosswise from the left."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return np.stack(rows, -1).reshape(*x.shape, 3, 3)


def project(points: Array, rotation: Array, translation: Array, camera: Camera) -> Projected:
    """Turn, move and project (T, 68, 3) points, m.

    Args:
        points: Unmoved.
        rotation: (T, 3) axis-angle, rad.
        translation: (T, 3) m.
        camera: Of the clip.
    """
    turn, jacobian = rotation_matrices(rotation)
    turned = points @ turn.transpose(0, 2, 1)
    pixels_depth = camera.project(turned + translation[:, None])
    near = camera.focal_px / pixels_depth[..., 2]
    x, y = np.moveaxis(pixels_depth[..., :2] - camera.centre_px, -1, 0) / pixels_depth[..., 2]
    zero = np.zeros_like(near)
    by_place = np.stack([near, zero, x, zero, -near, y], -1).reshape(*near.shape, 2, 3)
    by_rotation = -by_place @ cross_matrices(turned) @ jacobian[:, None]
    return Projected(pixels_depth[..., :2], by_place @ turn[:, None], by_rotation, by_place)
