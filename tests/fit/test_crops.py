"""Pictures read between pixels."""

import cv2
import numpy as np
import torch

from stccl.fit.crops import crops
from stccl.fit.projection import project
from stccl.render.view import Cropped, Pinhole
from tests.fit.conftest import CAMERA

MATRICES = np.array([[[0.8, 0.1, 5.0], [-0.1, 0.8, 9.0]], [[1.1, 0.0, -3.0], [0.0, 1.1, 2.0]]])


def ramp(height: int = 30, width: int = 40) -> np.ndarray:
    """Red grows by 4 a pixel to the right, green by 3 downwards, blue stays."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([20 + 4 * columns, 30 + 3 * rows, 0 * rows + 7], -1).astype(np.uint8)


def test_a_ramp_is_read_with_its_slope():
    seen = crops(ramp()[None], MATRICES[:1])
    places = np.array([[[10.5, 8.5], [20.25, 13.0], [12.0, 14.75]]])
    colours, slopes = seen.read(places)
    red, green = 20 + 4 * (places[..., 0] - 0.5), 30 + 3 * (places[..., 1] - 0.5)
    assert np.allclose(255 * colours, np.stack([red, green, 0 * red + 7], -1), atol=1e-3)
    assert np.allclose(255 * slopes, [[4, 0, 0], [0, 3, 0]], atol=1e-3)


def test_middles_of_pixels_are_the_blurred_pixels_and_the_border_goes_on():
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    seen = crops(picture[None], MATRICES[:1])
    blurred = cv2.GaussianBlur(picture.astype(np.float64) / 255, (0, 0), 1.0)
    places = np.array([[[3.5, 17.5], [23.5, 19.5], [40.0, 60.0], [-9.0, 0.5]]])
    expected = [blurred[17, 3], blurred[19, 23], blurred[19, 23], blurred[0, 0]]
    assert np.allclose(seen.read(places)[0][0], expected, atol=1e-5)


def test_points_come_where_the_cropped_camera_shows_them():
    random = np.random.default_rng(0)
    points = random.normal(0, 0.05, (2, 7, 3))
    rotation, shift = random.normal(0, 0.2, (2, 3)), random.normal(0, 0.02, (2, 3))
    seen = crops(np.stack([ramp(), ramp()]), MATRICES)

    def places(points, rotation, shift):
        return seen.places(project(points, rotation, shift, CAMERA))[0]

    here, by_point, by_rotation, by_shift = seen.places(project(points, rotation, shift, CAMERA))
    moved = points @ cv2_turns(rotation).transpose(0, 2, 1) + shift[:, None]
    view = Cropped(Pinhole(CAMERA), torch.from_numpy(MATRICES))
    assert np.allclose(here, view.project(torch.from_numpy(moved))[..., :2].numpy())
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        for slopes, ahead, behind in (
            (by_point, (points + step, rotation, shift), (points - step, rotation, shift)),
            (by_rotation, (points, rotation + step, shift), (points, rotation - step, shift)),
            (by_shift, (points, rotation, shift + step), (points, rotation, shift - step)),
        ):
            found = (places(*ahead) - places(*behind)) / 2e-6
            assert np.allclose(slopes[..., axis], found, atol=1e-3)


def cv2_turns(rotation: np.ndarray) -> np.ndarray:
    return np.stack([cv2.Rodrigues(each)[0] for each in rotation])
