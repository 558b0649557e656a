"""What a face finder is: boxes of faces, and 68 points in one of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from stccl.tables.png import Image

Box = npt.NDArray[np.float32]
"""x0 y0 x1 y1 in pixels of the frame; may reach beyond it."""

Points = npt.NDArray[np.float32]
"""68×2 (x, y) in pixels of the frame, whole numbers at pixel centres, in 300-W order: jaw 0–16,
brows 17–26, nose 27–35, eyes 36–47, mouth 48–67; left and right as in the picture."""

Grey = npt.NDArray[np.uint8]
"""H×W, 0–255."""

_VIEW_FACE_PX = 256


@dataclass(frozen=True)
class Picture:
    """A frame, converted at most once.

    Attributes:
        rgb: H×W×3, uint8.
    """

    rgb: Image

    @cached_property
    def grey(self) -> Grey:
        """H×W luma."""
        return cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Detection:
    """A face and how sure the detector is of it (its own scale; higher is surer)."""

    box: Box
    score: float


class FaceFinder(Protocol):
    """Finds faces, and the points of a face."""

    def detect(self, picture: Picture, *, side_px: float | None = None) -> list[Detection]:
        """All faces, the surest first.

        Args:
            picture: The frame.
            side_px: Side of the face's box where it was last seen. A large face is then looked
                for at a coarser scale, where one of half its area is still found.
        """
        ...

    def points(self, picture: Picture, box: Box) -> Points:
        """The 68 points of the face in `box`."""
        ...

    def box_around(self, points: Points) -> Box:
        """The box that suits `points` best: where to look for them in the next frame."""
        ...


def side(box: Box) -> float:
    """Geometric mean of width and height, in pixels."""
    width, height = box[2:] - box[:2]
    return float(np.sqrt(max(width, 0) * max(height, 0)))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0–1.

    >>> overlap(np.float32([0, 0, 2, 2]), np.float32([1, 0, 3, 2]))
    0.3333333333333333
    """
    corner = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(corner[0]) * float(corner[1]) if (corner > 0).all() else 0.0
    union = side(a) ** 2 + side(b) ** 2 - common
    return common / union if union > 0 else 0.0


@dataclass(frozen=True)
class View:
    """The surroundings of a face, scaled so that its box has a fixed size.

    The point models answer in whole pixels of the picture they are given: in a view, a small
    face's points come out in fractions of a pixel, and a very large one is not aliased.

    Attributes:
        origin: Frame position (x, y) of the view's top left pixel corner.
        scale: View pixels per frame pixel, in x and y.
        pixels: The view, uint8.
    """

    origin: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8], box: Box, margin: float) -> "View":
        """The part of a picture around `box`, where it lies in the picture at all.

        Args:
            pixels: H×W or H×W×3.
            box: Of the face.
            margin: Added on each side, in sides of the box.

        Raises:
            ValueError: Where it does not.
        """
        height, width = pixels.shape[:2]
        around = margin * side(box)
        x0, y0 = np.maximum(np.floor(box[:2] - around), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(box[2:] + around), (width, height)).astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            raise ValueError(f"box {box.tolist()} lies outside a picture of {width}×{height}")
        part = pixels[y0:y1, x0:x1]
        scale = _VIEW_FACE_PX / side(box)
        size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
        method = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
        view = cv2.resize(part, size, interpolation=method).astype(np.uint8, copy=False)
        return cls(np.array([x0, y0], float), np.divide(size, (x1 - x0, y1 - y0)), view)

    def to_view(self, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Frame positions (…×2) in the view; both count from pixel centres."""
        return np.asarray((positions + 0.5 - self.origin) * self.scale - 0.5, np.float64)

    def to_frame(self, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """View positions (…×2) in the frame."""
        return np.asarray((positions + 0.5) / self.scale - 0.5 + self.origin, np.float64)
