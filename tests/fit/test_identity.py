import numpy as np

from stccl.fit.identity import View, fit_identity
from stccl.fit.models import face_model
from stccl.fit.observed import observe
from tests.fit.conftest import SIZE_PX, act


def views(acted, clips=4):
    return [View(observe(points, SIZE_PX), SIZE_PX) for points in np.split(acted.points_px, clips)]


def far_off(space, other):
    """Distance of resting landmarks after the best shift and scale, over that of the eyes."""
    a, b = (s.rest - s.rest.mean(0) for s in (space, other))
    scale = (a * b).sum() / (b * b).sum()
    return np.linalg.norm(a - scale * b, axis=1).mean() / np.linalg.norm(a[45] - a[36])


def test_people_are_told_from_the_average(space_of, before, params):
    model = face_model("head")
    average = space_of(np.zeros(len(model.shape_names)))
    left = []
    for seed in range(6):
        acted = act(80, seed)
        shape = fit_identity(model, views(acted), before, params.camera_distance_m, 1.0)
        true = space_of(acted.shape)
        left.append(far_off(true, space_of(shape)) / far_off(true, average))
        assert left[-1] < 0.85
        assert np.corrcoef(shape, acted.shape)[0, 1] > 0.4
        assert np.abs(shape).max() < 2.5
    assert np.mean(left) < 0.65


def test_who_moves_and_how_does_not_matter_much(space_of, before, params):
    model = face_model("head")
    acted = act(80, 5)
    halves = views(acted, 2)
    shapes = [fit_identity(model, [half], before, params.camera_distance_m, 1.0) for half in halves]
    assert far_off(*map(space_of, shapes)) < 0.03


def test_a_strong_prior_gives_the_average(before, params):
    shape = fit_identity(face_model("head"), views(act(8)), before, params.camera_distance_m, 1e12)
    assert np.abs(shape).max() < 1e-4
