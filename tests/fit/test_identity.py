import numpy as np
import pytest

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


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_person_is_told_from_the_average(space_of, before, params, seed):
    model = face_model("head")
    acted = act(80, seed)
    shape = fit_identity(model, views(acted), before, params.camera_distance_m, 1.0)
    true, found, average = map(space_of, (acted.shape, shape, np.zeros(len(acted.shape))))
    assert far_off(true, found) < 0.8 * far_off(true, average)
    assert np.corrcoef(shape, acted.shape)[0, 1] > 0.4
    assert np.abs(shape).max() < 2.5


def test_who_moves_and_how_does_not_matter_much(space_of, before, params):
    model = face_model("head")
    acted = act(80, 5)
    halves = views(acted, 2)
    shapes = [fit_identity(model, [half], before, params.camera_distance_m, 1.0) for half in halves]
    assert far_off(*map(space_of, shapes)) < 0.03


def test_a_strong_prior_gives_the_average(before, params):
    shape = fit_identity(face_model("head"), views(act(8)), before, params.camera_distance_m, 1e12)
    assert np.abs(shape).max() < 1e-4
