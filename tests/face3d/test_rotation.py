import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from stccl.face3d.rotation import rotation_matrix

angles = st.floats(-4, 4)


@settings(deadline=None)
@given(st.lists(st.tuples(angles, angles, angles), min_size=1, max_size=4))
def test_they_are_scipys_rotations(vectors):
    found = rotation_matrix(torch.tensor(vectors, dtype=torch.float64))
    np.testing.assert_allclose(found, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-7)


def test_single_precision_does_not_spoil_small_angles():
    vectors = torch.tensor([[1e-5, 0, 0], [0, 1e-3, 0], [0.02, 0.01, -0.03]])
    expected = Rotation.from_rotvec(vectors.double()).as_matrix()
    np.testing.assert_allclose(rotation_matrix(vectors), expected, atol=2e-7)


def test_any_shape_of_batch_goes():
    vectors = torch.randn(2, 3, 4, 3, generator=torch.Generator().manual_seed(0))
    found = rotation_matrix(vectors)
    torch.testing.assert_close(found[1, 2, 3], rotation_matrix(vectors[1, 2, 3]))


def test_gradients_are_right_and_finite_without_a_rotation():
    vectors = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(rotation_matrix, vectors.requires_grad_())
    still = torch.zeros(3, dtype=torch.float64)
    # At rest the derivative of R by the vector is the cross product with the axis.
    jacobian = torch.autograd.functional.jacobian(rotation_matrix, still)
    levi_civita = torch.zeros(3, 3, 3, dtype=torch.float64)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        levi_civita[i, j, k], levi_civita[j, i, k] = -1, 1
    torch.testing.assert_close(jacobian, levi_civita, atol=1e-6, rtol=0)
