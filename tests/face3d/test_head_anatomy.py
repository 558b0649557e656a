"""What the head's parts do: lids close over the eyes, lips meet, the jaw opens the lower face."""

import numpy as np
import pytest
import torch

from stccl.face3d.head import topology


def rims(head, vertices):
    """(B, eyes, columns, 3) of upper and lower lids."""
    upper, lower = head._lids[:, :, head._lid_rim]
    return vertices[:, upper], vertices[:, lower]


def slits(head, vertices):
    """(B, halves, columns, 3) where upper and lower lip meet."""
    upper, lower = head._lips[:, :, head._lip_rim]
    return vertices[:, upper], vertices[:, lower]


def test_fissures_are_open_at_rest_and_closed_by_blinks(head, pose, people):
    upper, lower = rims(head, head.vertices(pose()))
    opening = (upper - lower)[..., 1]
    assert (opening.amax(-1) > 0.008).all()
    assert (opening.amax(-1) < 0.0125).all()
    upper, lower = rims(head, head.vertices(pose(shape=people, blink=1.0)))
    assert (upper - lower).norm(dim=-1).max() < 5e-4


@pytest.mark.parametrize("blink", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("other", ["upper_lid_raiser", "lid_tightener", "cheek_raiser"])
def test_lids_cover_the_eyeballs(head, pose, people, blink, other):
    vertices = head.vertices(pose(shape=people, blink=blink, **{other: 1.0}))
    ball = head.vertex_parts == head.part_names.index("eyeball")
    for side, nets in ((-1, head._lid_nets[0]), (1, head._lid_nets[1])):
        eye = vertices[:, ball & (side * head.mean[:, 0] > 0)]
        middle = eye[:, 0:1] * 0 + (eye.amax(1, keepdim=True) + eye.amin(1, keepdim=True)) / 2
        middle[..., 2] = eye[..., 2].amin(1, keepdim=True) + 0.0122
        skin = vertices[:, nets[head._lid_rim :].flatten()]
        assert (skin - middle).norm(dim=-1).min() > 0.0122 + 4e-4


def test_a_half_closed_lid_is_where_it_should_be(head, pose):
    heights = [
        rims(head, head.vertices(pose(blink=b)))[0][0, 1, 14, 1].item() for b in (0, 0.5, 1.0)
    ]
    assert heights[0] > heights[1] > heights[2]
    assert heights[1] == pytest.approx((heights[0] + heights[2]) / 2, abs=1.5e-3)


def test_lips_touch_at_rest(head, pose, people):
    upper, lower = slits(head, head.vertices(pose(shape=people)))
    assert (upper - lower).norm(dim=-1).max() < 5e-4


def test_lips_part_by_six_millimetres(head, pose):
    upper, lower = slits(head, head.vertices(pose(lips_part=1.0)))
    assert (upper - lower)[0, 0, 0, 1].item() == pytest.approx(0.006, abs=5e-4)


EMOTIONS = {
    "neutral": {},
    "happy": {"lip_corner_puller": 1.0, "cheek_raiser": 1.0, "lips_part": 0.8},
    "angry": {"brow_lowerer": 1.0, "lip_tightener": 0.7, "upper_lip_raiser": 0.4},
    "disgusted": {"nose_wrinkler": 1.0, "upper_lip_raiser": 1.0},
    "sad": {"lip_corner_depressor": 1.0, "chin_raiser": 0.6},
    "fear": {"lip_stretcher": 1.0, "lips_part": 0.6},
    "rounded": {"lip_pucker": 1.0, "lip_funneler": 0.3},
}


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("jaw", [0.0, 0.05])
def test_pressed_lips_close_in_every_emotion(head, pose, people, emotion, jaw):
    made = pose(shape=people[:8], jaw=jaw, lip_presser=0.8, **EMOTIONS[emotion])
    upper, lower = slits(head, head.vertices(made))
    assert (upper - lower)[..., 1].abs().max() < 5e-4


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("jaw", [0.0, 0.1, 0.3])
def test_lips_do_not_pass_through_each_other(head, pose, people, emotion, jaw):
    made = pose(shape=people[:8], jaw=jaw, **EMOTIONS[emotion])
    upper, lower = slits(head, head.vertices(made))
    assert (upper - lower)[..., 1].min() > -1e-4


DRAWN_IN = {"lip_suck": 1.0, "lip_tightener": 1.0}


@pytest.mark.parametrize("actions", [*EMOTIONS.values(), DRAWN_IN])
@pytest.mark.parametrize("jaw", [0.0, 0.1])
def test_lips_stay_before_the_teeth(head, pose, actions, jaw):
    """The red of the upper lip lies in front of every tooth that it covers in a front view."""
    vertices = head.vertices(pose(jaw=jaw, **actions))[0]
    rings = head._lips[0, :, head._lip_rim : head._lip_rim + 9].flatten().unique()
    lips = vertices[rings]
    teeth = vertices[head.vertex_parts == head.part_names.index("upper_teeth")]
    gap = torch.cdist(lips[:, :2], teeth[:, :2])
    nearest, which = gap.min(1)
    near = nearest < 1e-3
    assert near.any()
    assert (lips[near, 2] - teeth[which[near], 2]).min() > -5e-4


def test_the_jaw_opens_the_lower_lip_only(head, pose):
    rest, opened = head.vertices(pose())[0], head.vertices(pose(jaw=0.2))[0]
    (upper, lower) = head._lips[:, 0, head._lip_rim, 0]
    assert (opened - rest)[upper].norm() < 1e-3
    assert 0.014 < -(opened - rest)[lower, 1] < 0.026
    names = np.array(head.part_names)[head.vertex_parts.numpy()]
    still = np.isin(names, ["upper_teeth", "upper_gums", "eyeball", "ear"])
    assert (opened - rest)[still].abs().max() < 1e-7
    for name in ("lower_teeth", "tongue"):
        before, after = rest[names == name], opened[names == name]
        np.testing.assert_allclose(torch.pdist(after[::7]), torch.pdist(before[::7]), atol=1e-6)
    forehead = (rest[:, 1] > 0.03) | (rest[:, 2] < -0.02)
    assert (opened - rest)[forehead].abs().max() < 5e-4


def test_a_smile_lifts_and_widens(head, pose):
    rest = head.landmarks(head.vertices(pose()))[0]
    smile = head.landmarks(head.vertices(pose(lip_corner_puller=1.0)))[0]
    for corner, side in ((48, -1), (54, 1)):
        assert side * (smile - rest)[corner, 0] > 5e-3
        assert (smile - rest)[corner, 1] > 4e-3
        assert (smile - rest)[corner, 2] < -1e-3


@pytest.mark.parametrize(
    ("name", "points", "axis", "sign"),
    [
        ("inner_brow_raiser", (21, 22), 1, 1),
        ("outer_brow_raiser", (18, 25), 1, 1),
        ("brow_lowerer", (20, 23), 1, -1),
        ("upper_lid_raiser", (37, 44), 1, 1),
        ("lid_tightener", (40, 46), 1, 1),
        ("nose_wrinkler", (31, 35), 1, 1),
        ("upper_lip_raiser", (50, 52), 1, 1),
        ("lip_corner_depressor", (48, 54), 1, -1),
        ("lower_lip_depressor", (58, 56), 1, -1),
        ("chin_raiser", (57,), 1, 1),
        ("lip_pucker", (51, 57), 2, 1),
        ("lip_suck", (51, 66), 2, -1),
        ("lip_funneler", (62, 51), 1, 1),
    ],
)
def test_actions_move_their_landmarks(head, pose, name, points, axis, sign):
    rest = head.landmarks(head.vertices(pose()))[0]
    moved = head.landmarks(head.vertices(pose(**{name: 1.0})))[0] - rest
    for point in points:
        assert sign * moved[point, axis] > 8e-4, (point, moved[point])


def test_the_tongue_leaves_the_mouth(head, pose):
    tongue = head.vertex_parts == head.part_names.index("tongue")
    inside = head.vertices(pose(jaw=0.2))[0, tongue]
    out = head.vertices(pose(jaw=0.2, tongue_out=1.0))[0, tongue]
    lip = head.landmarks(head.vertices(pose(jaw=0.2)))[0, 57]
    assert inside[:, 2].max() < lip[2] - 5e-3
    assert out[:, 2].max() > lip[2] + 5e-3


def edge_counts(triangles):
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return edges, np.unique(np.sort(edges, 1), axis=0, return_counts=True)


def test_the_surface_is_a_manifold_facing_outwards(head):
    triangles = head.triangles.numpy()
    edges, (_, counts) = edge_counts(triangles)
    assert counts.max() == 2  # no edge has three faces
    assert len(np.unique(edges, axis=0)) == len(edges)  # neighbours agree on which side is out
    corners = head.mean.numpy()[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(1)
    parts = np.array(head.part_names)[head.triangle_parts.numpy()]
    for name in ("eyeball", "upper_teeth", "lower_teeth", "tongue"):
        chosen = parts == name
        volume = (middle[chosen] * normal[chosen]).sum() / 6
        assert volume > 0, name
    cheek = (parts == "skin") & (middle[:, 2] > 0.05) & (np.abs(middle[:, 0]) < 0.05)
    assert (normal[cheek, 2] > 0).mean() > 0.97
    skull = (parts == "skin") & (middle[:, 1] > 0.06)
    assert ((middle[skull] - [0, 0.04, 0]) * normal[skull]).sum(1).min() > 0


def test_only_the_bust_and_hidden_edges_are_open(head):
    """The skin has no hole: every open edge is the bust's lower rim or deep inside of the head."""
    triangles = head.triangles.numpy()
    _, (unique, counts) = edge_counts(triangles)
    rim = head.mean.numpy()[unique[counts == 1]].mean(1)
    parts = head.vertex_parts.numpy()[unique[counts == 1][:, 0]]
    skin = np.isin(parts, [head.part_names.index("skin"), head.part_names.index("garment")])
    assert skin.sum() > 20
    assert rim[skin, 1].max() < -0.2


def areas(vertices, triangles):
    corners = vertices[:, triangles]
    cross = torch.linalg.cross(
        corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    )
    return cross, cross.norm(dim=-1)


def test_random_people_keep_their_triangles(head, people):
    skin = head.triangles[head.triangle_parts == head.part_names.index("skin")]
    normal, area = areas(head.mean[None], skin)
    made, made_area = areas(head.vertices(head.rest(len(people))._replace(shape=people)), skin)
    turned = (made * normal).sum(-1) / (made_area * area).clamp(min=1e-14)
    assert (turned < 0).float().mean() < 5e-4
    assert (made_area / area).min() > 0.15
    assert (made_area / area).max() < 4


def test_texture_coordinates_are_inside_and_named_features_where_they_belong(head):
    assert head.uv.min() >= 0
    assert head.uv.max() <= 1
    face = (head.vertex_parts == 0) & (head.mean[:, 2] > 0.04) & (head.mean[:, 1] > -0.1)
    span = head.uv[face].amax(0) - head.uv[face].amin(0)
    assert span.prod() > 0.3  # the front of the face has a good part of the texture
    points = head.landmarks(head.mean[None])[0]
    rim = head.feature_uv["left_lid_rim"]
    assert len(rim) == 2 * topology.LID_COLUMNS
    assert (rim[:, 0] > 0.5).all()
    assert (head.feature_uv["right_lid_rim"][:, 0] < 0.5).all()
    lips = torch.tensor(head.feature_uv["lip_border"])
    assert lips[:, 0].mean() == pytest.approx(0.5, abs=1e-6)
    assert points[51, 1] > points[57, 1]
    scalp = head.mean[head.vertex_groups["scalp"]]
    assert scalp[:, 1].max() == head.mean[:, 1].max()
    for side, sign in (("right", -1), ("left", 1)):
        lashes = head.mean[head.vertex_groups[f"{side}_upper_lashes"]]
        assert (lashes[:, 0].diff() * sign > 0).all()
        brow = head.mean[head.vertex_groups[f"{side}_brow"]]
        assert brow[:, 1].mean() > lashes[:, 1].max()
