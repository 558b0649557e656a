"""The similarity that brings a face onto the canonical one, and the picture warped by it."""

import cv2
import numpy as np
import numpy.typing as npt
from skimage.transform import SimilarityTransform

from stccl.align.template import canonical_points
from stccl.tables.png import Image

Matrix = npt.NDArray[np.float64]
"""2×3, maps pixel positions (x, y, 1) to pixel positions; whole numbers are pixel centres."""

MAX_MISFIT = 0.4
"""RMS distance to the canonical points after the fit, over their RMS distance from their mean; real
frontal faces come to 0.10–0.16, open mouths included, mirrored or scattered points to about 1."""


def canonical_px(size_px: int) -> npt.NDArray[np.float64]:
    """The canonical points (68×2) in pixels of a square crop."""
    return canonical_points() * size_px - 0.5


def similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> Matrix | None:
    r"""Rotation, uniform scale and shift that best map one set of points onto another.

    .. math:: \min_{s, R, t} \sum_i \lVert s R x_i + t - y_i \rVert^2, \quad \det R = 1

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 13(4), 1991.

    Args:
        source: N×2.
        target: N×2.

    Returns:
        The 2×3 matrix, or None where the points do not determine it: not finite, or all equal.

    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    >>> matrix = similarity(square, 2 * square + [3, 4])
    >>> (matrix.round(6) + 0.0).tolist()
    [[2.0, 0.0, 3.0], [0.0, 2.0, 4.0]]
    """
    if not np.isfinite(source).all() or np.ptp(source, axis=0).max() < 1e-6:
        return None
    found = SimilarityTransform.from_estimate(np.asarray(source, float), np.asarray(target, float))
    if not found or not np.isfinite(found.params).all() or found.scale < 1e-9:
        return None
    return np.asarray(found.params[:2], np.float64)


def fit_face(points: npt.NDArray[np.floating], size_px: int) -> Matrix | None:
    """The map from a frame onto the crop, by 68 points of the frame; None where they are no face.

    No face are points that do not determine the map, and those that lie far from the canonical
    ones after it: mirrored, or thrown together.
    """
    target = canonical_px(size_px)
    matrix = similarity(points, target)
    if matrix is None:
        return None
    radius = np.sqrt(((target - target.mean(0)) ** 2).sum(1).mean())
    error = np.sqrt(((apply(matrix, points) - target) ** 2).sum(1).mean())
    return matrix if error / radius <= MAX_MISFIT else None


def apply(matrix: Matrix, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Positions (N×2) mapped."""
    return np.asarray(positions @ matrix[:, :2].T + matrix[:, 2], np.float64)


def inverse(matrix: Matrix) -> Matrix:
    """The map back.

    >>> inverse(np.array([[2.0, 0, 3], [0, 2, 4]])).tolist()
    [[0.5, 0.0, -1.5], [0.0, 0.5, -2.0]]
    """
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack((back, -back @ matrix[:, 2])) + 0.0


def warp(image: Image, matrix: Matrix, size_px: int) -> Image:
    """The square crop of a picture; black beyond the picture's border.

    Where the map shrinks, the picture is blurred first (Gaussian, half the shrinking beyond 1 as
    its standard deviation), so that fine detail does not alias.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    blur_px = (1 / scale - 1) / 2
    if blur_px > 0.1:
        image, matrix = _needed_part(image, matrix, size_px, margin=4 * blur_px + 2)
        blurred = cv2.GaussianBlur(image, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE)
        image = blurred.astype(np.uint8, copy=False)
    crop = cv2.warpAffine(image, matrix, (size_px, size_px), flags=cv2.INTER_CUBIC)
    return crop.astype(np.uint8, copy=False)


def _needed_part(image: Image, matrix: Matrix, size_px: int, margin: float) -> tuple[Image, Matrix]:
    """The part of the picture that the crop shows, so that a large frame is not blurred whole."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], float) - 0.5
    seen = apply(inverse(matrix), corners)
    x0, y0 = np.clip(np.floor(seen.min(0) - margin), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(seen.max(0) + margin), (x0 + 1, y0 + 1), (width, height)).astype(int)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ [x0, y0]
    return image[y0:y1, x0:x1], moved
