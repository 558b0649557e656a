import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from stccl.face3d.rotation import rotation_matrix
from stccl.fit.projection import project, rotation_matrices
from tests.fit.conftest import CAMERA

angles = st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3)


def places(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.08, (1, 68, 3))


@given(angles, st.integers(0, 99))
def test_pixels_are_those_of_the_camera(axis_angle, seed):
    rotation, translation = np.array([axis_angle]), np.array([[0.01, -0.02, 0.05]])
    turn = rotation_matrix(torch.tensor(rotation)).numpy()[0]
    expected = CAMERA.project(places(seed)[0] @ turn.T + translation[0])[:, :2]
    shown = project(places(seed), rotation, translation, CAMERA)
    np.testing.assert_allclose(shown.pixels[0], expected, atol=1e-9)


@given(angles, st.integers(0, 99))
def test_derivatives_are_those_of_small_differences(axis_angle, seed):
    points, rotation = places(seed), np.array([axis_angle])
    translation = np.array([[0.01, -0.02, 0.05]])
    shown = project(points, rotation, translation, CAMERA)
    small = 1e-6
    for axis in range(3):
        step = small * np.eye(3)[axis]
        for derivative, moves in (
            (shown.by_point, lambda s: (points + s, rotation, translation)),
            (shown.by_rotation, lambda s: (points, rotation + s, translation)),
            (shown.by_translation, lambda s: (points, rotation, translation + s)),
        ):
            ahead, behind = (project(*moves(s), CAMERA).pixels for s in (step, -step))
            expected = (ahead - behind) / (2 * small)
            np.testing.assert_allclose(derivative[..., axis], expected, rtol=1e-4, atol=2e-2)


def test_no_rotation_is_no_special_case():
    turn, jacobian = rotation_matrices(np.array([[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0]]))
    np.testing.assert_allclose(turn, [np.eye(3)] * 2, atol=1e-8)
    np.testing.assert_allclose(jacobian, [np.eye(3)] * 2, atol=1e-8)
