"""The 68 points: in anatomical order, and where a detector trained on photographs expects them."""

import torch


def points(head):
    return head.landmarks(head.vertices(head.rest()))[0]


def test_jaw_line_runs_from_the_right_ear_over_the_chin_to_the_left(head):
    x, y = points(head)[:17, 0], points(head)[:17, 1]
    assert (x.diff() > 0)[1:-1].all()
    assert (y[:9].diff() < 0).all()
    assert (y[8:].diff() > 0).all()
    assert abs(x[8]) < 5e-4


def test_rows_of_the_face_are_in_order(head):
    p = points(head)
    y = p[:, 1]
    assert y[17:27].min() > y[36:48].max()  # brows above eyes
    assert (y[27:31].diff() < 0).all()  # down the bridge of the nose
    assert y[36:48].min() > y[31:36].max()
    assert y[31:36].min() > y[48:60].max()
    assert y[48:60].min() > y[8]
    assert p[30, 2] == p[:, 2].max()  # the tip of the nose
    for row in (range(17, 27), range(31, 36), range(48, 55), range(60, 65)):
        assert (p[list(row), 0].diff() > 0).all()
    for row in (range(54, 60), range(64, 68)):
        assert (p[list(row), 0].diff() < 0).all()


def test_eyes_run_from_the_outer_right_corner(head):
    p = points(head)
    assert p[36, 0] < p[37, 0] < p[38, 0] < p[39, 0] < 0 < p[42, 0] < p[43, 0] < p[44, 0] < p[45, 0]
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert 0.006 < p[upper, 1] - p[lower, 1] < 0.013
    assert 0.085 < (p[45] - p[36]).norm() < 0.098  # Farkas: 91 mm between the outer corners
    assert 0.029 < (p[42] - p[39]).norm() < 0.036


def test_proportions_are_those_of_adults(head):
    p = points(head)
    assert 0.046 < (p[54] - p[48]).norm() < 0.056  # width of the mouth
    assert 0.044 < p[27, 1] - p[33, 1] < 0.056
    assert 0.060 < p[27, 1] - p[62, 1] < 0.078
    assert 0.112 < p[27, 1] - p[8, 1] < 0.128  # nasion to gnathion
    assert 0.125 < p[16, 0] - p[0, 0] < 0.150
    assert 0.015 < p[30, 2] - p[33, 2] < 0.024 or p[30, 2] - p[33, 2] > 0.008


def test_points_mirror_each_other(head):
    p = points(head)
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)]
    pairs += [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)]
    for right, left in pairs:
        assert torch.allclose(p[right] * torch.tensor([-1.0, 1, 1]), p[left], atol=1e-6)


def test_inner_lips_follow_the_jaw(head, pose):
    opened = head.landmarks(head.vertices(pose(jaw=0.2)))[0]
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        assert opened[upper, 1] - opened[lower, 1] > 0.010
