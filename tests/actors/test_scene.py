"""Actors before the camera: who they are, where their points are, how light and skin look."""

import numpy as np
import pytest
import torch

from stccl.actors import studio
from stccl.actors.looks import draw_looks
from stccl.actors.paint.tone import skin_colour
from stccl.actors.scene import Scene
from stccl.actors.speaker import Speaker
from stccl.face3d.head.head import Head
from tests.actors.conftest import DEMO_SPEAKERS

SIZE_PX = 128


@pytest.fixture(scope="module")
def woman():
    return Scene(Speaker("W003"), size_px=SIZE_PX)


def _with(scene, jaw=0.0, rotation=(0.0, 0.0, 0.0), **actions):
    rest = scene.rest()
    expression = rest.expression.clone()
    for name, value in actions.items():
        expression[0, scene.head.expression_names.index(name)] = value
    return rest._replace(
        expression=expression,
        jaw=torch.tensor([[jaw, 0.0, 0.0]]),
        rotation=torch.tensor([rotation]),
    )


def _face(picture, points):
    """Mean brightness of the right (image left) and left cheek."""
    row = int(points[[30, 33], 1].mean())
    near, far = int(points[36, 0]), int(points[45, 0])
    patch = 4
    return tuple(
        float(picture[row - patch : row + patch, column - patch : column + patch].mean())
        for column in (near, far)
    )


def test_the_same_speaker_gives_the_same_bytes(woman):
    again = Scene(Speaker("W003"), size_px=SIZE_PX)
    smile = _with(woman, 0.1, (0.05, -0.1, 0.02), lip_corner_puller_left=1.0, lips_part=0.5)
    np.testing.assert_array_equal(woman.draw(smile, 3), again.draw(smile, 3))


def test_drawing_other_frames_before_leaves_no_trace(woman):
    first = woman.draw(woman.rest())
    woman.draw(_with(woman, 0.3, brow_lowerer=1.0, outer_brow_raiser=1.0, nose_wrinkler=1.0))
    np.testing.assert_array_equal(woman.draw(woman.rest()), first)


def test_speakers_differ_and_depend_on_seed_and_name_alone():
    looks = {name: draw_looks(Speaker(name)) for name in DEMO_SPEAKERS}
    assert len({look.model_dump_json() for look in looks.values()}) == len(DEMO_SPEAKERS)
    assert draw_looks(Speaker("W002")) == looks["W002"]
    assert draw_looks(Speaker("W002", seed=1)) != looks["W002"]


def test_the_first_speakers_cover_the_range_of_people():
    looks = [draw_looks(Speaker(name)) for name in DEMO_SPEAKERS]
    melanin = sorted(look.melanin for look in looks)
    assert melanin[0] < 0.15
    assert melanin[-1] > 0.55
    assert len({look.hair_style for look in looks}) >= 5
    assert any(look.stubble >= 0.5 for look in looks)


def test_more_melanin_is_darker_and_more_blood_is_redder():
    amounts = np.linspace(0, 1, 12)
    by_melanin = skin_colour(amounts, np.full(12, 0.4))
    assert (np.diff(by_melanin.sum(axis=1)) < 0).all()
    by_blood = skin_colour(np.full(12, 0.2), amounts)
    assert (np.diff(by_blood[:, 0] / by_blood[:, 1]) > 0).all()


@pytest.mark.slow
def test_skin_tones_keep_their_order_in_pictures():
    looks = draw_looks(Speaker("M003"))
    cheeks = []
    for melanin in (0.05, 0.3, 0.6, 0.9):
        scene = Scene(
            Speaker("M003"), looks.model_copy(update={"melanin": melanin}), size_px=SIZE_PX
        )
        rest = scene.rest()
        cheeks.append(sum(_face(scene.draw(rest), scene.landmarks(rest))))
    assert cheeks == sorted(cheeks, reverse=True)
    assert cheeks[0] > 2 * cheeks[-1]


