"""What is seen and its gradients: exact fractions, finite differences, known surfaces, Embree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.render.differentiable import interpolate, rasterize, visible_vertices
from stccl.render.normals import vertex_normals
from tests.render.slow_raster import seen_at, sphere

# Corners are rounded to 1/4096 px where it is decided what is seen, which finite differences of
# 1e-7 px hardly ever change; weights, depths and gradients come from the corners as they are.
STEP_PX = 1e-7

coordinate = st.integers(-4 * 16, 20 * 16).map(lambda steps: steps / 16)
depth = st.integers(8, 40).map(lambda steps: steps / 8)
scene = st.lists(st.tuples(coordinate, coordinate, depth), min_size=3, max_size=12)


def flat_at(points, corners, column, row):
    """Weights and depth without perspective, by solving for the weights."""
    a, b, c = points[corners]
    matrix = np.stack([[a[0], b[0], c[0]], [a[1], b[1], c[1]], [1, 1, 1]])
    weights = np.linalg.solve(matrix, [column + 0.5, row + 0.5, 1])
    return weights, weights @ [a[2], b[2], c[2]]


@settings(max_examples=40, deadline=None)
@given(scene, st.booleans(), st.booleans())
def test_every_pixel_agrees_with_exact_fractions(points, two_sided, perspective):
    points = np.array(points)
    triangles = np.arange(len(points) // 3 * 3).reshape(-1, 3)
    got = rasterize(
        torch.from_numpy(points)[None],
        torch.from_numpy(triangles),
        (12, 14),
        perspective=perspective,
        two_sided=two_sided,
    )
    for row in range(12):
        for column in range(14):
            index = int(got.triangle[0, row, column])
            expected = seen_at(points, triangles, column, row, two_sided=two_sided)
            if expected is None:
                continue
            if expected[0] < 0:
                assert index == -1
                assert got.depth[0, row, column] == np.inf
                assert (got.barycentric[0, row, column] == 0).all()
                continue
            if perspective:
                if index != expected[0]:
                    assert got.depth[0, row, column] == pytest.approx(expected[2])
                    continue
                weights, z = expected[1:]
            else:
                weights, z = flat_at(points, triangles[index], column, row)
                for other in triangles[: None if two_sided else 0]:
                    if np.linalg.matrix_rank(points[other] - points[other][0]) < 2:
                        continue
                    try:
                        inside, far = flat_at(points, other, column, row)
                    except np.linalg.LinAlgError:
                        continue
                    assert inside.min() < 1e-9 or far > z - 1e-9
            np.testing.assert_allclose(got.barycentric[0, row, column], weights, atol=1e-9)
            np.testing.assert_allclose(got.depth[0, row, column], z, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("perspective", [False, True])
def test_gradients_are_the_differences(seed, perspective, two_sided):
    generator = torch.Generator().manual_seed(seed)
    spread, first = torch.tensor([14.0, 12, 2]).double(), torch.tensor([-1.0, -1, 1]).double()
    points = torch.rand(2, 15, 3, generator=generator, dtype=torch.float64) * spread + first
    colours = torch.randn(2, 15, 2, generator=generator, dtype=torch.float64)
    triangles = torch.arange(15).view(5, 3)

    def draw(points, colours):
        seen = rasterize(points, triangles, (10, 12), perspective=perspective, two_sided=two_sided)
        return interpolate(seen, colours), torch.where(seen.triangle < 0, 0, seen.depth)

    assert torch.autograd.gradcheck(
        draw, (points.requires_grad_(), colours.requires_grad_()), eps=STEP_PX, atol=1e-5
    )


def test_gradients_of_normals_are_the_differences():
    vertices = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [2, 1, 7]])
    assert torch.autograd.gradcheck(lambda v: vertex_normals(v, triangles), (vertices,))
    assert (vertex_normals(vertices, triangles)[:, 8] == 0).all()


@pytest.mark.parametrize("perspective", [False, True])
def test_a_growing_ball_comes_nearer_and_an_approaching_one_too(perspective):
    """Depth over a ball of radius r, 5 m off: its change with r and with the ball's place."""
    unit, triangles = (torch.from_numpy(each) for each in sphere(240, 320))
    radius = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    place = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    x, y, z = (radius * unit).unbind(-1)
    far = place - z
    focal = 60 * (1 / far if perspective else torch.ones_like(far) / 5)
    points = torch.stack([20 + focal * x * 5, 20 - focal * y * 5, far], -1)
    seen = rasterize(points[None], triangles, (40, 40), perspective=perspective)
    # A pixel's ray: along (x, y, 1) from the pinhole, or straight on.
    x, y = (22.5 - 20) / 300, -(15.5 - 20) / 300
    got = seen.depth[0, 15, 22]
    by_radius, by_place = torch.autograd.grad(got, (radius, place))

    def analytic(r, d):
        if not perspective:
            return d - np.sqrt(r**2 - (5 * x) ** 2 - (5 * y) ** 2)
        square = x**2 + y**2 + 1
        return (d - np.sqrt(d**2 - square * (d**2 - r**2))) / square

    step = 1e-6
    assert got.item() == pytest.approx(analytic(0.8, 5), abs=1e-3)
    difference = (analytic(0.8 + step, 5) - analytic(0.8 - step, 5)) / (2 * step)
    assert float(by_radius) == pytest.approx(difference, rel=1e-2)
    difference = (analytic(0.8, 5 + step) - analytic(0.8, 5 - step)) / (2 * step)
    assert float(by_place) == pytest.approx(difference, rel=1e-2)


