"""A head painted with known colours under known light, moved as is known."""

import numpy as np
import pytest
import torch

from stccl.errors import ClipRejected
from stccl.face3d.images.surface import face_surface
from stccl.face3d.shading import shading
from stccl.fit.camera import assumed_camera
from stccl.fit.clip import fit_clip
from stccl.fit.crops import crops
from stccl.fit.equations import split
from stccl.fit.landmark_space import coefficients, landmark_space
from stccl.fit.models import face_model
from stccl.fit.observed import observe
from stccl.fit.photometric import (
    _NOISE,
    _shown,
    _skin_space,
    photometric_equations,
    refine,
    see_skin,
    skin_vertices,
)
from stccl.render.differentiable import interpolate, rasterize
from stccl.render.normals import vertex_normals
from stccl.render.view import Pinhole
from tests.fit.conftest import CAMERA, MOVES, SIZE_PX, Acted, act, correlation
from tests.fit.test_appearance import LIGHT
from tests.fit.test_crops import MATRICES, ramp

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def filmed(acted: Acted) -> np.ndarray:
    """(T, H, W, 3) uint8: freckled skin under `LIGHT`, black around."""
    model = face_model("head")
    surface = face_surface(model)
    count = len(acted.expression)
    face = coefficients(
        np.tile(acted.shape, (count, 1)),
        acted.expression, acted.rotation, acted.translation, acted.jaw,
    )  # fmt: skip
    spots = torch.from_numpy(np.sin(model.template.numpy() * 400).prod(-1, keepdims=True))
    albedo = 0.4 + 0.15 * spots.float() * torch.tensor([1.0, 0.8, 0.5])
    pictures = []
    for start in range(0, count, 8):
        part = type(face)(*(each[start : start + 8] for each in face))
        points = model.vertices(part)
        drawn = rasterize(
            Pinhole(CAMERA).project(points), surface.triangles, SIZE_PX,
            perspective=True, two_sided=True,
        )  # fmt: skip
        normals = vertex_normals(points, surface.triangles)
        white = shading(normals, torch.from_numpy(LIGHT).float()[None])
        pictures.append(interpolate(drawn, albedo * white))
    return (255 * torch.cat(pictures)).round().clamp(0, 255).byte().numpy()


@pytest.fixture(scope="module")
def seen_and_fitted(before, params):
    """A clip with rough landmarks: what was acted, its pictures, and the fit without and with."""
    acted = act(16, noise_px=2.5)
    pictures = filmed(acted)
    pictures[7] = 255 - pictures[7]
    seen = observe(acted.points_px, SIZE_PX)
    shape = tuple(acted.shape.tolist())
    space = landmark_space(face_model("head"), acted.shape)
    camera = assumed_camera(space, seen, SIZE_PX, params.camera_distance_m)
    unknowns = fit_clip(space, camera, seen, before, [(0, 16)])
    shown = crops(pictures, np.tile(IDENTITY, (16, 1, 1)))
    args = "head", shape, space, camera, seen, shown, before, [(0, 16)]
    return acted, unknowns, refine(*args, unknowns), args


def test_pictures_tell_what_rough_landmarks_do_not(seen_and_fitted):
    acted, unknowns, refined, _ = seen_and_fitted
    names = face_model("head").expression_names
    plain, better = [], []
    for fitted, matches in ((unknowns, plain), (refined.unknowns, better)):
        expression, jaw, _, _ = split(fitted)
        matches.append(correlation(jaw[:, 0], acted.jaw[:, 0]))
        for name in MOVES[:4]:
            number = names.index(name)
            matches.append(correlation(expression[:, number], acted.expression[:, number]))
    assert np.mean(better) > np.mean(plain) + 0.05
    assert min(better) > 0.9


def test_light_and_colours_are_found(seen_and_fitted):
    _, _, refined, args = seen_and_fitted
    light = refined.appearance.light
    true = LIGHT[1:4].mean(1)
    found = light[1:4].mean(1)
    assert found @ true > 0.9 * np.linalg.norm(found) * np.linalg.norm(true)
    spots = np.sin(face_model("head").template.numpy()[skin_vertices("head")] * 400).prod(-1)
    weights = see_skin("head", args[1], refined.unknowns, args[3], args[5]).weights
    often = weights.sum(0) > 8
    assert correlation(refined.appearance.albedo[often, 0], spots[often]) > 0.7


def test_a_frame_of_other_colours_stands_out(seen_and_fitted):
    refined = seen_and_fitted[2]
    assert refined.residual.argmax() == 7
    assert refined.residual[7] > 5 * np.median(refined.residual)
    assert np.median(refined.residual) < 0.03


def test_equations_are_those_of_a_slow_loop_and_of_finite_differences(before):
    """On ramps, where the pictures' slopes are exact."""
    acted = act(2, seed=3)
    skin = _skin_space("head", tuple(acted.shape.tolist()))
    few = np.arange(0, skin.rest.shape[0], 200)
    skin = skin._replace(
        rest=skin.rest[few], shape=skin.shape[:, few], expression=skin.expression[:, few],
        jaw=skin.jaw[:, few], jaw_aside=skin.jaw_aside[:, few],
    )  # fmt: skip
    ramps = np.stack([ramp(60, 58)] * 2)
    small = crops(ramps, MATRICES * 0.2 - [[0.0, 0, 2], [0, 0, 2]])
    unknowns = np.concatenate([acted.expression, acted.jaw, acted.rotation, acted.translation], 1)
    random = np.random.default_rng(0)
    predicted = random.random((2, len(few), 3))
    weights = random.random((2, len(few)))

    def misses(at):
        return predicted - _shown(skin, CAMERA, small, at)[0]

    blocks, right, doubts = photometric_equations(skin, CAMERA, small, unknowns, predicted, weights)
    size = unknowns.shape[1]
    steps = 1e-5 * np.eye(size)
    slopes = [(misses(unknowns - step) - misses(unknowns + step)) / 2e-5 for step in steps]
    slopes = np.stack(slopes, -1)
    now = misses(unknowns)
    for frame in range(2):
        left, goal = np.zeros((size, size)), np.zeros(size)
        for place in range(len(few)):
            miss = now[frame, place]
            doubt = 1 / (1 + (miss @ miss) / (10 * _NOISE) ** 2) ** 2
            assert doubts[frame, place] == pytest.approx(doubt)
            for channel in range(3):
                row = slopes[frame, place, channel]
                left += weights[frame, place] * doubt / _NOISE**2 * np.outer(row, row)
                goal += weights[frame, place] * doubt / _NOISE**2 * row * miss[channel]
        assert np.allclose(blocks[frame], left, atol=1e-4 * np.abs(left).max())
        assert np.allclose(right[frame], goal, atol=1e-4 * np.abs(goal).max())


def test_skin_is_the_faces_without_its_eyes():
    head = face_model("head")
    vertices = skin_vertices("head")
    eyeball = list(head.part_names).index("eyeball")
    assert eyeball not in head.vertex_parts[torch.from_numpy(vertices)]
    assert (face_surface(head).within_face[torch.from_numpy(vertices)] > 0).all()
    assert 1000 < len(vertices) < 4000


def test_a_face_that_no_crop_shows_is_rejected(seen_and_fitted):
    *args, _, before, runs = seen_and_fitted[3]
    beside = crops(np.zeros((16, 32, 32, 3), np.uint8), np.tile(IDENTITY, (16, 1, 1)) - [0, 0, 999])
    with pytest.raises(ClipRejected, match="none of the aligned frames"):
        refine(*args, beside, before, runs, seen_and_fitted[1])
