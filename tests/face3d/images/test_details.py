"""A square plate whose displaced surface is known by hand."""

import numpy as np
import pytest
import torch

from stccl.face3d.images.details import detail_map, detail_normals
from stccl.face3d.images.seen import SeenFaces, see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import FaceSurface
from stccl.face3d.texture_files import TextureLayout
from stccl.render.silhouette import opposite_corners
from stccl.render.view import Orthographic

SIDE_M = 0.2
TRIANGLES = torch.tensor([[0, 1, 2], [0, 2, 3]])
PLACES = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
VERTICES = torch.cat((SIDE_M * (PLACES - 0.5), torch.zeros(4, 1)), 1)[None]
INSIDE = np.s_[..., 8:-8, 8:-8]


def layout(fixed: float = 0.0, mask: torch.Tensor | None = None) -> TextureLayout:
    ones = torch.ones(256, 256)
    return TextureLayout(PLACES[TRIANGLES], TRIANGLES, fixed * ones, ones if mask is None else mask)


def ramp(rise_m: float) -> torch.Tensor:
    """(1, 1, 256, 256) that rises by so much over the width of the texture."""
    return (rise_m * torch.arange(256) / 256).expand(1, 1, 256, 256)


def seen(vertices: torch.Tensor) -> SeenFaces:
    surface = FaceSurface(TRIANGLES, opposite_corners(TRIANGLES), vertices[0], torch.ones(4))
    return see_faces(surface, vertices, Orthographic(torch.tensor([[8.0, 0, 0]]), 64), (64, 64))


@pytest.mark.parametrize("rise_m", [0.0, 0.01, -0.05])
def test_a_ramp_tilts_the_normal_by_its_slope(rise_m):
    """tan = 0.05 m / 0.2 m: 14 degrees."""
    normals = detail_map(layout(fixed=0.003), VERTICES, ramp(rise_m))
    angle = np.arctan(rise_m / SIDE_M)
    expected = torch.tensor([-np.sin(angle), 0, np.cos(angle)]).float()[None, :, None, None]
    torch.testing.assert_close(normals[INSIDE], expected.expand(1, 3, 240, 240), atol=2e-4, rtol=0)


def test_up_in_the_texture_is_up_and_the_fixed_displacement_counts():
    rows = (0.02 * torch.arange(256) / 256)[:, None].expand(256, 256)  # grows downwards
    fixed = layout()._replace(fixed=rows)
    normals = detail_map(fixed, VERTICES, torch.zeros(1, 1, 256, 256))[INSIDE]
    assert (normals[:, 1] - np.sin(np.arctan(0.1))).abs().max() < 2e-4


def test_outside_the_mask_the_decoder_is_not_listened_to():
    mask = torch.zeros(256, 256)
    mask[:, :128] = 1
    normals = detail_map(layout(mask=mask), VERTICES, ramp(0.05))
    assert (normals[0, 0, 10:-10, 10:120] < -0.2).all()
    torch.testing.assert_close(normals[0, 2, 10:-10, 140:-10], torch.ones(236, 106))


def test_pixels_get_the_normal_of_the_place_they_show():
    """Wrinkles that lean left in the left half and right in the right one; the plate is turned."""
    rows = (0.05 * (torch.arange(256) - 128).abs() / 256).expand(1, 1, 256, 256)
    faces = seen(VERTICES)
    normals = detail_normals(faces, layout(), detail_map(layout(), VERTICES, rows))
    shown = faces.seen.triangle[0] >= 0
    assert (normals[0, :, ~shown] == 0).all()
    columns = torch.where(shown.any(0))[0].tolist()
    middle = (columns[0] + columns[-1]) / 2
    for column in columns[3:-3]:
        if abs(column - middle) > 2:
            side = 1 if column < middle else -1
            assert normals[0, 0, 32, column] == pytest.approx(side * 0.2425, abs=2e-3)
    plain, bent = shape_image(faces), shape_image(faces, normals)
    lamps = torch.tensor([[-1.0, 1, 1], [1, 1, 1], [-1, -1, 1], [1, -1, 1], [0, 0, 1]])
    lamps /= lamps.norm(dim=1, keepdim=True)
    normal = torch.tensor([0.2425, 0, 0.9701])
    expected = 180 / 255 * 1.7 * float((lamps @ normal).clamp(0, 1).mean())
    assert bent[0, 0, 32, columns[5]] == pytest.approx(expected, abs=1e-3)
    assert plain[0, 0, 32, columns[5]] != pytest.approx(expected, abs=1e-3)


def test_the_upper_half_of_the_texture_is_the_upper_half_of_the_plate():
    upper = ramp(0.05).clone()
    upper[:, :, 128:] = 0
    faces = seen(VERTICES)
    normals = detail_normals(faces, layout(), detail_map(layout(), VERTICES, upper))
    assert normals[0, 0, 12, 32] == pytest.approx(-0.2425, abs=2e-3)
    assert normals[0, 0, 52, 32] == pytest.approx(0, abs=2e-3)


def test_without_displacement_the_image_stays_and_a_batch_is_its_faces():
    turned = VERTICES.clone()
    turned[..., 2] = 0.3 * turned[..., 0]
    both = torch.cat((VERTICES, turned))
    maps = torch.cat((ramp(0.02), ramp(0.0)))
    together = detail_map(layout(), both, maps)
    for face in range(2):
        alone = detail_map(layout(), both[face : face + 1], maps[face : face + 1])
        assert torch.equal(together[face : face + 1], alone)
    faces = seen(turned)
    image = shape_image(faces, detail_normals(faces, layout(), together[1:]))
    inner = torch.nn.functional.avg_pool2d((image > 0).float(), 9, 1, 4) == 1
    torch.testing.assert_close(image[inner], shape_image(faces)[inner], atol=1e-4, rtol=0)


def test_gradients_reach_displacement_and_vertices():
    displacement = ramp(0.02).double().requires_grad_()
    vertices = VERTICES.double().requires_grad_()
    weights = torch.rand(3, 256, 256, generator=torch.Generator().manual_seed(0))

    def total(d: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return (detail_map(layout(), v, d)[0] * weights.double()).sum()

    total(displacement, vertices).backward()
    with torch.no_grad():
        bump = torch.zeros_like(displacement)
        bump[0, 0, 100, 50] = 1e-6
        rise = total(displacement + bump, vertices) - total(displacement - bump, vertices)
        assert displacement.grad[0, 0, 100, 50] == pytest.approx(float(rise) / 2e-6, rel=1e-3)
    assert vertices.grad.abs().sum() > 0
