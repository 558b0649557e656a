"""Images of faces: by slow loops, by what must be where, in the crop and in the frame."""

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import binary_fill_holes

from stccl.align import warp
from stccl.face3d.images.mask import face_mask
from stccl.face3d.images.nmfc import nmfc_image
from stccl.face3d.images.seen import see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import FaceSurface, face_surface
from stccl.face3d.images.warp import warp_images
from stccl.face3d.model import FaceCoefficients
from stccl.render.camera import Camera
from stccl.render.view import Cropped, Orthographic, Pinhole

SIZE = (160, 160)
PINHOLE = Pinhole(Camera(160, 700.0, 1.1, 0.0, (80.0, 80.0)))
ORTHOGRAPHIC = Orthographic(torch.tensor([[7.5, 0.0, 0.02]]), 160)


@pytest.fixture(scope="module")
def surface(head) -> FaceSurface:
    return face_surface(head)


@pytest.fixture(scope="module")
def faces(head, pose) -> torch.Tensor:
    """Vertices: at rest, smiling and turned, mouth open and looking up."""
    rest, smile, shout = pose(), pose(lip_corner_puller=1.0), pose(jaw=0.35)
    smile.rotation[:, 1] = 0.5
    shout.rotation[:, 0] = -0.3
    return head.vertices(
        FaceCoefficients(*(torch.cat(c) for c in zip(rest, smile, shout, strict=True)))
    )


@pytest.mark.parametrize("view", [PINHOLE, ORTHOGRAPHIC])
def test_shape_and_coordinates_by_slow_loops(surface, faces, view):
    seen = see_faces(surface, faces, view, SIZE)
    shape, nmfc = shape_image(seen), nmfc_image(seen)
    lamps = np.array([[-1, 1, 1], [1, 1, 1], [-1, -1, 1], [1, -1, 1], [0, 0, 1.0]])
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    triangles = surface.triangles.numpy()
    generator = np.random.default_rng(0)
    checked = 0
    for face in range(3):
        vertices = faces[face].double().numpy()
        corners = vertices[triangles]
        areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(vertices)
        for corner in range(3):
            np.add.at(normals, triangles[:, corner], areas)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-30
        places = view.project(faces[face : face + 1].double())[0].numpy()
        for row, column in generator.integers(0, 160, (150, 2)):
            index = int(seen.seen.triangle[face, row, column])
            if index < 0:
                assert (shape[face, :, row, column] == 0).all()
                assert (nmfc[face, :, row, column] == 0).all()
                continue
            a, b, c = places[triangles[index]]
            inverse = 1 / np.array([a[2], b[2], c[2]]) if view.perspective else np.ones(3)
            system = np.stack([[a[0], b[0], c[0]], [a[1], b[1], c[1]], np.ones(3)])
            weights = np.linalg.solve(system, [column + 0.5, row + 0.5, 1]) * inverse
            weights /= weights.sum()
            normal = weights @ normals[triangles[index]]
            gray = 180 / 255 * np.mean([1.7 * min(max(normal @ lamp, 0), 1) for lamp in lamps])
            colour = weights @ surface.mean_face.numpy()[triangles[index]]
            if not seen.facing[face, 0, row, column]:
                gray, colour = 0, np.zeros(3)
            np.testing.assert_allclose(shape[face, :, row, column], gray, atol=5e-3)
            np.testing.assert_allclose(nmfc[face, :, row, column], colour, atol=1e-3)
            checked += 1
    assert checked > 100


def test_what_turns_its_back_is_black(surface, faces):
    """The head's inside through the open mouth, by normals up to 0.15 beyond the outline."""
    seen = see_faces(surface, faces, ORTHOGRAPHIC, SIZE)
    hit = seen.seen.triangle >= 0
    away = hit & ~seen.facing[:, 0]
    assert (seen.normals[:, 2][away] <= -0.149).all()
    assert (seen.normals[:, 2][seen.facing[:, 0]] >= -0.151).all()
    assert away[2].sum() > 100 > away[0].sum()
    assert (shape_image(seen).amax(1)[~seen.facing[:, 0]] == 0).all()
    # Under the middle lamp straight on, two of three parts of the light come from the corners.
    brightest = 180 / 255 * 1.7 * (1 + 4 / 3**0.5) / 5
    assert 0.99 * brightest < shape_image(seen).max() <= brightest + 1e-6


