"""A generated face back in its frame, without a seam.

Source: NED's post-processing (CVPR 2022); the blend is Burt and Adelson's, "A multiresolution
spline with application to image mosaics" (1983).
"""

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.align.warp import Matrix, apply
from stccl.tables.png import Image

Array = NDArray[np.float32]

LEVELS = 4
_THRESHOLD = 0.8
_KERNEL = 33 / 256
"""Of the crop's side."""
_MARGIN = 0.1
"""Of the crop's side: what of the frame around the face takes part in the blend."""


class Eroded(NamedTuple):
    """A mask that became smaller."""

    soft: Array
    """(H, W) in [0, 1]: 1 inside, falling to the edge of what the mask touches."""
    hard: NDArray[np.bool_]
    """(H, W): where it is 1."""


def soft_erosion(mask: NDArray[np.floating], kernel_px: int, threshold: float) -> Eroded:
    r"""A mask averaged over what is around, and 1 where enough of it is inside.

    .. math:: a = w * m,\quad w(d) \propto r\sqrt{2} - |d|,\qquad
        e = 1 \text{ where } a \ge \theta,\ a / \max_{a < \theta} a \text{ elsewhere}

    with offsets d within a square of side k = 2r + 1; what lies beyond the picture counts as 0.
    Source: FSGAN's soft erosion, as NED uses it.

    Args:
        mask: (H, W) in [0, 1].
        kernel_px: k, odd.
        threshold: θ; at a straight edge 1/2 would keep the mask as it is.

    Raises:
        ValueError: For an even kernel.

    >>> mask = np.zeros((5, 5))
    >>> mask[:, 0] = 1
    >>> soft_erosion(mask, 3, 0.6).soft.round(2)[2]
    array([1.  , 0.23, 0.  , 0.  , 0.  ], dtype=float32)
    >>> soft_erosion(mask, 3, 0.8).soft.round(2)[2]
    array([1.  , 0.18, 0.  , 0.  , 0.  ], dtype=float32)
    """
    if kernel_px % 2 == 0:
        raise ValueError(f"kernel_px: expected an odd number, got {kernel_px}")
    radius = kernel_px // 2
    offset = np.arange(-radius, radius + 1)
    weights = radius * 2**0.5 - np.hypot(*np.meshgrid(offset, offset))
    kernel = (weights / weights.sum()).astype(np.float32)
    averaged = cv2.filter2D(
        np.asarray(mask, np.float32), -1, kernel, borderType=cv2.BORDER_CONSTANT
    ).clip(0)  # a large kernel is applied by its spectrum, which leaves rounding errors below 0
    hard = averaged >= threshold
    below = averaged[~hard].max(initial=0)
    soft = np.where(hard, 1, averaged / below if below > 0 else averaged)
    return Eroded(soft.astype(np.float32), hard)


def pyramid_blend(inside: Array, outside: Array, mask: Array, levels: int = LEVELS) -> Array:
    r"""Two pictures mixed band by band: fine detail abruptly, coarse colours gradually.

    .. math:: L_l = G_l(m) \odot L_l(x) + (1 - G_l(m)) \odot L_l(y)

    for the bands L of the Laplacian pyramids of both and the Gaussian pyramid G of the mask; the
    result is the sum of the bands. The last band is what is left after `levels` - 1 halvings.

    Args:
        inside: (H, W, C), x: shown where the mask is 1.
        outside: The same shape, y.
        mask: (H, W) in [0, 1].
        levels: Bands.

    Returns:
        (H, W, C), not clipped.
    """
    result: Array | None = None
    bands = zip(
        _laplacian(inside, levels),
        _laplacian(outside, levels),
        _gaussian(mask, levels),
        strict=True,
    )
    for ours, theirs, share in reversed(list(bands)):
        band = theirs + share[..., None] * (ours - theirs)
        result = band if result is None else band + _doubled(result, band)
    assert result is not None
    return result


def blend(face: Image, frame: Image, mask: NDArray[np.floating], side_px: float) -> Image:
    """A face over the same picture without it.

    Args:
        face: (H, W, 3), what is shown within the mask.
        frame: (H, W, 3).
        mask: (H, W) in [0, 1]; what is shown is a little less.
        side_px: How large a face crop is in these pictures; it scales the erosion.
    """
    hard = soft_erosion(mask, int(_KERNEL * side_px) | 1, _THRESHOLD).hard.astype(np.float32)
    mixed = pyramid_blend(face.astype(np.float32), frame.astype(np.float32), hard)
    return np.asarray(mixed.round().clip(0, 255), np.uint8)


def into_frame(
    face: Image, mask: NDArray[np.floating], frame: Image, to_frame: Matrix, crop_px: int
) -> Image:
    """The frame with its face replaced.

    Args:
        face: (h, w, 3), RGB, a face crop or a part of it; only what is in the mask is looked at.
        mask: (h, w) in [0, 1]: where it shows a face.
        frame: (H, W, 3).
        to_frame: (2, 3) from pixels of `face` to those of the frame, whole numbers in a pixel's
            middle: `inverse` of the `aligned` table, or that of the renderer's `to_pictures`.
        crop_px: Side of a whole face crop, in pixels of `face`; it scales the erosion.

    Returns:
        (H, W, 3); away from the face the frame as it was, bit for bit.
    """
    to_frame = np.array(to_frame, float)
    scale = float(np.sqrt(abs(np.linalg.det(to_frame[:, :2]))))
    side_px = scale * crop_px
    box = _box(mask, to_frame, frame.shape[:2], _MARGIN * side_px)
    if box is None:
        return frame.copy()
    rows, columns = box
    there = frame[rows, columns]
    to_frame[:, 2] -= (columns.start, rows.start)
    size = (there.shape[1], there.shape[0])
    # Black mixed in at the mask's edge lies outside of the eroded one.
    warped = cv2.warpAffine(face, to_frame, size, flags=cv2.INTER_CUBIC)
    covered: Array = np.asarray(
        cv2.warpAffine(np.asarray(mask, np.float32), to_frame, size, flags=cv2.INTER_LINEAR),
        np.float32,
    )
    shown = np.where(covered[..., None] > 0.5, warped, there).astype(np.uint8)
    result = frame.copy()
    result[rows, columns] = blend(shown, there, covered, side_px)
    return result


def _box(
    mask: NDArray[np.floating], to_frame: Matrix, size: tuple[int, int], margin: float
) -> tuple[slice, slice] | None:
    """Rows and columns of the frame around the mask."""
    y, x = np.nonzero(mask > 0)
    if not len(x):
        return None
    corners = np.array([[a, b] for a in (x.min(), x.max()) for b in (y.min(), y.max())], float)
    places = apply(to_frame, corners)
    height, width = size
    x0, y0 = np.floor(places.min(0) - margin).clip(0, (width, height)).astype(int)
    x1, y1 = np.ceil(places.max(0) + margin + 1).clip(0, (width, height)).astype(int)
    return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))


def _gaussian(image: Array, levels: int) -> list[Array]:
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(np.asarray(cv2.pyrDown(pyramid[-1]), np.float32))
    return pyramid


def _laplacian(image: Array, levels: int) -> list[Array]:
    """The finest band first."""
    pyramid = _gaussian(image, levels)
    finer = [a - _doubled(b, a) for a, b in pairwise(pyramid)]
    return [*finer, pyramid[-1]]


def _doubled(image: Array, like: Array) -> Array:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.pyrUp(image, dstsize=size), np.float32).reshape(like.shape)
