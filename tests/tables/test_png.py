import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PILImage

from stccl.tables.png import decode_png, encode_png

END = b"\0\0\0\0IEND\xaeB`\x82"  # all of the picture comes before it

images = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda size: hnp.arrays(np.uint8, (*size, 3))
)


def by_opencv(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def by_pillow(png: bytes) -> np.ndarray:
    return np.asarray(PILImage.open(io.BytesIO(png)).convert("RGB"))


@settings(deadline=None)
@given(images)
def test_every_decoder_sees_the_same_picture(image):
    png = encode_png(image)
    np.testing.assert_array_equal(by_opencv(png), image)
    np.testing.assert_array_equal(by_pillow(png), image)
    np.testing.assert_array_equal(decode_png(png), image)


@settings(deadline=None)
@given(images)
def test_every_encoder_is_read(image):
    ok, by_cv2 = cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))
    assert ok
    np.testing.assert_array_equal(decode_png(by_cv2.tobytes()), image)
    file = io.BytesIO()
    PILImage.fromarray(image).save(file, "PNG")
    np.testing.assert_array_equal(decode_png(file.getvalue()), image)


@settings(deadline=None)
@given(images)
def test_same_picture_same_bytes(image):
    assert encode_png(image) == encode_png(image.copy()) == encode_png(image[:, ::-1][:, ::-1])


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_shows_another_picture(place, change):
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    png = bytearray(encode_png(image))
    png[place % len(png)] ^= change
    try:
        seen = decode_png(bytes(png))
    except ValueError:
        return
    np.testing.assert_array_equal(seen, image)


def test_a_cut_file_is_refused():
    png = encode_png(np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8))
    for length in range(len(png) - len(END)):
        with pytest.raises(ValueError, match="no PNG picture"):
            decode_png(png[:length])


def test_grey_files_are_read():
    grey = np.arange(25, dtype=np.uint8).reshape(5, 5)
    png = cv2.imencode(".png", grey)[1].tobytes()
    np.testing.assert_array_equal(decode_png(png), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="expected H×W×3 uint8"):
        encode_png(image)


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(ValueError, match="no PNG picture"):
        decode_png(noise)


@pytest.mark.parametrize("junk", [b"x", b"\x89PNG\r\n\x1a\n", bytes(100)])
def test_junk_is_refused(junk):
    with pytest.raises(ValueError, match="no PNG picture"):
        decode_png(junk)
