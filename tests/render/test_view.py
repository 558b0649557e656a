"""Cameras for batches: against the camera for one, DECA's projection and the crop's matrices."""

import numpy as np
import torch

from stccl.align import warp
from stccl.face3d.deca import project
from stccl.render.camera import Camera
from stccl.render.view import Cropped, Orthographic, Pinhole

POINTS = 0.1 * torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0)).double()
CAMERA = Camera(256, 900.0, 1.1, 0.02, (130.0, 120.0))


def test_the_pinhole_is_the_camera():
    view = Pinhole(CAMERA)
    np.testing.assert_allclose(view.project(POINTS), CAMERA.project(POINTS.numpy()), rtol=1e-12)
    eye = torch.tensor([0, 0.02, 1.1])
    towards = view.towards(POINTS)
    torch.testing.assert_close(POINTS + towards * (eye - POINTS).norm(dim=-1, keepdim=True),
                               eye.double().expand_as(POINTS), atol=1e-7, rtol=0)  # fmt: skip


def test_every_picture_may_have_a_camera_of_its_own():
    near = Camera(128, 300.0, 0.5, -0.03, (60.0, 70.0))
    points = POINTS.clone().requires_grad_()
    view = Pinhole((CAMERA, near))
    both, towards = view.project(points), view.towards(points)
    for picture, camera in enumerate((CAMERA, near)):
        own = POINTS[picture : picture + 1]
        torch.testing.assert_close(both[picture : picture + 1], Pinhole(camera).project(own))
        torch.testing.assert_close(towards[picture : picture + 1], Pinhole(camera).towards(own))
        expected = camera.project(own.numpy())[0]
        np.testing.assert_allclose(both[picture].detach(), expected, rtol=1e-12)
    assert torch.autograd.gradcheck(view.project, points)


def test_the_orthographic_camera_is_decas():
    camera = torch.tensor([[7.0, 0.01, -0.02], [8.0, 0.0, 0.05]]).double()
    view = Orthographic(camera, 224)
    expected = 112 * project(POINTS, camera) + torch.tensor([112.0, 112, 0])
    torch.testing.assert_close(view.project(POINTS), expected)
    assert (view.towards(POINTS) == torch.tensor([0, 0, 1.0])).all()


def test_a_crop_maps_pixels_as_its_matrix_does():
    turned = np.array([[0.8, 0.3, 5.0], [-0.3, 0.8, -7.0]])
    view = Pinhole(CAMERA)
    whole, part = view.project(POINTS), Cropped(view, torch.from_numpy(turned)).project(POINTS)
    for frame in range(2):
        expected = warp.apply(turned, whole[frame, :, :2].numpy() - 0.5) + 0.5
        np.testing.assert_allclose(part[frame, :, :2], expected)
    assert torch.equal(part[..., 2], whole[..., 2])
    matrices = torch.from_numpy(np.stack([turned, 2 * turned]))
    torch.testing.assert_close(Cropped(view, matrices).project(POINTS)[0], part[0])
    back = Cropped(Cropped(view, matrices[1]), torch.from_numpy(warp.inverse(2 * turned)))
    torch.testing.assert_close(back.project(POINTS), whole)
