import numpy as np
import torch
from scipy.spatial import ConvexHull
from scipy.special import sph_harm_y

from stccl.face3d.shading import harmonics, shading
from stccl.render.normals import vertex_normals


def directions(count=50, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def real_harmonic(degree, order, normals):
    """From SciPy's complex ones, without the sign that physicists put before odd orders."""
    x, y, z = normals.T
    value = sph_harm_y(degree, abs(order), np.arccos(z), np.arctan2(y, x)) * (-1) ** order
    if order == 0:
        return value.real
    return np.sqrt(2) * (value.real if order > 0 else value.imag)


def test_they_are_scipys_harmonics_as_a_matt_surface_sees_them():
    normals = directions()
    bands = {0: 1.0, 1: 2 * np.pi / 3, 2: np.pi / 4}
    order = [(0, 0), (1, 1), (1, -1), (1, 0), (2, -2), (2, 1), (2, -1), (2, 2), (2, 0)]
    expected = [bands[degree] * real_harmonic(degree, m, normals) for degree, m in order]
    np.testing.assert_allclose(
        harmonics(torch.from_numpy(normals)), np.transpose(expected), atol=1e-12
    )


def test_shading_sums_light_over_the_harmonics():
    normals = torch.from_numpy(directions(4)).reshape(2, 2, 3)
    light = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 9, 3)))
    found = shading(normals, light)
    for sample in range(2):
        for vertex in range(2):
            basis = harmonics(normals[sample, vertex])
            for colour in range(3):
                by_hand = sum(basis[i] * light[sample, i, colour] for i in range(9))
                torch.testing.assert_close(found[sample, vertex, colour], by_hand)


def test_a_balls_normals_point_outwards():
    ball = directions(400)
    hull = ConvexHull(ball)
    corners = ball[hull.simplices]
    outwards = np.einsum(
        "fc,fc->f",
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]),
        corners.mean(1),
    )
    triangles = np.where(outwards[:, None] > 0, hull.simplices, hull.simplices[:, ::-1])
    found = vertex_normals(
        torch.from_numpy(ball)[None], torch.from_numpy(triangles.astype(np.int64))
    )[0]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert np.einsum("vc,vc->v", found, ball).min() > 0.95


def test_normals_by_slow_loops_weigh_by_area():
    random = np.random.default_rng(2)
    vertices = random.normal(size=(2, 12, 3))
    triangles = np.stack([random.permutation(12)[:3] for _ in range(20)])
    found = vertex_normals(torch.from_numpy(vertices), torch.from_numpy(triangles))
    for sample in range(2):
        for vertex in range(12):
            total = np.zeros(3)
            for a, b, c in triangles:
                if vertex in (a, b, c):
                    total += np.cross(*(vertices[sample, [b, c]] - vertices[sample, a]))
            length = np.linalg.norm(total)
            np.testing.assert_allclose(
                found[sample, vertex], total / length if length else 0, atol=1e-12
            )


def test_gradients_go_through_normals_and_light():
    random = np.random.default_rng(3)
    vertices = torch.from_numpy(random.normal(size=(1, 5, 3))).requires_grad_()
    light = torch.from_numpy(random.normal(size=(1, 9, 3))).requires_grad_()
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 1, 0], [2, 3, 4]])

    def seen(vertices, light):
        return shading(vertex_normals(vertices, triangles), light)

    assert torch.autograd.gradcheck(seen, (vertices, light))
