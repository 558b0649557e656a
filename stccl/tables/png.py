"""PNG bytes and pictures: fast to write, readable by everything.

The encoder filters every row against the one above (PNG filter type 2) and deflates with zlib-ng.
Against OpenCV's encoder at level 1 it is about five times as fast and its files decode faster; the
pixels are the same, PNG being lossless. (ISA-L is faster
still, but was seen to write other bytes for the same picture, once in some ten thousand, and
results here are reproducible.)
"""

import struct

import cv2
import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

Image = npt.NDArray[np.uint8]
"""H×W×3, RGB, 0–255."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FILTER_UP = 2
_TRUECOLOUR_8BIT = (8, 2, 0, 0, 0)


def encode_png(image: Image) -> bytes:
    """The picture as a PNG file.

    Args:
        image: H×W×3, RGB, uint8.

    Raises:
        ValueError: For another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image: expected H×W×3 uint8, got {image.shape} {image.dtype}")
    height, width, _ = image.shape
    rows = image.reshape(height, width * 3)
    filtered = np.empty((height, width * 3 + 1), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, *_TRUECOLOUR_8BIT)
    pixels = zlib_ng.compress(filtered.data, 1)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _END))


def decode_png(png: bytes | memoryview) -> Image:
    """The picture of a PNG file: H×W×3, RGB, uint8.

    Files as `encode_png` writes them take a path twice as fast as OpenCV's.

    Raises:
        ValueError: Where the bytes are no picture.
    """
    own = _decode_own(png)
    if own is not None:
        return own
    # OpenCV answers nothing at all with an error of its own.
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB) if png else None
    if image is None:
        raise ValueError(f"{len(png)} bytes that are no PNG picture")
    return image.astype(np.uint8, copy=False)


def _decode_own(png: bytes | memoryview) -> Image | None:
    """The picture of an undamaged file by `encode_png`; None for any other bytes."""
    try:
        width, height, *kind = struct.unpack_from(">II5B", png, 16)
        (size,) = struct.unpack_from(">I", png, 33)
        (checksum,) = struct.unpack_from(">I", png, 41 + size)
    except struct.error:
        return None
    chunk = png[37 : 41 + size]
    if (
        tuple(kind) != _TRUECOLOUR_8BIT
        or png[:33] != _SIGNATURE + _chunk(b"IHDR", png[16:29])
        or chunk[:4] != b"IDAT"
        or png[45 + size :] != _END
        or zlib_ng.crc32(chunk) != checksum
    ):
        return None
    try:
        filtered = zlib_ng.decompress(chunk[4:], bufsize=height * (width * 3 + 1))
    except zlib_ng.error:  # type: ignore[misc]  # its stub says it is no exception
        return None
    if len(filtered) != height * (width * 3 + 1):
        return None
    rows = np.frombuffer(filtered, np.uint8).reshape(height, width * 3 + 1)
    if not (rows[:, 0] == _FILTER_UP).all():
        return None
    # Adding up the filter bytes along with the pixels is cheaper than leaving them out.
    sums = np.add.accumulate(rows, axis=0, dtype=np.uint8)
    return np.ascontiguousarray(sums[:, 1:]).reshape(height, width, 3)


def _chunk(kind: bytes, content: bytes | memoryview) -> bytes:
    checksum = zlib_ng.crc32(content, zlib_ng.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


_END = _chunk(b"IEND", b"")
