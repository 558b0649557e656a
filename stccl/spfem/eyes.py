"""The source's own eyes in a changed face, with lids where the emotion puts them.

A painter that learns for minutes knows how far lids open in an emotion, but blurs what lies between
them. So eyes stay the source's, with its gaze and blinks; from the painter comes how lids move, and
the white that they uncover.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.align.warp import Matrix, apply, inverse
from stccl.tables.png import Image

Array = NDArray[np.float32]
Points = NDArray[np.float64]

_WIDTH_PX, _SIZE_PX = 64, (160, 128)
"""Of an eye between its corners and of the patch around it, in which moves of lids are measured."""
_BLUR, _SMOOTH = 0.03, 0.06
"""Widths of the eye: what is finer in painted eyes is noise, in moves of lids too."""
_LIDS = 0.03
"""Widths of the eye: what of the opening at its edge belongs to the lids, and how soft it is."""
_EDGE = 0.25
"""Of the patch: at its edge, where nothing moves."""
_STEADY_FRAMES = 2.0
"""Standard deviation of the frames that moves of lids are averaged over."""
_REPEATS = 4
"""Until a place is found from which a move leads here; moves change slowly from place to place."""
_MARGIN = np.array([1.3, 1.7])
"""How much wider and higher than the opening between the lids an eye is, before the blend's own
erosion widens it further."""


def with_usual_eyes(eyes_px: Points) -> Points:
    """The landmarks of a clip's eyes, and those they would have if they were as open as usual.

    What is kept of a face with shut eyes is more than a line: where the open eye would be, a
    painted face shows it, and the lids of the blink would be painted over with its white.

    Args:
        eyes_px: (N, 2, 6, 2) in N frames, the corners of an eye first and fourth.

    Returns:
        (N, 2, 12, 2): behind each eye's own points the median over frames of where they lie
        between its corners.
    """
    points = eyes_px[..., 0] + 1j * eyes_px[..., 1]
    corner, width = points[..., :1], points[..., 3:4] - points[..., :1]
    between = (points - corner) / np.where(width == 0, 1, width)
    usual = np.median(between.real, axis=0) + 1j * np.median(between.imag, axis=0)
    placed = corner + width * usual
    return np.concatenate((eyes_px, np.stack((placed.real, placed.imag), -1)), axis=2)


def without_eyes(mask: NDArray[np.floating], eyes_px: NDArray[np.floating]) -> Array:
    """A mask with holes where the eyes are, lids and lashes included.

    Args:
        mask: (h, w) in [0, 1].
        eyes_px: (2, K, 2) points of both eyes, whole numbers in a pixel's middle.
    """
    found = np.array(mask, np.float32)
    for eye in eyes_px:
        middle = eye.mean(axis=0)
        hole = cv2.convexHull((middle + (eye - middle) * _MARGIN).round().astype(np.int32))
        cv2.fillConvexPoly(found, hole, 0.0)
    return found


def lid_moves(before: Image, after: Image, eyes_px: Points) -> Array:
    """Where what is seen around the eyes of one picture lies in another of the same pose.

    Dense inverse search (Kroeger et al., ECCV 2016), smoothed. Shut eyes, by their landmarks, do
    not move: a blink stays one in every emotion.

    Args:
        before: (h, w, 3), RGB, the face as painted with the source's expression.
        after: The same shape, as painted with the wanted one.
        eyes_px: (2, 12, 2) in these pictures, as from `with_usual_eyes`.

    Returns:
        (2, 128, 160, 2): for each pixel of the patch around each eye *after* by how many it lay
        elsewhere *before*, (x, y); an eye is 64 pixels wide there.
    """
    moves = []
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for eye in eyes_px:
        to_patch = _to_patch(eye)
        found = search.calc(
            _gray(after, to_patch),
            _gray(before, to_patch),
            np.zeros((*_SIZE_PX[::-1], 2), np.float32),
        )
        smooth = cv2.GaussianBlur(found, (0, 0), _SMOOTH * _WIDTH_PX)
        moves.append(smooth * (_openness(eye) * _inside())[..., None])
    return np.stack(moves).astype(np.float32)


def steadied(moves: Iterable[Array]) -> Iterator[Array]:
    r"""As many, each the mean of those near it in time, fewer of them at the ends.

    .. math:: \bar m_t = \sum_s w_{s-t} m_s / \sum_s w_{s-t}, \quad w_d = e^{-d^2 / 2\sigma^2},\
        |d| \le 2\sigma

    with :math:`\sigma` = 2 frames. Moves are measured frame by frame; lids that tremble are seen.
    """
    reach = round(2 * _STEADY_FRAMES)
    weights = np.exp(-((np.arange(-reach, reach + 1) / _STEADY_FRAMES) ** 2) / 2)
    near: deque[Array | None] = deque([None] * len(weights), maxlen=len(weights))
    for number, move in enumerate(chain(moves, [None] * reach)):
        near.append(move)
        if number >= reach:
            known = [(w, m) for w, m in zip(weights, near, strict=True) if m is not None]
            total = sum(w for w, _ in known)
            yield np.sum([np.float32(w / total) * m for w, m in known], axis=0)


def with_moved_lids(
    frame: Image, after: Image, to_pictures: Matrix, eyes_px: Points, moves: Array
) -> tuple[Image, Points]:
    """The frame with its lids moved, and nothing between them.

    Skin and lashes move along; what of the eye was seen stays where it was, as far as it still is;
    what is uncovered is the painter's.

    Args:
        frame: (H, W, 3), RGB.
        after: (h, w, 3), the face as painted with the wanted expression.
        to_pictures: (2, 3), a similarity, from the frame to `after`.
        eyes_px: (2, 12, 2) in the frame, as from `with_usual_eyes`.
        moves: (2, 128, 160, 2) of `lid_moves`.

    Returns:
        The frame, and (2, 24, 2) points of the eyes as they were and as they are.
    """
    result = frame.copy()
    points = []
    for eye, moved in zip(eyes_px, moves, strict=True):
        to_patch = _to_patch(eye)
        points.append(np.concatenate((eye, _moved(eye, to_patch, moved))))
        box = _box(to_patch, frame.shape[:2])
        if box is None:
            continue
        rows, columns = box
        corner = np.array([columns.start, rows.start])
        size = (columns.stop - columns.start, rows.stop - rows.start)
        back = inverse(to_patch)
        turned = moved @ np.asarray(back[:, :2].T, np.float32)
        to_box = _from_corner(back, corner)
        opening = _opening(apply(to_patch, eye[:6]))
        shift, was, now = (
            _warped(each, to_box, size, cv2.BORDER_CONSTANT)
            for each in (turned, opening, _pulled(opening, moved))
        )
        painted = _warped(after, _from_corner(inverse(to_pictures), corner), size)
        there = frame[rows, columns]
        skin = _pulled(there, shift)
        uncovered = (now - was).clip(0)[..., None]
        open_ = now[..., None]
        mixed = (1 - open_) * skin + (open_ - uncovered) * there + uncovered * painted
        result[rows, columns] = mixed.round().clip(0, 255).astype(np.uint8)
    return result, np.stack(points)


def _to_patch(eye: Points) -> Matrix:
    """(2, 3) from a picture to the patch around an eye: its corners level, 64 pixels apart."""
    first, last = eye[0], eye[3]
    along = last - first
    # Corners on each other are of no eye: what is done there does not matter, but it ends well.
    width = float(np.hypot(*along))
    along, width = (along, width) if width >= 1 else (np.array([1.0, 0.0]), 1.0)
    cosine, sine = along * (_WIDTH_PX / width**2)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle = (np.array(_SIZE_PX) - 1) / 2
    return np.column_stack((turn, middle - turn @ ((first + last) / 2)))


def _gray(picture: Image, to_patch: Matrix) -> Image:
    """The patch, without what is too fine to be trusted."""
    patch = cv2.cvtColor(_warped(picture, to_patch, _SIZE_PX), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(patch, (0, 0), _BLUR * _WIDTH_PX), np.uint8)


def _openness(eye: Points) -> float:
    """In [0, 1]: how far an eye of `with_usual_eyes` is as open as usual."""
    own, usual = (
        float(np.hypot(*(points[1:3] - points[5:3:-1]).T).sum()) for points in np.split(eye, 2)
    )
    return min(1.0, own / usual) if usual > 0 else 0.0


@cache
def _inside() -> Array:
    """(128, 160): 1 in the patch, falling smoothly to 0 at its edge."""
    falls = []
    for side in reversed(_SIZE_PX):
        place = (np.arange(side) + 0.5) / side
        share = (np.minimum(place, 1 - place) / _EDGE).clip(0, 1)
        falls.append(share**2 * (3 - 2 * share))
    return np.asarray(np.outer(*falls), np.float32)


def _opening(eye: Points) -> Array:
    """(128, 160) in [0, 1]: what is seen between the lids, in the patch."""
    mask = np.zeros(_SIZE_PX[::-1], np.float32)
    hull = cv2.convexHull((eye * 16).round().astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0, shift=4)
    side = 2 * round(_LIDS * _WIDTH_PX) + 1
    eroded = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(eroded, (0, 0), _LIDS * _WIDTH_PX / 2), np.float32)


def _moved(eye: Points, to_patch: Matrix, moved: Array) -> Points:
    """Where points of a picture are after the moves, which tell where they were."""
    before = apply(to_patch, eye)
    now = before
    for _ in range(_REPEATS):
        x, y = now.T.astype(np.float32)[:, None]
        shift = cv2.remap(moved, x, y, cv2.INTER_LINEAR)[0]
        now = before - shift
    return apply(inverse(to_patch), now)


def _pulled(image: NDArray[Any], moved: Array) -> Array:
    """What was elsewhere by so many pixels, (H, W, …)."""
    height, width = image.shape[:2]
    rows, columns = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    found = cv2.remap(
        np.asarray(image, np.float32),
        moved[..., 0] + columns,
        moved[..., 1] + rows[:, None],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(found, np.float32)


def _warped(
    image: NDArray[Any], matrix: Matrix, size: tuple[int, int], border: int = cv2.BORDER_REPLICATE
) -> NDArray[Any]:
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _box(to_patch: Matrix, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of the frame that the patch shows; None where it shows none."""
    corners = np.array([[x, y] for x in (0, _SIZE_PX[0]) for y in (0, _SIZE_PX[1])]) - 0.5
    places = apply(inverse(to_patch), corners)
    x0, y0 = np.floor(places.min(0)).clip(0, size[::-1]).astype(int)
    x1, y1 = np.ceil(places.max(0) + 1).clip(0, size[::-1]).astype(int)
    return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))


def _from_corner(matrix: Matrix, corner: NDArray[np.integer]) -> Matrix:
    """To a part of the picture."""
    return np.column_stack((matrix[:, :2], matrix[:, 2] - corner))