def test_a_place_of_the_face_has_its_colour_in_any_pose(surface, head, faces):
    landmarks = head.landmarks(faces)
    places = PINHOLE.project(landmarks)[..., :2].long()
    colours = head.landmarks(surface.mean_face[None])[0]
    images = nmfc_image(see_faces(surface, faces, PINHOLE, SIZE))
    for face in range(3):
        for point in (27, 28, 29, 30, 33, 39, 42, 51, 57, 8):
            column, row = places[face, point]
            difference = images[face, :, row, column] - colours[point]
            assert difference.abs().max() < 0.03, (face, point)


def test_the_mask_is_the_face_with_its_mouth(surface, head, faces):
    seen = see_faces(surface, faces, PINHOLE, SIZE)
    masks = face_mask(seen)
    assert set(masks.unique().tolist()) == {0, 1}
    for mask, image in zip(masks[:, 0], shape_image(seen), strict=True):
        np.testing.assert_array_equal(mask, binary_fill_holes(mask))
        assert (mask[image[0] > 0]).mean() < 0.8  # not ears, neck and scalp
    places = PINHOLE.project(head.landmarks(faces))[..., :2].long()
    for point in (*range(17, 48), 51, 57, 62, 66):
        column, row = places[0, point]
        assert masks[0, 0, row, column] == 1, point
    lips = PINHOLE.project(head.landmarks(faces)[2:, [62, 66]])[0, :, :2].mean(0).long()
    assert shape_image(seen)[2, 0, lips[1], lips[0]] == 0
    assert masks[2, 0, lips[1], lips[0]] == 1
    # At rest it ends at the jaw line.
    jaw = PINHOLE.project(head.landmarks(faces))[0, :17, :2].numpy()
    polygon = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(polygon, [np.rint(jaw - 0.5).astype(np.int32)], 1)
    below = np.mgrid[:160, :160][0] > jaw[0, 1]
    union = ((polygon > 0) | (masks[0, 0].numpy() > 0)) & below
    both = (polygon > 0) & (masks[0, 0].numpy() > 0) & below
    assert both.sum() / union.sum() > 0.94


def test_images_drawn_in_the_crop_are_the_frames_warped(surface, faces):
    matrix = np.array([[0.8, 0.15, 4.0], [-0.15, 0.8, 20.0]])
    frame = see_faces(surface, faces, PINHOLE, SIZE)
    crop = see_faces(surface, faces, Cropped(PINHOLE, torch.from_numpy(matrix)), (128, 128))
    for image in (shape_image, nmfc_image):
        there = warp_images(image(frame), torch.from_numpy(matrix), (128, 128))
        inside = crop.facing & (warp_images(frame.facing.float(), torch.from_numpy(matrix),
                                            (128, 128)) == 1)  # fmt: skip
        difference = (there - image(crop)).abs().amax(1, keepdim=True)[inside]
        assert inside.float().mean() > 0.3
        assert difference.mean() < 5e-3
        assert difference.quantile(0.99) < 0.1


def test_warped_images_are_opencvs_and_come_back():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 10, 12, generator=generator)
    images = torch.nn.functional.interpolate(images, size=(90, 110), mode="bicubic")
    matrix = np.array([[0.9, 0.2, 5.0], [-0.2, 0.9, 21.0]])
    matrices = torch.from_numpy(np.stack([matrix, 1.1 * matrix]))
    there = warp_images(images, matrices, (120, 130))
    for image, moved, each in zip(images, there, matrices.numpy(), strict=True):
        expected = cv2.warpAffine(
            image.permute(1, 2, 0).numpy(), each, (130, 120), flags=cv2.INTER_LINEAR
        )
        # OpenCV rounds positions to 1/32 px.
        np.testing.assert_allclose(moved.permute(1, 2, 0), expected, atol=0.05)
    inverses = torch.from_numpy(np.stack([warp.inverse(each) for each in matrices.numpy()]))
    back = warp_images(there, inverses, (90, 110))
    assert (back - images)[..., 30:60, 30:80].abs().mean() < 0.005
    whole = warp_images(images, torch.tensor([[1.0, 0, 7], [0, 1, -3]]), (90, 110), "nearest")
    assert torch.equal(whole[..., :87, 7:], images[..., 3:, :103])