@pytest.mark.slow
def test_the_lamp_lights_the_side_it_is_on():
    looks = draw_looks(Speaker("M003"))
    sides = []
    for azimuth in (-0.8, 0.8):
        scene = Scene(
            Speaker("M003"),
            looks.model_copy(update={"key_azimuth_rad": azimuth}),
            size_px=SIZE_PX,
        )
        rest = scene.rest()
        sides.append(_face(scene.draw(rest), scene.landmarks(rest)))
    (left_of_left, right_of_left), (left_of_right, right_of_right) = sides
    assert left_of_left > 1.05 * right_of_left
    assert right_of_right > 1.05 * left_of_right


@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.4])
def test_landmarks_lie_in_the_picture_and_in_order(woman, yaw):
    points = woman.landmarks(_with(woman, 0.35, (0.1, yaw, 0.1)))
    assert (points > 0).all()
    assert (points < SIZE_PX - 1).all()
    assert points[36, 0] < points[45, 0]
    assert points[27, 1] < points[33, 1] < points[57, 1] < points[8, 1]


def test_a_face_turned_to_the_images_right_moves_its_nose_there(woman):
    straight, turned = (woman.landmarks(_with(woman, rotation=(0.0, yaw, 0.0))) for yaw in (0, 0.3))
    assert turned[30, 0] - straight[30, 0] > 0.02 * SIZE_PX


def test_the_landmarks_are_where_the_picture_shows_them(woman):
    """The lips' redness against the skin's, at the projected points and away from them."""
    rest = woman.rest()
    picture = woman.draw(rest).astype(float)
    points = woman.landmarks(rest)

    def redness(at):
        column, row = np.rint(at).astype(int)
        red, green, _ = picture[row - 1 : row + 2, column - 1 : column + 2].mean(axis=(0, 1))
        return red / green

    lips = redness((points[57] + points[66]) / 2)
    chin = redness(points[8] + 0.35 * (points[57] - points[8]))
    assert lips > 1.15 * chin


def test_opening_the_mouth_shows_a_dark_inside_and_no_hole(woman):
    wide = _with(woman, 0.3, lips_part=1.0)
    points = woman.landmarks(wide)
    column, row = np.rint(points[[62, 66]].mean(axis=0)).astype(int)
    inside = woman.draw(wide)[row, column].astype(float)
    closed = woman.draw(woman.rest())[row, column].astype(float)
    assert inside.sum() < 0.5 * closed.sum()
    assert inside[0] >= inside[2]  # flesh, not the wall behind


def test_folds_show_where_the_face_frowns_and_nowhere_else(woman, monkeypatch):
    frown = _with(woman, brow_lowerer=1.0)
    points = np.rint(woman.landmarks(frown)).astype(int)
    folded = woman.draw(frown).astype(float)
    monkeypatch.setattr(woman._skin, "texture", lambda strengths: woman._skin.base)
    change = np.abs(folded - woman.draw(frown).astype(float))
    left, right, row = points[21, 0], points[22, 0], points[[21, 22], 1].min()
    assert change[row - 3 : row + 4, left : right + 1].max() > 5
    assert change[points[33, 1] :].max() == 0  # from the nose down


def test_frames_differ_by_noise_alone(woman):
    one, two = (woman.draw(woman.rest(), frame).astype(float) for frame in (0, 1))
    apart = np.abs(one - two)
    assert 0 < apart.mean() < 4


def test_the_sensor_saturates_softly_and_keeps_order():
    light = np.linspace(0, 5, 50)[:, None, None] * np.ones((1, 1, 3))
    exposed = studio.expose(light, np.zeros((50, 1, 3)))
    assert (np.diff(exposed[:, 0, 0]) > 0).all()
    assert exposed.max() < 1


def test_the_head_has_every_part_that_is_painted(woman):
    assert set(Head().part_names) == set(woman._surfaces)
