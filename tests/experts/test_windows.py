import numpy as np
import pytest
import torch

from stccl.errors import StcclError
from stccl.experts.mfcc import mfcc
from stccl.experts.params import SyncNetConfig
from stccl.experts.windows import lip_pictures, sync_windows
from tests.experts.conftest import talking

PUBLISHED = SyncNetConfig()


def test_a_window_is_five_pictures_and_their_sound():
    faces, sound = talking(0, 20)
    found = sync_windows(faces, sound, 16000, PUBLISHED)
    features = mfcc(sound)
    assert found.pictures.shape == (3, 20, 224, 224)
    assert found.sound.shape == (16, 1, 13, 20)
    for n in (0, 7, 15):
        np.testing.assert_allclose(found.sound[n, 0], features[4 * n : 4 * n + 20].T, rtol=1e-6)


@pytest.mark.parametrize(
    ("frames", "samples", "windows"),
    [
        (20, 20 * 640, 15),  # the last of the 80 steps reaches 15 ms beyond the sound
        (20, 20 * 640 + 240, 16),
        (20, 99999, 16),
        (99, 20 * 640 + 240, 16),
    ],
)
def test_as_far_as_both_go(frames, samples, windows):
    faces = [np.zeros((64, 64, 3), np.uint8)] * frames
    found = sync_windows(faces, np.ones(samples), 16000, SyncNetConfig(side_px=64))
    assert len(found.sound) == len(found.seen) == windows
    assert found.pictures.shape[1] == windows + 4


def test_published_pictures_are_blue_first_and_not_scaled():
    face = np.zeros((224, 224, 3), np.uint8)
    face[..., 0], face[..., 2] = 250, 7
    found = lip_pictures([face], PUBLISHED)
    assert [float(found[k].max()) for k in range(3)] == [7, 0, 250]


def test_relative_pictures_show_what_changes(small):
    faces, _ = talking(1, 12)
    found = lip_pictures(faces, small)
    torch.testing.assert_close(found.mean(dim=1), torch.zeros(1, 52, 52), atol=1e-5, rtol=0)
    assert float(found.std(unbiased=False)) == pytest.approx(1, rel=1e-4)
    # Another skin, and half the contrast: the same.
    duller = [(face // 2 + 60).astype(np.uint8) for face in faces]
    torch.testing.assert_close(lip_pictures(duller, small), found, atol=0.1, rtol=0)


def test_a_still_is_nothing(small):
    still = [np.full((64, 64, 3), 99, np.uint8)] * 6
    assert float(lip_pictures(still, small).abs().max()) == 0


def test_the_crop_is_that_part_of_the_face(small):
    face = np.zeros((64, 64, 3), np.uint8)
    other = face.copy()
    other[:32] = 255  # eyes and brow
    assert torch.equal(lip_pictures([face, face], small), lip_pictures([face, other], small))


def test_windows_with_a_missing_face_are_not_seen(small):
    faces, sound = talking(0, 30)
    faces[10] = None
    found = sync_windows(faces, sound, 16000, small)
    assert np.flatnonzero(~found.seen).tolist() == [6, 7, 8, 9, 10]
    assert float(found.pictures[:, 10].abs().max()) == 0


@pytest.mark.parametrize("frames", [0, 4])
def test_too_short_is_one_line(small, frames):
    with pytest.raises(StcclError, match=r"no window of 0\.2 s in common"):
        sync_windows([np.zeros((64, 64, 3), np.uint8)] * frames, np.ones(9000), 16000, small)


def test_no_face_is_one_line(small):
    with pytest.raises(StcclError, match="no 5 of 13 pictures in a row show a face"):
        sync_windows([None] * 30, np.ones(8700), 16000, small)
