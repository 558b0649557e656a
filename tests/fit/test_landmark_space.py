import numpy as np

from stccl.fit.landmark_space import landmarks
from stccl.fit.models import face_model
from stccl.fit.observed import eye_distance
from tests.fit.conftest import act


def test_one_effect_at_a_time_is_exact(space_of):
    model = face_model("head")
    acted = act(1)
    space = space_of(acted.shape)
    for number in range(len(model.expression_names)):
        alone = np.eye(len(model.expression_names))[number : number + 1]
        whole = landmarks(model, acted.shape[None], alone, np.zeros((1, 3)))
        np.testing.assert_allclose(space.points(alone, np.zeros((1, 3)))[0], whole, atol=1e-6)
    for opened in space.jaw_rad:
        jaw = np.array([[opened, 0.0, 0.0]])
        nothing = np.zeros((1, len(model.expression_names)))
        whole = landmarks(model, acted.shape[None], nothing, jaw)
        np.testing.assert_allclose(space.points(nothing, jaw)[0], whole, atol=1e-6)


def test_effects_add_up_to_nearly_the_whole_model(space_of):
    model = face_model("head")
    for seed in range(3):
        acted = act(25, seed)
        shapes = np.tile(acted.shape, (25, 1))
        whole = landmarks(model, shapes, acted.expression, acted.jaw)
        summed = space_of(acted.shape).points(acted.expression, acted.jaw)[0]
        missed = np.linalg.norm(summed - whole, axis=-1) / eye_distance(whole[..., :2])[:, None]
        assert missed.mean() < 0.005
        assert np.quantile(missed, 0.95) < 0.03


def test_what_the_jaw_does_is_the_slope(space_of):
    space = space_of(np.zeros(len(face_model("head").shape_names)))
    jaw, step = np.array([[0.11, 0.01, -0.02]]), 1e-6
    nothing = np.zeros((1, len(space.expression)))
    slopes = space.points(nothing, jaw)[1]
    for axis in range(3):
        ahead = space.points(nothing, jaw + step * np.eye(3)[axis])[0]
        np.testing.assert_allclose(
            slopes[:, axis], (ahead - space.points(nothing, jaw)[0]) / step, atol=1e-7
        )