def test_a_ball_has_the_normals_of_a_ball():
    unit, triangles = (torch.from_numpy(each) for each in sphere(120, 160))
    points = torch.stack([50 + 40 * unit[:, 0], 50 - 40 * unit[:, 1], -unit[:, 2]], -1)[None]
    seen = rasterize(points, triangles, (100, 100), perspective=False)
    normals = interpolate(seen, vertex_normals(unit[None], triangles))[0]
    row, column = np.mgrid[:100, :100]
    x, y = (column + 0.5 - 50) / 40, (50 - row - 0.5) / 40
    inside = (x**2 + y**2 < 0.9) & (abs(y) < 0.9)  # poles and the seam have half their triangles
    truth = np.stack([x, y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))], -1)
    np.testing.assert_allclose(normals[inside], truth[inside], atol=0.02)


def test_the_side_towards_the_camera_is_visible():
    unit, triangles = (torch.from_numpy(each) for each in sphere(40, 60))
    points = torch.stack([20 + 15 * unit[:, 0], 20 - 15 * unit[:, 1], -15 * unit[:, 2]], -1)
    pair = torch.stack([points, points + torch.tensor([100.0, 0, 0])])
    seen = rasterize(pair, triangles, (40, 40), perspective=False)
    visible, beside = visible_vertices(seen, tolerance=0.5)
    assert visible[unit[:, 2] > 0].all()
    assert not visible[unit[:, 2] < -0.5].any()
    assert not beside.any()


def _faces(batch=5):
    generator = torch.Generator().manual_seed(3)
    unit, triangles = (torch.from_numpy(each).float() for each in sphere(30, 40))
    noise = 0.02 * torch.randn(batch, *unit.shape, generator=generator)
    return 32 + 25 * (unit + noise), triangles.long(), torch.randn(unit.shape, generator=generator)


def _pictures(points, triangles, colours):
    points = points.clone().requires_grad_()
    colours = colours.clone().requires_grad_()
    seen = rasterize(points, triangles, (64, 64), perspective=True)
    image = interpolate(seen, colours)
    (image.square().sum() + seen.depth[seen.triangle >= 0].sum()).backward()
    return [image.detach(), points.grad, colours.grad]


def test_threads_change_nothing():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = _pictures(*_faces())
        torch.set_num_threads(3)
        together = _pictures(*_faces())
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, alone, together))


