"""Soft outlines: areas that can be computed, finite differences, and what must stay as it is."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stccl.render.differentiable import interpolate, rasterize
from stccl.render.silhouette import antialias, opposite_corners
from tests.render.slow_raster import sphere


def coverage(points, triangles, size, *, perspective=False, two_sided=True):
    seen = rasterize(points, triangles, size, perspective=perspective, two_sided=two_sided)
    hard = (seen.triangle >= 0).to(points)[..., None]
    return antialias(hard, seen, opposite_corners(triangles))[..., 0], hard[..., 0]


def test_a_rectangle_covers_its_pixels_by_area():
    left, top, right, bottom = 3.2, 4.4, 11.7, 9.9
    corners = [[left, top, 1], [left, bottom, 1], [right, bottom, 1], [right, top, 1]]
    points = torch.tensor([corners], dtype=torch.float64, requires_grad=True)
    soft, _ = coverage(points, torch.tensor([[0, 1, 2], [0, 2, 3]]), (14, 16))
    across = np.clip(np.minimum(np.arange(16) + 1, right) - np.maximum(np.arange(16), left), 0, 1)
    down = np.clip(np.minimum(np.arange(14) + 1, bottom) - np.maximum(np.arange(14), top), 0, 1)
    expected = np.outer(down, across)
    inner = np.ones_like(expected, bool)
    inner[np.ix_([4, 9], [3, 11])] = False  # corners: outlines along both axes
    np.testing.assert_allclose(soft[0].detach().numpy()[inner], expected[inner], atol=1e-9)
    (gradient,) = torch.autograd.grad(soft[0, 7].sum(), points)
    # A row is as long as the rectangle is wide: its left corners take from it, the right ones add.
    np.testing.assert_allclose(gradient[0, :2, 0].sum(), -1)
    np.testing.assert_allclose(gradient[0, 2:, 0].sum(), 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_triangle_covers_its_area_and_changes_with_it(seed):
    generator = torch.Generator().manual_seed(seed)
    points = 5 + 90 * torch.rand(1, 3, 3, generator=generator, dtype=torch.float64)
    points.requires_grad_()
    soft, hard = coverage(points, torch.tensor([[0, 1, 2]]), (100, 100))
    sides = points[0, 1:, :2] - points[0, :1, :2]
    area = torch.linalg.det(sides).abs() / 2
    # What is off is at the corners, where both sides are within a pixel: the more the sharper.
    lengths = [(points[0, i, :2] - points[0, i - 1, :2]).norm() for i in range(3)]
    assume(2 * area / max(lengths) > max(8, 0.25 * max(lengths)))
    assert (soft.sum() - area).abs().item() < 3
    assert -1e-9 <= soft.min() <= soft.max() <= 1 + 1e-9
    assert ((soft > 0.5) != (hard > 0)).sum() < 6
    (got,), (expected,) = (torch.autograd.grad(each, points) for each in (soft.sum(), area))
    assert (got - expected)[..., :2].abs().max() < 3


def ball(rings):
    """Closed: no vertices at the same place, no triangles without area."""
    unit, triangles = sphere(rings, 2 * rings)
    unit, index = np.unique(unit.round(9), axis=0, return_inverse=True)
    triangles = index.ravel()[triangles]
    distinct = (triangles != np.roll(triangles, 1, 1)).all(1)
    return torch.from_numpy(unit), torch.from_numpy(triangles[distinct])


@pytest.mark.parametrize("rings", [12, 200])
def test_a_growing_ball_covers_more(rings):
    """Coarse triangles and ones finer than a pixel: area pi r^2, change 2 pi r."""
    unit, triangles = ball(rings)
    radius = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    points = (radius * unit + torch.tensor([30.2, 29.7, 0]))[None]
    soft, _ = coverage(points * torch.tensor([1.0, 1, -1]), triangles, (60, 60))
    (by_radius,) = torch.autograd.grad(soft.sum(), radius)
    area = soft.sum().item()
    assert area == pytest.approx(np.pi * 20**2, rel=0.03 if rings == 12 else 2e-3)
    assert float(by_radius) == pytest.approx(2 * area / 20, rel=0.03)


@pytest.mark.parametrize(
    ("seed", "perspective", "two_sided"), list(product(range(4), (False, True), (False, True)))
)
def test_gradients_are_the_differences(seed, perspective, two_sided):
    generator = torch.Generator().manual_seed(seed)
    spread, first = torch.tensor([14.0, 12, 2]).double(), torch.tensor([-1.0, -1, 1]).double()
    points = torch.rand(2, 12, 3, generator=generator, dtype=torch.float64) * spread + first
    colours = torch.randn(2, 12, 2, generator=generator, dtype=torch.float64)
    triangles = torch.tensor([[0, 1, 2], [2, 1, 3], [4, 5, 6], [6, 5, 7], [8, 9, 10], [9, 8, 11]])
    opposite = opposite_corners(triangles)

    def draw(points, colours):
        seen = rasterize(points, triangles, (10, 12), perspective=perspective, two_sided=two_sided)
        return antialias(interpolate(seen, colours), seen, opposite)

    inputs = (points.requires_grad_(), colours.requires_grad_())
    assert torch.autograd.gradcheck(draw, inputs, eps=1e-7, atol=1e-5)


def test_the_picture_changes_without_jumps_while_a_triangle_moves():
    corners = torch.tensor([[2.1, 3, 1], [7, 17, 1], [16.4, 8, 1]], dtype=torch.float64)
    triangles = torch.tensor([[0, 1, 2]])
    step = torch.tensor([0.01, 0.004, 0]).double()
    moving = torch.stack([corners + number * step for number in range(200)])
    soft, hard = coverage(moving, triangles, (24, 24))
    assert float(hard.diff(dim=0).abs().max()) == 1
    # An edge that moves by 0.01 px changes a pixel by about as much. It jumps at corners,
    # where they come over a line of pixels' middles.
    middle = (
        torch.stack(torch.meshgrid(torch.arange(24), torch.arange(24), indexing="xy"), -1) + 0.5
    )
    near = torch.cdist(middle.double().flatten(0, 1), moving[..., :2].flatten(0, 1)).amin(1) < 2
    change = soft.diff(dim=0).abs().flatten(1)
    assert float(change[:, ~near].max()) < 0.015
    assert int((change > 0.015).sum()) < 20


def test_only_outlines_that_are_seen_are_softened():
    wall = [[0.0, 0, 2], [0, 20, 2], [20, 20, 2], [20, 0, 2]]
    behind = [[4.3, 4.2, 3], [5.1, 15.2, 3], [14.7, 6.1, 3]]
    before = [[x, y, 1] for x, y, _ in behind]
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6]])
    colours = torch.tensor([[0.0]] * 4 + [[1.0]] * 3)
    pictures = []
    for other in (behind, before):
        points = torch.tensor([wall + other])
        seen = rasterize(points, triangles, (20, 20), perspective=True)
        image = interpolate(seen, colours) if other is before else torch.rand(1, 20, 20, 1)
        pictures.append((image, antialias(image, seen, opposite_corners(triangles))))
    hidden, shown = pictures
    assert torch.equal(*hidden)
    assert ((shown[1] > 0) & (shown[1] < 1)).sum() > 15
    # From behind it is not drawn, and has no outline either.
    turned = triangles[:, [0, 2, 1]]
    seen = rasterize(torch.tensor([wall + before]), turned, (20, 20), perspective=True)
    image = torch.rand(1, 20, 20, 1)
    assert torch.equal(antialias(image, seen, opposite_corners(turned)), image)


def test_how_far_an_edge_is_follows_perspective():
    """An edge from 1 to 9 m before a wall at 3 m: halfway on the screen it is at 1.8 m."""
    wall = [[0.0, 0, 3], [0, 40, 3], [20, 40, 3], [20, 0, 3]]
    wedge = [[10.3, 2, 1], [2, 2, 1], [10.3, 38, 9]]
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6]])
    seen = rasterize(torch.tensor([wall + wedge]), triangles, (40, 20), perspective=True)
    image = torch.rand(1, 40, 20, 1, generator=torch.Generator().manual_seed(1))
    soft = antialias(image, seen, opposite_corners(triangles))
    # 1 / z falls from 1 to 1 / 9 over 36 rows: it is 1 / 3 after 27.
    parted = (soft != image)[0, :, 10, 0]
    assert parted[3:29].all()
    assert not parted[29:].any()


def test_the_inside_of_a_surface_stays_sharp():
    unit, triangles = ball(40)
    points = (10 * unit * torch.tensor([1.0, -1, -1]) + 20)[None]
    seen = rasterize(points, triangles, (40, 40), perspective=False)
    image = torch.rand(1, 40, 40, 3, dtype=torch.float64)
    soft = antialias(image, seen, opposite_corners(triangles))
    row, column = np.mgrid[:40, :40] + 0.5 - 20
    away = abs(np.hypot(row, column) - 10) > 1.5
    assert torch.equal(soft[0][away], image[0][away])
    assert not torch.equal(soft, image)


def test_opposite_corners_by_slow_loops():
    _, triangles = sphere(6, 8)
    found = opposite_corners(torch.from_numpy(triangles))
    for index, triangle in enumerate(triangles):
        for corner in range(3):
            edge = set(triangle) - {triangle[corner]}
            others = [
                (set(other) - edge).pop()
                for number, other in enumerate(triangles)
                if number != index and edge < set(other)
            ]
            expected = others[0] if others else -1
            assert found[index, corner] == expected
