import numpy as np
import torch
from scipy.spatial.transform import Rotation

from stccl.face3d.rotation import rotation_matrix
from stccl.face3d.skinning import skin

PARENTS = (-1, 0, 1, 1, 3)


def made(batch=2, vertices=7):
    random = np.random.default_rng(3)
    weights = random.random((vertices, 5))
    return (
        random.normal(size=(batch, vertices, 3)),
        random.normal(size=(batch, 5, 3)),
        random.normal(size=(batch, 5, 3)),
        weights / weights.sum(1, keepdims=True),
    )


def about(point, rotvec):
    """A 4×4 matrix that turns about a point."""
    there, turn, back = np.eye(4), np.eye(4), np.eye(4)
    there[:3, 3], back[:3, 3] = point, -point
    turn[:3, :3] = Rotation.from_rotvec(rotvec).as_matrix()
    return there @ turn @ back


def slow_skin(vertices, joints, rotvecs, weights):
    """A vertex is turned about its joint, then about that joint's parent at rest, and so on up."""
    out = np.zeros_like(vertices)
    for sample in range(len(vertices)):
        for vertex, place in enumerate(vertices[sample]):
            for joint in range(5):
                point, at = np.append(place, 1), joint
                while at >= 0:
                    point = about(joints[sample, at], rotvecs[sample, at]) @ point
                    at = PARENTS[at]
                out[sample, vertex] += weights[vertex, joint] * point[:3]
    return out


def test_slow_loops_agree():
    vertices, joints, rotvecs, weights = made()
    rotations = rotation_matrix(torch.from_numpy(rotvecs))
    found = skin(
        *map(torch.from_numpy, (vertices, joints)), rotations, PARENTS, torch.from_numpy(weights)
    )
    np.testing.assert_allclose(found, slow_skin(vertices, joints, rotvecs, weights), atol=1e-7)


def test_nothing_moves_without_rotations():
    vertices, joints, rotvecs, weights = map(torch.from_numpy, made())
    still = rotation_matrix(torch.zeros_like(rotvecs))
    torch.testing.assert_close(skin(vertices, joints, still, PARENTS, weights), vertices)


def test_gradients_reach_vertices_joints_and_rotations():
    vertices, joints, rotvecs, weights = map(torch.from_numpy, made(batch=1, vertices=3))

    def moved(vertices, joints, rotvecs):
        return skin(vertices, joints, rotation_matrix(rotvecs), PARENTS, weights)

    inputs = tuple(each.requires_grad_() for each in (vertices, joints, rotvecs))
    assert torch.autograd.gradcheck(moved, inputs)
