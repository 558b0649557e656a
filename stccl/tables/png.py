"""PNG bytes and pictures: fast to write, readable by everything.

fpng writes them, in one pass: eight times as fast as OpenCV, and its files are a tenth smaller. The
same picture becomes the same bytes, each time.
"""

import cv2
import fpng
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""H×W×3, RGB, 0–255."""


def encode_png(image: Image) -> bytes:
    """The picture as a PNG file.

    Args:
        image: H×W×3, RGB, uint8.

    Raises:
        ValueError: For another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image: expected H×W×3 uint8, got {image.shape} {image.dtype}")
    return bytes(fpng.from_ndarray(image))


def decode_png(png: bytes | memoryview) -> Image:
    """The picture of a PNG file: H×W×3, RGB, uint8.

    Raises:
        ValueError: Where the bytes are no picture.
    """
    # OpenCV answers nothing at all with an error of its own.
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB) if png else None
    if image is None:
        raise ValueError(f"{len(png)} bytes that are no PNG picture")
    return image.astype(np.uint8, copy=False)
