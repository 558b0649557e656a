import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from stccl.errors import StcclError
from stccl.face3d.flame import FLAME
from stccl.face3d.flame_files import MODEL_FILE, read_landmarks, read_model
from stccl.face3d.model import FaceCoefficients, FaceModel
from tests.face3d.published import landmark_arrays, model_arrays
from tests.face3d.test_skinning import about


def normal(*shape, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator) * scale


def coefficients(batch=2, **changed):
    values = {
        "shape": normal(batch, 4, seed=1),
        "expression": normal(batch, 3, seed=2),
        "rotation": normal(batch, 3, scale=0.3, seed=3),
        "translation": normal(batch, 3, scale=0.1, seed=4),
        "jaw": normal(batch, 3, scale=0.2, seed=5),
        "eyes": normal(batch, 2, 3, scale=0.2, seed=6),
    }
    return FaceCoefficients(**{**values, **changed})


def slow_flame(shape, expression, pose):
    """One face by loops over the arrays that went into the files: (60, 3)."""
    arrays = model_arrays(60, 90)
    single = {k: v.astype(np.float32).astype(float) for k, v in arrays.items()}
    rotvecs = np.zeros((5, 3))
    rotvecs[0], rotvecs[2] = pose[:3], pose[3:]
    shaped = single["v_template"].copy()
    for vertex in range(60):
        for axis in range(3):
            for i, value in enumerate(shape):
                shaped[vertex, axis] += single["shapedirs"][vertex, axis, i] * value
            for i, value in enumerate(expression):
                shaped[vertex, axis] += single["shapedirs"][vertex, axis, 300 + i] * value
    joints = single["J_regressor"] @ shaped
    corrected = shaped.copy()
    for joint in range(1, 5):
        difference = Rotation.from_rotvec(rotvecs[joint]).as_matrix() - np.eye(3)
        for entry, value in enumerate(difference.ravel()):
            corrected += single["posedirs"][:, :, 9 * (joint - 1) + entry] * value
    out = np.zeros((60, 3))
    for joint in range(5):
        chain, at = np.eye(4), joint
        while at >= 0:
            chain = about(joints[at], rotvecs[at]) @ chain
            at = {0: -1, 1: 0, 2: 1, 3: 1, 4: 1}[at]
        out += single["weights"][:, joint, None] * (corrected @ chain[:3, :3].T + chain[:3, 3])
    return out


