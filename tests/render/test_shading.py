"""Light and colour: against other formulas for the same, and against known cases."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.special import sph_harm_y

from stccl.face3d.rotation import rotation_matrix
from stccl.render.camera import Camera
from stccl.render.light import Lights, harmonics, surrounding_light
from stccl.render.mesh import vertex_normals
from stccl.render.picture import from_srgb, reduce_samples, to_srgb
from stccl.render.raster import rasterize
from stccl.render.strands import Strands, shade_strands
from stccl.render.surface import Surface, Vertices, shade_surfaces
from stccl.render.texture import sample
from stccl.render.visibility import ambient_occlusion, lit_part
from tests.render.slow_raster import interpolate, sphere

CAMERA = Camera(64, 250.0, 10.0, 0.0, (32.0, 32.0))
EYE = np.array([0.0, 0.0, 10.0])
DARK = np.zeros((9, 3), np.float32)


def _ball(lights, *, shadow=1.0, scatter=(0.0, 0.0, 0.0), specular=0.0, colour=(0.5, 0.4, 0.3)):
    vertices, triangles = sphere()
    normals = vertex_normals(vertices, triangles)
    texture = np.zeros((4, 4, 8), np.float32)
    texture[..., :3], texture[..., 3], texture[..., 4] = colour, 0.3, specular
    attributes = Vertices(
        vertices,
        normals,
        np.full((len(vertices), 2), 0.5, np.float32),
        np.ones(len(vertices), np.float32),
        np.full(len(vertices), shadow, np.float32),
    )
    seen = rasterize(CAMERA.project(vertices, 2), triangles, (128, 128))
    image = np.zeros((128, 128, 3), np.float32)
    surface = Surface(0, len(triangles), texture, scatter)
    shade_surfaces(image, seen, triangles, attributes, [surface], lights, EYE, np.eye(3))
    return image, interpolate(seen, triangles, normals), seen.triangle >= 0


def _lamp(direction, colour=(1.0, 1.0, 1.0)):
    direction = np.array([direction], np.float32)
    return Lights(DARK, direction / np.linalg.norm(direction), np.array([colour], np.float32))


@given(st.floats(0, np.pi), st.floats(-np.pi, np.pi))
def test_harmonics_are_the_real_spherical_harmonics(polar, around):
    x, y, z = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)
    expected = []
    for degree, order in [(0, 0), (1, -1), (1, 0), (1, 1), *((2, m) for m in range(-2, 3))]:
        value = sph_harm_y(degree, abs(order), polar, around) * (-1) ** order
        part = value.imag if order < 0 else value.real
        expected.append(part * (np.sqrt(2) if order else 1))
    np.testing.assert_allclose(harmonics(x, y, z), expected, atol=1e-5)


def test_the_surrounding_matches_an_integral_over_many_lights():
    """A half-bright sky above: E(n) by brute force over 20000 directions against nine numbers."""
    generator = np.random.default_rng(0)
    towards = generator.normal(size=(20000, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    sky = np.clip(0.3 + 0.7 * towards[:, 1:2], 0, None) * np.array([[1.0, 0.8, 0.5]])
    per_light = sky * 4 / len(towards)  # 4 pi sr over pi
    coefficients = surrounding_light(towards, per_light)
    for normal in ([0, 1, 0], [0.6, 0, 0.8], [0, -1, 0]):
        brute = (np.clip(towards @ normal, 0, None)[:, None] * per_light).sum(axis=0)
        fit = np.array(harmonics(*map(float, normal))) @ coefficients
        np.testing.assert_allclose(fit, brute, atol=0.03)


def test_a_matt_ball_is_lit_by_the_cosine():
    image, normals, seen = _ball(_lamp((1.0, 2.0, 3.0)))
    cosine = np.clip(normals @ (np.array([1.0, 2.0, 3.0]) / np.sqrt(14)), 0, None)
    expected = cosine[..., None] * np.array([0.5, 0.4, 0.3])
    # A pixel's four samples share one colour, so compare whole pixels away from the rim.
    inner = reduce_samples(seen[..., None].astype(np.float32))[..., 0] == 1
    got, want = reduce_samples(image), reduce_samples(expected.astype(np.float32))
    np.testing.assert_allclose(got[inner], want[inner], atol=0.02)
    assert (image[~seen] == 0).all()


def test_light_from_the_other_side_lights_the_other_side():
    right, left = (_ball(_lamp((side, 0.2, 0.6)))[0].mean(axis=(0, 2)) for side in (1.0, -1.0))
    assert right[64:].sum() > 1.5 * right[:64].sum()
    assert left[:64].sum() > 1.5 * left[64:].sum()


def test_scattered_light_reaches_beyond_the_edge_of_the_shade_red_the_furthest():
    image, normals, _ = _ball(_lamp((1.0, 0, 0.01)), scatter=(0.5, 0.2, 0.0), colour=(1, 1, 1))
    shade = (normals[..., 0] < -0.03) & (normals[..., 0] > -0.15)
    red, green, blue = image[shade].mean(axis=0)
    assert red > 1.5 * green > 0
    assert blue < 1e-3


def test_shadow_takes_the_key_light_only():
    lights = Lights(
        DARK,
        np.array([[0, 0, 1.0], [0, 0, 1.0]], np.float32),
        np.array([[1.0, 0, 0], [0, 1.0, 0]], np.float32),
    )
    image, _, _ = _ball(lights, shadow=0.25)
    red, green, _ = image[64, 64] / [0.5, 0.4, 0.3]
    assert red == pytest.approx(0.25, abs=0.01)
    assert green == pytest.approx(1.0, abs=0.01)


def test_the_highlight_stands_where_the_mirror_has_the_lamp():
    direction = np.array([0.6, 0.4, 1.0])
    matt, _, _ = _ball(_lamp(direction))
    shiny, normals, _ = _ball(_lamp(direction), specular=1.0)
    row, column = np.unravel_index((shiny - matt).sum(axis=2).argmax(), (128, 128))
    half = direction / np.linalg.norm(direction) + [0, 0, 1]
    assert normals[row, column] @ (half / np.linalg.norm(half)) > 0.995


def test_surfaces_shaded_together_are_as_each_by_itself():
    vertices, triangles = sphere()
    seen = rasterize(CAMERA.project(vertices, 2), triangles, (128, 128))
    generator = np.random.default_rng(0)
    attributes = Vertices(
        vertices, vertex_normals(vertices, triangles),
        *(generator.random((len(vertices), *shape), np.float32) for shape in ((2,), (), ())),
    )  # fmt: skip
    half = len(triangles) // 2
    surfaces = [
        Surface(0, half, generator.random((8, 8, 8), np.float32), (0.5, 0.3, 0.2)),
        Surface(half, len(triangles), generator.random((4, 16, 8), np.float32), (0.0, 0.1, 0.4)),
    ]
    lamp = _lamp((1.0, 2.0, 3.0))
    together, apart = np.zeros((2, 128, 128, 3), np.float32)
    shade_surfaces(together, seen, triangles, attributes, surfaces, lamp, EYE, np.eye(3))
    for surface in surfaces:
        shade_surfaces(apart, seen, triangles, attributes, [surface], lamp, EYE, np.eye(3))
    lit = together.any(axis=2)
    assert (lit == (seen.triangle >= 0)).all()
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_hair_across_the_light_is_brighter_than_hair_along_it():
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]])
    triangles = np.array([[0, 1, 2]])
    seen = rasterize(CAMERA.project(corners, 2), triangles, (128, 128))

    def brightness(tangent):
        strands = Strands(
            0, 1, 0, corners, np.tile(tangent, (3, 1)), np.tile([0.0, 0, 1], (3, 1)),
            np.full((3, 3), 0.3), np.ones(3), np.ones(3), np.zeros(3),
        )  # fmt: skip
        image = np.zeros((128, 128, 3), np.float32)
        shade_strands(image, seen, triangles, strands, _lamp((1.0, 0, 1.0)), EYE, np.eye(3))
        return image[64, 64, 0]

    across, along = brightness([0.0, 1, 0]), brightness([1.0, 0, 0])
    # sin 90 and sin 45 degrees.
    assert along / across == pytest.approx(np.sqrt(0.5), abs=0.01)


def test_hair_is_lit_alike_wherever_its_frame_and_its_numbers_begin():
    generator = np.random.default_rng(5)
    count = 40
    hidden = np.array([[-3.0, -3, -1], [3, -3, -1], [0, 3, -1]])  # behind, so that some is unseen
    hair = np.concatenate([generator.uniform(-1, 1, (3 * count - 3, 3)) * [1, 1, 0.2], hidden])
    turn = rotation_matrix(torch.tensor([0.3, -0.4, 0.2])).numpy()
    carried = generator.standard_normal((2, 3 * count, 3))
    carried /= np.linalg.norm(carried, axis=-1, keepdims=True)
    rest = (
        generator.random((3 * count, 3)), *(generator.random(3 * count) for _ in range(3))
    )  # fmt: skip
    wall = np.array([[-9.0, -9, -8], [9, -9, -8], [0, 9, -8]])
    points, corners = np.concatenate([wall, hair]), np.arange(3 * count + 3).reshape(-1, 3)
    two_sided = np.ones(len(corners), np.bool_)
    seen = rasterize(CAMERA.project(points, 2), corners, (128, 128), two_sided)
    alone = rasterize(CAMERA.project(hair, 2), corners[:-1], (128, 128), two_sided[:-1])
    lamp, images = _lamp((1.0, 0.5, 1.0)), np.zeros((2, 128, 128, 3), np.float32)
    in_frame = Strands(1, count + 1, 3, hair, *carried, *rest)
    in_world = Strands(0, count, 0, hair, *(own @ turn.T for own in carried), *rest)
    shade_strands(images[0], seen, corners, in_frame, lamp, EYE, turn)
    shade_strands(images[1], alone, corners[:-1], in_world, lamp, EYE, np.eye(3))
    assert (corners == np.arange(3 * count + 3).reshape(-1, 3)).all()
    assert (images[0].any(axis=2) == (alone.triangle >= 0)).all()
    np.testing.assert_allclose(images[0], images[1], rtol=1e-3, atol=1e-5)


def test_texture_agrees_with_scipy():
    texture = np.random.default_rng(0).random((7, 5, 2)).astype(np.float32)
    uv = np.random.default_rng(1).random((50, 2))
    rows, columns = (1 - uv[:, 1]) * 7 - 0.5, uv[:, 0] * 5 - 0.5
    for channel in range(2):
        expected = map_coordinates(texture[..., channel], [rows, columns], order=1, mode="nearest")
        np.testing.assert_allclose(sample(texture, uv)[:, channel], expected, atol=1e-6)


def test_twins_share_a_normal():
    fold = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    creased = vertex_normals(fold, triangles)
    smooth = vertex_normals(fold, triangles, np.array([0, 1, 2, 0, 2, 5]))
    np.testing.assert_allclose(creased[3], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(smooth[[0, 3]], [[0.5**0.5, 0, 0.5**0.5]] * 2, atol=1e-6)


def test_a_ball_throws_a_round_shadow_on_the_floor():
    ball, triangles = sphere(radius=0.02, centre=(0, 0.05, 0))
    floor = np.array([[-0.2, 0, -0.2], [-0.2, 0, 0.2], [0.2, 0, 0.2], [0.2, 0, -0.2]])
    vertices = np.concatenate([ball, floor])
    faces = np.concatenate([triangles, len(ball) + np.array([[0, 1, 2], [0, 2, 3]])])
    away = np.linspace(0, 0.1, 50)
    asked = np.stack([away, np.zeros(50), np.zeros(50)], axis=1)
    lit = lit_part(asked, np.tile([0.0, 1, 0], (50, 1)), vertices, faces, np.array([0.0, 1, 0]))
    assert (lit[away < 0.014] == 0).all()
    assert (lit[away > 0.026] == 1).all()


def test_occlusion_under_a_ball_and_on_it():
    ball, triangles = sphere(30, 40, radius=0.02, centre=(0, 0.028, 0))
    side = np.linspace(-0.1, 0.1, 21)
    x, z = np.meshgrid(side, side)
    floor = np.stack([x.ravel(), np.zeros(441), z.ravel()], axis=1)
    corner = np.arange(441).reshape(21, 21)
    a, b, c, d = (each.ravel() for each in (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:],
                                            corner[:-1, 1:]))  # fmt: skip
    flat = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]) + len(ball)
    vertices, faces = np.concatenate([ball, floor]), np.concatenate([triangles, flat])
    open_part = ambient_occlusion(vertices, vertex_normals(vertices, faces), faces)
    # A ball of radius r at height h over a point hides (r / h)^2 of the sky, by the cosine; the
    # bias lifts the point by 3 mm.
    beneath = open_part[len(ball) + 220]
    assert beneath == pytest.approx(1 - (20 / 25) ** 2, abs=0.03)
    far = open_part[len(ball)]
    assert far > 0.95
    top, bottom = 1 * 40 + 20, 28 * 40 + 20  # the rings next to the poles
    assert open_part[top] > 0.95
    assert open_part[bottom] < 0.2


def test_the_picture_is_half_the_samples_and_srgb_has_its_inverse():
    samples = np.arange(32, dtype=np.float32).reshape(4, 4, 2)
    np.testing.assert_allclose(
        reduce_samples(samples), samples.reshape(2, 2, 2, 2, 2).mean(axis=(1, 3))
    )
    encoded = np.arange(256)
    np.testing.assert_array_equal(to_srgb(from_srgb(encoded / 255)), encoded)


@settings(deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_the_camera_agrees_with_opencv(x, y, z):
    cv2 = pytest.importorskip("cv2")
    camera = Camera(256, 900.0, 1.1, 0.02, (130.0, 120.0))
    matrix = np.array([[900.0, 0, 130], [0, 900, 120], [0, 0, 1]])
    # OpenCV looks along +z with y down: half a turn about x.
    turn = np.array([np.pi, 0, 0])
    shift = np.array([0.0, 0.02, 1.1])
    expected, _ = cv2.projectPoints(np.array([[x, y, z]]), turn, shift, matrix, None)
    np.testing.assert_allclose(camera.project(np.array([x, y, z]))[:2], expected.ravel(), atol=1e-6)