def _silhouette(seen):
    return seen.facing.double()


@pytest.mark.parametrize(("image_of", "part"), [(_silhouette, 0.03), (shape_image, 0.2)])
def test_gradients_follow_a_head_that_turns(surface, head, pose, image_of, part):
    """How an image changes with the yaw, against drawing it again; a good part are outlines.

    Shading gets darker towards an outline, which the soft image reads in the middle of the pixel
    next to it: hence less exact than the silhouette.
    """
    weight = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(5)).double()
    weight = torch.nn.functional.interpolate(weight, size=SIZE, mode="bicubic")
    face = head.vertices(pose(lip_corner_puller=0.5)).double()

    def draw(yaw):
        cosine, sine = yaw.cos(), yaw.sin()
        x, y, z = face.unbind(-1)
        turned = torch.stack((cosine * x + sine * z, y, cosine * z - sine * x), -1)
        seen = see_faces(surface, turned, PINHOLE, SIZE)
        image = image_of(seen)
        return (image * weight).sum(), (seen.soften(image) * weight).sum()

    yaws = torch.linspace(0.18, 0.22, 9).double()
    values, hard, soft = [], 0.0, 0.0
    for one in yaws:
        yaw = one.clone().requires_grad_()
        sharp_sum, soft_sum = draw(yaw)
        values.append(soft_sum.item())
        soft += torch.autograd.grad(soft_sum, yaw, retain_graph=True)[0].item() / 9
        if sharp_sum.requires_grad:
            hard += torch.autograd.grad(sharp_sum, yaw)[0].item() / 9
    difference = (values[-1] - values[0]) / 0.04
    assert soft == pytest.approx(difference, rel=part)
    assert abs(hard - difference) > 2 * abs(soft - difference)


def test_descent_finds_jaw_and_pose_from_a_shape_image(surface, head, pose):
    def draw(jaw, rotation, shift):
        face = pose()._replace(
            jaw=torch.stack((jaw, 0 * jaw, 0 * jaw))[None],
            rotation=rotation[None],
            translation=shift[None],
        )
        seen = see_faces(surface, head.vertices(face), PINHOLE, SIZE)
        return seen.soften(shape_image(seen)[:, :1])

    truth = (torch.tensor(0.25), torch.tensor([0.05, -0.15, 0.04]), torch.tensor([0.004, 0, 0]))
    target = draw(*truth)
    found = [torch.zeros_like(each, requires_grad=True) for each in truth]
    descent = torch.optim.Adam(
        [{"params": found[:2], "lr": 0.02}, {"params": found[2:], "lr": 0.001}]
    )
    for _ in range(60):
        descent.zero_grad()
        (draw(*found) - target).abs().mean().backward()
        descent.step()
    jaw, rotation, shift = (
        (one - two).abs().max().item() for one, two in zip(found, truth, strict=True)
    )
    assert jaw < 0.02
    assert rotation < 0.02
    assert shift < 0.001


def test_flame_has_all_images(flame):
    """The made-up FLAME is no head, but drawn like one; gradients reach its coefficients."""
    surface = face_surface(flame)

    def some(*shape):
        return (0.1 * torch.randn(2, *shape)).double().requires_grad_()

    given = FaceCoefficients(some(4), some(3), some(3), some(3), some(3), some(2, 3))
    seen = see_faces(surface, flame.vertices(given), Orthographic(
        torch.tensor([[5.0, 0.0, 0.0]]).double(), 64), (64, 64))  # fmt: skip
    assert face_mask(seen).shape == (2, 1, 64, 64)
    (seen.soften(shape_image(seen)).sum() + nmfc_image(seen).sum()).backward()
    for name, tensor in given._asdict().items():
        if name != "eyes":
            assert tensor.grad.isfinite().all()
            assert (tensor.grad != 0).any(), name