def test_vertices_by_slow_loops(flame):
    shape, expression, pose = normal(2, 4), normal(2, 3), normal(2, 6, scale=0.4)
    found = flame(shape, expression, pose).vertices
    expected = [
        slow_flame(*each) for each in zip(*map(np.asarray, (shape, expression, pose)), strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_landmark_lies_between_the_corners_of_its_triangle(flame):
    vertices = flame(normal(2, 4), normal(2, 3), normal(2, 6)).vertices
    lies = landmark_arrays(90)
    found = flame.landmarks(vertices)
    assert found.shape == (2, 68, 3)
    for point in (0, 30, 67):
        corners = model_arrays(60, 90)["f"][lies["full_lmk_faces_idx"][0, point]].astype(int)
        weights = torch.from_numpy(lies["full_lmk_bary_coords"][0, point]).double()
        by_hand = sum(w * vertices[1, c] for w, c in zip(weights, corners, strict=True))
        torch.testing.assert_close(found[1, point], by_hand)
    torch.testing.assert_close(flame(normal(2, 4), normal(2, 3), normal(2, 6)).landmarks_3d, found)


def test_inner_points_follow_the_contour(flame):
    face = flame(normal(2, 4), normal(2, 3), normal(2, 6))
    lies = landmark_arrays(90)
    corners = model_arrays(60, 90)["f"][lies["static_lmk_faces_idx"]].astype(int)
    weights = lies["static_lmk_bary_coords"].astype(np.float32)
    expected = np.einsum("pkc,pk->pc", face.vertices[0].numpy()[corners], weights)
    np.testing.assert_allclose(face.landmarks_2d[0, 17:], expected, atol=1e-12)


def expected_row(yaw_deg):
    yaw = round(yaw_deg)
    if yaw >= 0:
        return min(yaw, 39)
    return 39 - yaw if yaw >= -39 else 78


@pytest.mark.parametrize("turned_by", ["head", "neck", "both"])
def test_the_contour_follows_the_yaw(flame, turned_by):
    degrees = np.array([-80, -40, -39, -38.6, -20.2, -1, -0.4, 0, 0.4, 1, 12.7, 38.6, 39, 40, 80])
    yaw = torch.from_numpy(np.deg2rad(degrees))
    turn = torch.stack((torch.zeros_like(yaw), yaw, torch.zeros_like(yaw)), 1)
    head = {"head": 1.0, "neck": 0.0, "both": 0.25}[turned_by] * turn
    pose = torch.cat((head, torch.zeros_like(turn)), 1)
    still = torch.zeros(len(degrees), 4).double()
    face = flame(still, still[:, :3], pose, neck=turn - head)
    for number, degree in enumerate(degrees):
        row = expected_row(degree)
        corners = flame.faces_tensor[flame.dynamic_lmk_faces_idx[row]]
        weights = flame.dynamic_lmk_bary_coords[row][..., None]
        contour = (face.vertices[number, corners] * weights).sum(1)
        torch.testing.assert_close(face.landmarks_2d[number, :17], contour)


def test_pitch_and_roll_leave_the_contour_alone(flame):
    pose = torch.zeros(2, 6).double()
    pose[0, 0], pose[1, 2] = 0.5, 0.5
    for row in flame._contour_rows(
        torch.from_numpy(
            Rotation.from_rotvec(pose[:, :3]).as_matrix()[:, None].repeat(5, 1)
            * np.array([1, 0, 0, 0, 0])[:, None, None]
            + np.eye(3) * np.array([0, 1, 1, 1, 1])[:, None, None]
        )
    ):
        assert row == 0


def test_it_is_a_face_model(flame):
    model: FaceModel = flame
    assert model.shape_names == ("shape_0", "shape_1", "shape_2", "shape_3")
    assert model.expression_names == ("expression_0", "expression_1", "expression_2")
    assert model.triangles.shape == (90, 3)
    assert model.triangles.dtype == torch.int64
    vertices = model.vertices(coefficients())
    assert model.landmarks(vertices).shape == (2, 68, 3)


def test_as_a_face_model_the_head_turns_about_the_origin(flame):
    moved = coefficients()
    still = coefficients(
        rotation=torch.zeros(2, 3).double(), translation=torch.zeros(2, 3).double()
    )
    turned = [
        Rotation.from_rotvec(r).apply(v) + t
        for r, v, t in zip(
            *map(np.asarray, (moved.rotation, flame.vertices(still), moved.translation)),
            strict=True,
        )
    ]
    np.testing.assert_allclose(flame.vertices(moved), turned, atol=1e-7)


def test_as_a_face_model_it_poses_jaw_and_eyes_as_flame_does(flame):
    face = coefficients(rotation=torch.zeros(2, 3).double(), translation=torch.zeros(2, 3).double())
    right, left = face.eyes.unbind(1)
    pose = torch.cat((torch.zeros(2, 3).double(), face.jaw), 1)
    native = flame(face.shape, face.expression, pose, eyes=torch.cat((left, right), 1))
    torch.testing.assert_close(flame.vertices(face), native.vertices, atol=1e-7, rtol=0)


def test_the_last_joint_is_the_right_eye(flame):
    flame.posedirs.zero_()
    flame.lbs_weights[:] = torch.eye(5).double()[torch.arange(60) % 5]
    eyes = torch.zeros(1, 2, 3).double()
    looking = eyes.clone()
    looking[0, 0, 1] = 0.5
    still, moved = (flame.vertices(coefficients(1, eyes=e)) for e in (eyes, looking))
    assert (still != moved).any(2)[0].nonzero().flatten().tolist() == list(range(4, 60, 5))


def test_gradients_reach_every_coefficient(flame):
    inputs = tuple(each.requires_grad_() for each in coefficients(1))

    def points(*values):
        vertices = flame.vertices(FaceCoefficients(*values))
        return vertices[:, ::7], flame.landmarks(vertices)[:, ::9]

    assert torch.autograd.gradcheck(points, inputs)


def test_gradients_of_the_native_pose(flame):
    inputs = (normal(1, 4), normal(1, 3), normal(1, 6, scale=0.2))
    inputs = tuple(each.requires_grad_() for each in inputs)

    def points(*values):
        face = flame(*values)
        return face.vertices[:, ::7], face.landmarks_2d[:, ::9]

    assert torch.autograd.gradcheck(points, inputs)


def test_faces_of_a_batch_do_not_touch_each_other(flame):
    one = flame.vertices(coefficients())
    changed = coefficients()
    changed.expression[1] += 1
    other = flame.vertices(changed)
    assert torch.equal(one[0], other[0])
    assert not torch.equal(one[1], other[1])


@pytest.mark.parametrize("name", ["shape", "expression", "rotation", "translation", "jaw", "eyes"])
def test_coefficients_of_another_shape_are_named(flame, name):
    wrong = torch.zeros(2, 9).double()
    with pytest.raises(ValueError, match=rf"^{name}: expected \(2, .*\), got \(2, 9\)$"):
        flame.vertices(coefficients(**{name: wrong}))


def test_pose_of_another_shape_is_named(flame):
    with pytest.raises(ValueError, match=r"^pose: expected \(2, 6\), got \(2, 15\)$"):
        flame(normal(2, 4), normal(2, 3), normal(2, 15))


def test_landmarks_of_another_model_are_refused(flame_folder):
    model = read_model(flame_folder / MODEL_FILE, 4, 3)
    landmarks = read_landmarks(flame_folder / "landmark_embedding.npy")
    with pytest.raises(StcclError, match=r"triangles 0 to 89, its model has 40: .* do not belong"):
        FLAME(model._replace(triangles=model.triangles[:40]), landmarks)


def test_single_precision_is_close_to_double(flame_folder, flame):
    single = FLAME.from_folder(flame_folder, shapes=4, expressions=3)
    found = single.vertices(FaceCoefficients(*(each.float() for each in coefficients())))
    torch.testing.assert_close(found, flame.vertices(coefficients()).float(), atol=1e-6, rtol=0)


def test_the_same_files_give_the_same_bits(flame_folder):
    first, second = (FLAME.from_folder(flame_folder).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