def test_a_batch_is_its_pictures_one_by_one():
    points, triangles, colours = _faces()
    image, to_points, to_colours = _pictures(points, triangles, colours)
    single = [_pictures(one[None], triangles, colours) for one in points]
    assert torch.equal(image, torch.cat([each[0] for each in single]))
    assert torch.equal(to_points, torch.cat([each[1] for each in single]))
    torch.testing.assert_close(to_colours, sum(each[2] for each in single))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_slivers_stay_within_their_corners(seed, perspective):
    """Triangles thinner than the grid, along a line of pixel middles."""
    generator = np.random.default_rng(seed)
    along, off = generator.uniform(0, 20, (30, 3)), generator.normal(0, 2e-4, (30, 3))
    far = generator.uniform(1, 2, (30, 3))
    points = torch.tensor(np.stack([along, 5.5 + off, far], -1).reshape(1, -1, 3))
    points.requires_grad_()
    triangles = torch.arange(90).view(30, 3)
    seen = rasterize(points, triangles, (10, 20), perspective=perspective, two_sided=True)
    weights = seen.barycentric[seen.triangle >= 0]
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(len(weights)).double())
    found = seen.depth[seen.triangle >= 0]
    assert ((found >= 1 - 1e-9) & (found <= 2 + 1e-9)).all()
    (weights.square().sum() + found.sum()).backward()
    assert points.grad.isfinite().all()


def test_what_is_not_finite_is_left_out():
    points = torch.tensor([[[0.0, 0, 1], [0, 8, 1], [8, 0, 1], [np.nan, 1, 1], [1, 1, np.inf]]])
    triangles = torch.tensor([[0, 1, 3], [1, 2, 4], [0, 1, 2]])
    for perspective in (False, True):
        seen = rasterize(points, triangles, (4, 4), perspective=perspective, two_sided=True)
        assert (seen.triangle == 2).all()
        assert seen.depth.isfinite().all()


def test_half_precision_is_drawn_in_single():
    points, triangles, colours = _faces(1)
    seen = rasterize(points.bfloat16(), triangles, (64, 64), perspective=True)
    exact = rasterize(points.bfloat16().float(), triangles, (64, 64), perspective=True)
    assert seen.depth.dtype == torch.bfloat16
    assert torch.equal(seen.triangle, exact.triangle)
    assert interpolate(seen, colours).dtype == torch.bfloat16


def test_rays_of_embree_hit_the_same_places():
    """Embree, a ray tracer for CPUs (one of the `dev` extras), as far from a z-buffer as can be."""
    pytest.importorskip("embreex", reason="embreex is not installed")
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    unit, triangles = sphere(50, 70)
    generator = np.random.default_rng(0)
    vertices = np.concatenate([unit, 0.6 * unit + [0.5, 0.3, 0.7]])
    vertices += generator.normal(0, 0.01, vertices.shape)
    triangles = np.concatenate([triangles, triangles + len(unit)])
    points = np.stack([40 + 30 * vertices[:, 0], 40 - 30 * vertices[:, 1], -vertices[:, 2]], -1)
    points = points.astype(np.float32)
    seen = rasterize(
        torch.from_numpy(points)[None],
        torch.from_numpy(triangles),
        (80, 80),
        perspective=False,
        two_sided=True,
    )
    row, column = np.mgrid[:80, :80].reshape(2, -1)
    start = np.stack([column + 0.5, row + 0.5, np.full(6400, -5.0)], -1).astype(np.float32)
    ahead = np.tile(np.array([0, 0, 1], np.float32), (6400, 1))
    embree = rtcore_scene.EmbreeScene()
    TriangleMesh(embree, points, triangles.astype(np.int32))
    hits = embree.run(start, ahead, query="INTERSECT", output=True)
    triangle, depth = seen.triangle.numpy().ravel(), seen.depth.numpy().ravel()
    same = hits["primID"] == triangle
    assert same.mean() > 0.999  # the rest lies on edges
    hit = same & (triangle >= 0)
    np.testing.assert_allclose(hits["tfar"][hit] - 5, depth[hit], atol=1e-4)
    weights = seen.barycentric.numpy().reshape(-1, 3)[hit]
    # Triangles seen from the side have corners close together; the places agree.
    corners = points[triangles[triangle[hit]]]
    rays = np.stack([1 - hits["u"] - hits["v"], hits["u"], hits["v"]], -1)[hit]
    np.testing.assert_allclose(
        np.einsum("nk,nkc->nc", weights, corners), np.einsum("nk,nkc->nc", rays, corners), atol=2e-3
    )
