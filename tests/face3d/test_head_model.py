"""The head as a model: linear in its coefficients, differentiable, symmetric, the same twice."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from stccl.face3d.head import head as head_module
from stccl.face3d.head.head import Head
from stccl.face3d.model import FaceCoefficients, FaceModel

NAMES = [
    "inner_brow_raiser",
    "outer_brow_raiser",
    "brow_lowerer",
    "upper_lid_raiser",
    "cheek_raiser",
    "lid_tightener",
    "nose_wrinkler",
    "upper_lip_raiser",
    "lip_corner_puller_right",
    "lip_corner_puller_left",
    "dimpler_right",
    "dimpler_left",
    "lip_corner_depressor",
    "lower_lip_depressor",
    "chin_raiser",
    "lip_pucker",
    "lip_stretcher",
    "lip_funneler",
    "lip_tightener",
    "lip_presser",
    "lips_part",
    "lip_suck",
    "blink_right",
    "blink_left",
    "tongue_tip_up",
    "tongue_out",
]


def part(head, *names):
    wanted = torch.tensor([head.part_names.index(name) for name in names])
    return torch.isin(head.vertex_parts, wanted)


def test_interface_names_and_sizes(head):
    model: FaceModel = head
    assert list(model.expression_names) == NAMES
    assert len(set(model.shape_names)) >= 20
    vertices = model.vertices(head.rest(3))
    assert vertices.shape == (3, len(head.mean), 3)
    assert vertices.dtype == torch.float32
    assert model.landmarks(vertices).shape == (3, 68, 3)
    assert model.triangles.dtype == torch.int64
    assert sorted(set(model.triangles.flatten().tolist())) == list(range(len(head.mean)))


def test_built_twice_is_the_same(head):
    head_module._built.cache_clear()
    again = Head().state_dict()
    assert all(torch.equal(value, again[name]) for name, value in head.state_dict().items())


def free_of_contact(head):
    """Vertices that neither lids, lips nor teeth can hold up."""
    touched = torch.cat([head._lips.flatten(), head._lid_nets.flatten(), head._lip_cover])
    free = torch.ones(len(head.mean), dtype=torch.bool)
    free[touched] = False
    return free


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 2.0))
def test_linear_away_from_contacts(head, seed, factor):
    generator = torch.Generator().manual_seed(seed)
    made = head.rest()
    made.shape[:] = torch.randn(made.shape.shape, generator=generator)
    made.expression[:] = torch.rand(made.expression.shape, generator=generator)
    scaled = made._replace(shape=factor * made.shape, expression=factor * made.expression)
    free = free_of_contact(head)
    rest = head.vertices(head.rest())[0, free]
    once = head.vertices(made)[0, free] - rest
    more = head.vertices(scaled)[0, free] - rest
    np.testing.assert_allclose(more.numpy(), factor * once.numpy(), atol=2e-6)
    assert once.abs().max() > 1e-3


def test_frames_of_a_batch_do_not_touch_each_other(head, people):
    made = head.rest(4)
    made.shape[:] = people[:4]
    made.expression[:] = torch.rand(4, 26, generator=torch.Generator().manual_seed(1))
    made.jaw[:, 0] = torch.tensor([0.0, 0.1, 0.2, 0.3])
    made.eyes[:, :, 1] = 0.2
    together = head.vertices(made)
    for i in range(4):
        alone = head.vertices(FaceCoefficients(*(value[i : i + 1] for value in made)))
        np.testing.assert_allclose(alone[0].numpy(), together[i].numpy(), atol=1e-6)


def test_gradients_agree_with_finite_differences(head):
    model = Head().double()
    generator = torch.Generator().manual_seed(3)
    points = torch.randperm(len(model.mean), generator=generator)[:12]

    def some(shape, expression, rotation, translation, jaw, eyes):
        made = FaceCoefficients(shape, expression, rotation, translation, jaw, eyes)
        vertices = model.vertices(made)
        return torch.cat([vertices[:, points], model.landmarks(vertices)[:, ::9]], 1) * 1e3

    made = FaceCoefficients(*(value.double() for value in model.rest()))
    inputs = [(v + 0.1 * torch.rand(v.shape, generator=generator)).requires_grad_() for v in made]
    assert torch.autograd.gradcheck(some, inputs, eps=1e-6, atol=1e-3, fast_mode=True)


def test_rotation_and_translation_move_the_whole_head(head, pose):
    made = pose(lip_corner_puller=1.0, jaw=0.1)
    still = head.vertices(made)[0]
    made.rotation[:] = torch.tensor([[0.1, -0.4, 0.2]])
    made.translation[:] = torch.tensor([[0.01, 0.02, -0.3]])
    turn = Rotation.from_rotvec([0.1, -0.4, 0.2])
    expected = turn.apply(still.numpy()) + np.array([0.01, 0.02, -0.3])
    np.testing.assert_allclose(head.vertices(made)[0].numpy(), expected, atol=1e-6)


def test_mean_is_mirror_symmetric(head):
    mirrored = head.mean[head.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(mirrored, head.mean, atol=1e-7)
    moved = (head.mirror != torch.arange(len(head.mean))).float().mean()
    assert moved > 0.9


@pytest.mark.parametrize("name", [n for n in NAMES if not n.endswith(("_left", "_right"))])
def test_two_sided_actions_are_symmetric(head, pose, name):
    moved = head.vertices(pose(**{name: 1.0}))[0]
    mirrored = moved[head.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(mirrored, moved, atol=2e-6)


@pytest.mark.parametrize("stem", ["lip_corner_puller", "dimpler", "blink"])
def test_left_and_right_mirror_each_other(head, pose, stem):
    right = head.vertices(pose(**{f"{stem}_right": 1.0}))[0]
    left = head.vertices(pose(**{f"{stem}_left": 1.0}))[0]
    mirrored = right[head.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(mirrored, left, atol=2e-6)
    rest = head.vertices(head.rest())[0]
    move = (left - rest).norm(dim=-1)
    assert move[rest[:, 0] > 0.012].max() > 3e-3
    assert move[rest[:, 0] < -0.012].max() < 1e-6


def test_eyes_turn_about_their_middles(head):
    made = head.rest()
    made.eyes[0, 0, 1] = 0.4  # the right eye (image left) towards the image's right
    rest, turned = head.vertices(head.rest())[0], head.vertices(made)[0]
    ball = part(head, "eyeball")
    right = ball & (rest[:, 0] < 0)
    middle = (rest[right].amax(0) + rest[right].amin(0)) / 2
    radius = (rest[right] - middle)[:, 1].max()
    assert 0.0115 < radius < 0.0125
    pupil = rest[right][:, 2].argmax()
    assert turned[right][pupil, 0] - rest[right][pupil, 0] == pytest.approx(
        radius.item() * np.sin(0.4), rel=0.1
    )
    left = ball & (rest[:, 0] > 0)
    np.testing.assert_allclose(turned[left], rest[left], atol=1e-7)


def test_eyeballs_stay_balls_in_every_identity(head, people):
    vertices = head.vertices(head.rest(len(people))._replace(shape=people))
    for side in (-1, 1):
        ball = part(head, "eyeball") & (side * head.mean[:, 0] > 0)
        size = vertices[:, ball].amax(1) - vertices[:, ball].amin(1)
        expected = head.mean[ball].amax(0) - head.mean[ball].amin(0)
        np.testing.assert_allclose(size, expected.expand_as(size), atol=1e-6)
