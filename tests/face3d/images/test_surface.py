"""Which part of a head the images show, and where its face is."""

import numpy as np
import torch

from stccl.face3d.images.surface import face_surface
from stccl.face3d.model import FaceCoefficients


def test_the_inside_of_the_mouth_and_clothes_are_not_shown(head):
    shown = face_surface(head).triangles
    parts = {head.part_names[i] for i in head.vertex_parts[shown].unique()}
    assert parts == {"skin", "ear", "lid_lining", "eyeball"}


def test_the_mean_face_fills_the_unit_cube(head):
    surface = face_surface(head)
    shown = surface.triangles.unique()
    assert torch.equal(surface.mean_face[shown].amin(0), torch.zeros(3))
    assert torch.equal(surface.mean_face[shown].amax(0), torch.ones(3))
    # Red to the image's right, green up, blue to the front.
    points = head.template[shown]
    foremost = shown[points[:, 2].argmax()]
    assert surface.mean_face[foremost, 2] == 1
    assert abs(surface.mean_face[foremost, 0] - 0.5) < 0.03
    assert surface.mean_face[shown[points[:, 1].argmax()], 1] == 1
    assert surface.mean_face[shown[points[:, 0].argmax()], 0] == 1


def test_the_face_is_between_chin_forehead_and_ears(head):
    within = face_surface(head).within_face
    landmarks = head.landmarks(head.template[None])[0]
    nearest = torch.cdist(landmarks, head.template).argmin(1)
    assert (within[nearest[17:]] > 0.005).all()  # brows, nose, eyes, lips
    # On the jaw line it is 0; half of what is between two points of the line lies beyond it.
    assert within[nearest[1:16]].abs().max() < 0.006
    ears = head.vertex_parts == head.part_names.index("ear")
    assert (within[ears] < 0).all()
    assert (within[head.vertex_groups["scalp"]] < 0.01).all()
    assert (within[head.vertex_groups["scalp"]] < 0).float().mean() > 0.9
    np.testing.assert_allclose(within, within[head.mirror], atol=1e-4)
    # Up the middle it ends well above the brows, where hair over the forehead may hang.
    x, y, z = head.template.T
    highest = y[(abs(x) < 0.003) & (z > 0.05) & (within > 0)].max()
    brows, base = landmarks[[21, 22], 1].mean(), landmarks[33, 1]
    assert abs((highest - brows) / (brows - base) - 0.6) < 0.07


def test_flame_is_shown_whole(flame):
    surface = face_surface(flame)
    assert torch.equal(surface.triangles, flame.triangles)
    assert surface.mean_face.dtype == torch.float64
    assert surface.within_face.shape == (60,)


def test_pupils_turn_with_their_eye(head, pose, flame):
    rest, turned = pose(), pose()
    turned.eyes[:, 0, 1] = 0.3
    still, moved = (head.pupils(head.vertices(each))[0] for each in (rest, turned))
    assert still[0, 0] < 0 < still[1, 0]
    torch.testing.assert_close(still[0] * torch.tensor([-1, 1, 1]), still[1])
    # Turned to the image's right by 0.3 rad about the eyeball's middle, 13 mm behind the pupil.
    assert 0.003 < (moved - still)[0, 0] < 0.005
    assert torch.equal(moved[1], still[1])

    def flames(angle):
        eyes = torch.zeros(1, 2, 3).double()
        eyes[:, 0, 1] = angle
        zero = torch.zeros(1, 3).double()
        given = FaceCoefficients(torch.zeros(1, 4).double(), zero, zero, zero, zero, eyes)
        return flame.pupils(flame.vertices(given))[0]

    change = (flames(0.3) - flames(0.0)).norm(dim=-1)
    weights = flame.lbs_weights[:, 4]
    assert change[0] > 0
    assert weights.max() > 0.5  # in the made-up model the other eye's vertex follows a little, too
    assert change[0] > change[1]
