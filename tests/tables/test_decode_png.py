"""The fast way to decode our own files gives what OpenCV gives, and steps aside for any other."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stccl.tables.png import _decode_own, decode_png, encode_png


def picture(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_own_files_decode_as_opencv_decodes_them(height, width, seed):
    png = encode_png(picture(height, width, seed))
    fast = _decode_own(png)
    assert fast is not None
    slow = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(fast, slow)
    assert fast.flags.c_contiguous
    assert fast.flags.writeable


def test_files_by_others_go_to_opencv():
    image = picture(17, 23, 0)
    png = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    assert _decode_own(png) is None
    np.testing.assert_array_equal(decode_png(png), image)


def test_grey_and_transparent_files_go_to_opencv():
    grey = cv2.imencode(".png", picture(5, 5, 0)[..., 0])[1].tobytes()
    assert _decode_own(grey) is None
    assert decode_png(grey).shape == (5, 5, 3)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_is_taken_for_a_picture(place, change):
    png = bytearray(encode_png(picture(8, 8, 1)))
    place %= len(png)
    png[place] ^= change
    damaged = _decode_own(bytes(png))
    assert damaged is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_a_value_error(noise):
    assert _decode_own(noise) is None
    with pytest.raises(ValueError, match="no PNG"):
        decode_png(noise)


def test_a_cut_file_is_not_taken_for_a_picture():
    png = encode_png(picture(8, 8, 1))
    for length in range(len(png)):
        assert _decode_own(png[:length]) is None
