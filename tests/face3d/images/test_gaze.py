"""Discs on the pupils: by slow loops over whole offsets."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.face3d.images.gaze import gaze_image


def slow_gaze(pupils, lids, size):
    image = np.zeros((3, *size))
    for eye in range(2):
        points = [[int(value) for value in point] for point in lids[6 * eye : 6 * eye + 6]]
        opening = np.hypot(*np.subtract(points[1], points[4]))
        opening += np.hypot(*np.subtract(points[2], points[5]))
        radius = int(opening / 2 / 2)
        x, y = (int(value) for value in pupils[eye])
        for down in range(-radius, radius + 1):
            for right in range(-radius, radius + 1):
                inside = 0 <= y + down < size[0] and 0 <= x + right < size[1]
                if inside and np.hypot(down, right) < radius:
                    image[0, y + down, x + right] = 1
    return image


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_discs_by_slow_loops(seed):
    generator = np.random.default_rng(seed)
    pupils = generator.uniform(-3, 45, (2, 2, 2))
    lids = generator.uniform(5, 35, (2, 12, 2))
    found = gaze_image(torch.from_numpy(pupils), torch.from_numpy(lids), (40, 44))
    for frame in range(2):
        expected = slow_gaze(pupils[frame], lids[frame], (40, 44))
        np.testing.assert_array_equal(found[frame], expected)


def test_no_pupil_no_disc():
    lids = torch.tensor([[[0.0, 4], [2, 2], [4, 2], [6, 4], [4, 6], [2, 6]] * 2])
    pupils = torch.tensor([[[np.nan, np.nan], [20.0, 10.0]]])
    image = gaze_image(pupils, lids, (20, 30))
    assert image[0, 0, 10, 20] == 1
    assert image[0, 0, :, :15].sum() == 0
    closed = torch.full((1, 12, 2), 4.0)
    assert gaze_image(pupils, closed, (20, 30)).sum() == 0
