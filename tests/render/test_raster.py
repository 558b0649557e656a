"""What is seen where: against exact fractions, known areas and known surfaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.render.mesh import vertex_normals
from stccl.render.raster import nearest, rasterize
from tests.render.slow_raster import interpolate, seen_at, sphere

# Corners are rounded to 1/4096 px: weights move by that over a triangle's height.
GRID_PX = 1 / 4096

coordinate = st.integers(-4 * 16, 20 * 16).map(lambda steps: steps / 16)
depth = st.integers(8, 40).map(lambda steps: steps / 8)
scene = st.lists(st.tuples(coordinate, coordinate, depth), min_size=3, max_size=12)


@settings(max_examples=60, deadline=None)
@given(scene, st.booleans())
def test_every_sample_agrees_with_exact_fractions(points, two_sided):
    points = np.array(points)
    triangles = np.arange(len(points) // 3 * 3).reshape(-1, 3)
    got = rasterize(points, triangles, (12, 14), np.full(len(triangles), two_sided))
    for row in range(12):
        for column in range(14):
            expected = seen_at(points, triangles, column, row, two_sided=two_sided)
            if expected is None:
                continue
            index, weights, z = expected
            assert got.triangle[row, column] == index or got.depth[row, column] == np.float32(z)
            if got.triangle[row, column] == index:
                np.testing.assert_allclose(got.barycentric[row, column], weights, atol=2e-6)
                np.testing.assert_allclose(got.depth[row, column], z, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 16))
def test_a_sheet_of_triangles_has_neither_cracks_nor_overlaps(seed, steps):
    """Cells around a square, corners moved at random, also onto samples: each sample once."""
    generator = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(0, 41, 5.0), np.arange(0, 41, 5.0))
    moved = generator.integers(-steps, steps + 1, (2, 7, 7)) / 8
    x[1:-1, 1:-1] += moved[0]
    y[1:-1, 1:-1] += moved[1]
    points = np.stack([x.ravel(), y.ravel(), np.ones(81)], axis=1)
    corner = np.arange(81).reshape(9, 9)
    a, b, c, d = (each.ravel() for each in (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:],
                                            corner[:-1, 1:]))  # fmt: skip
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    times = sum(
        (rasterize(points, one[None], (40, 40), np.ones(1, bool)).triangle >= 0).astype(int)
        for one in triangles
        if _turns_left(points[one])
    )
    assert (times[8:-8, 8:-8] >= 1).all()
    if all(_turns_left(points[one]) for one in triangles):
        assert (times == 1).all()


def _turns_left(corners):
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners
    return (by - ay) * (cx - ax) - (bx - ax) * (cy - ay) > 0


def test_the_samples_of_a_triangle_are_its_area():
    points = np.array([[10.3, 12.1, 2.0], [60.7, 190.2, 2.0], [180.4, 33.3, 2.0]])
    seen = (rasterize(points, np.array([[0, 1, 2]]), (200, 200)).triangle == 0).sum()
    sides = points[1:, :2] - points[0, :2]
    area = abs(np.linalg.det(sides)) / 2
    perimeter = sum(np.linalg.norm(points[i, :2] - points[i - 1, :2]) for i in range(3))
    assert abs(seen - area) < 0.1 * perimeter


def test_weights_are_perspective_correct():
    """A floor that runs away from the eye: the pixel halfway is not halfway in the world."""
    points = np.array([[0.0, 40.0, 1.0], [40.0, 40.0, 1.0], [0.0, 0.0, 4.0]])
    got = rasterize(points, np.array([[0, 1, 2]]), (40, 40))
    # Column 0, row 19: 20.5 of 40 px from the far corner, 0.5 px in. 1/z goes evenly on the screen.
    near, far = (19.5 / 40 - 0.5 / 40) / 1.0, 20.5 / 40 / 4.0
    side = 0.5 / 40 / 1.0
    total = near + far + side
    np.testing.assert_allclose(
        got.barycentric[19, 0], [near / total, side / total, far / total], atol=1e-6
    )


def test_a_ball_has_the_depth_and_normals_of_a_ball():
    vertices, triangles = sphere(120, 160)
    points = np.stack([50 + 40 * vertices[:, 0], 50 - 40 * vertices[:, 1], 5 - vertices[:, 2]], 1)
    got = rasterize(points, triangles, (100, 100))
    normals = interpolate(got, triangles, vertex_normals(vertices, triangles))
    row, column = np.mgrid[:100, :100]
    x, y = (column + 0.5 - 50) / 40, (50 - row - 0.5) / 40
    inside = x**2 + y**2 < 0.9
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    np.testing.assert_allclose(got.depth[inside], (5 - z)[inside], atol=2e-3)
    truth = np.stack([x, y, z], axis=-1)
    # The seam and the poles have vertices without half of their triangles.
    away = inside & (abs(y) < 0.9)
    np.testing.assert_allclose(normals[away], truth[away], atol=0.02)


def test_the_nearer_triangle_hides_the_further_in_either_order():
    corners = np.array([[0.0, 0, 3], [0, 20, 3], [20, 0, 3], [0, 0, 2], [0, 20, 2], [20, 0, 2]])
    for triangles in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        got = rasterize(corners, np.array(triangles), (20, 20))
        assert got.depth[2, 2] == 2
        assert triangles[got.triangle[2, 2]][0] == 3


def test_two_triangles_that_pass_through_each_other_meet_on_a_line():
    corners = np.array([[0.0, 0, 1], [0, 40, 1], [40, 0, 3], [0, 0, 2], [0, 40, 2], [40, 0, 2]])
    got = rasterize(corners, np.array([[0, 1, 2], [3, 4, 5]]), (40, 40))
    # 1/z of the first falls from 1 to 1/3 over 40 px: it is 1/2 at 30 px.
    assert (got.triangle[0, :30] == 0).all()
    assert (got.triangle[0, 30:39] == 1).all()


@pytest.mark.parametrize(
    "corners",
    [
        [[5.0, 5, 1], [9, 9, 1], [7, 7, 1]],  # a line
        [[5.0, 5, 1], [5, 5, 1], [5, 5, 1]],  # a point
        [[-90.0, -90, 1], [-90, -50, 1], [-50, -90, 1]],  # off the picture
        [[0.0, 0, -1], [0, 20, 1], [20, 0, 1]],  # partly behind the eye
        [[0.0, 0, 0], [0, 20, 1], [20, 0, 1]],
        [[np.nan, 0, 1], [0, 20, 1], [20, 0, 1]],
        [[0.0, 0, 1], [0, 1e9, 1], [20, 0, 1]],  # beyond what 64 bits hold
        [[0.0, 0, 1], [20, 0, 1], [0, 20, 1]],  # from behind
    ],
)
def test_what_cannot_be_seen_draws_nothing(corners):
    got = rasterize(np.array(corners), np.array([[0, 1, 2]]), (20, 20))
    assert (got.triangle == -1).all()
    assert np.isinf(got.depth).all()
    assert (got.barycentric == 0).all()


def test_a_two_sided_triangle_keeps_the_order_of_its_weights():
    corners = np.array([[0.0, 0, 1], [20, 0, 2], [0, 20, 3]])
    behind = rasterize(corners, np.array([[0, 1, 2]]), (20, 20), np.array([True]))
    front = rasterize(corners, np.array([[0, 2, 1]]), (20, 20))
    np.testing.assert_array_equal(behind.barycentric, front.barycentric[..., [0, 2, 1]])
    assert (behind.triangle == front.triangle).all()


def test_a_triangle_larger_than_the_picture_fills_it():
    corners = np.array([[-9000.0, -9000, 1], [-9000, 15000, 1], [15000, -9000, 1]])
    assert (rasterize(corners, np.array([[0, 1, 2]]), (30, 50)).triangle == 0).all()


def test_the_nearest_alone_are_those_of_the_whole():
    random = np.random.default_rng(5)
    points = random.uniform((-10, -10, 1), (60, 50, 9), (200, 3))
    triangles = random.integers(0, 200, (400, 3))
    two_sided = random.random(400) < 0.5
    whole = rasterize(points, triangles, (40, 50), two_sided)
    triangle, depth = nearest(points, triangles, (40, 50), two_sided)
    assert len(np.unique(triangle)) > 20
    np.testing.assert_array_equal(triangle, whole.triangle)
    np.testing.assert_array_equal(depth, whole.depth)
