"""The sheet that skin is painted on: the front of the head, unrolled, in millimetres."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = -84.0, 84.0, 96.0, -196.0
PX_PER_MM = 4.0


class Sheet:
    """A drawing surface in the head's chart: x to the subject's left and y up, millimetres.

    The origin lies between the pupils. Layers are (H, W) float32, row 0 at the top.

    Attributes:
        x: (H, W) of every pixel.
        y: (H, W).
        side: (H, W) |x|: most of a face is the same on both sides.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        columns = np.arange(LEFT_MM, RIGHT_MM, 1 / PX_PER_MM, dtype=np.float32)
        rows = np.arange(TOP_MM, BOTTOM_MM, -1 / PX_PER_MM, dtype=np.float32)
        self.x, self.y = np.meshgrid(columns, rows)
        self.side = np.abs(self.x)
        self._generator = generator

    def empty(self) -> Array:
        """A layer of zeros."""
        return np.zeros_like(self.x)

    def spot(self, x: float, y: float, wide: float, high: float, tilt_rad: float = 0.0) -> Array:
        """A Gaussian bump of height 1 on both sides of the face; radii are standard deviations."""
        if tilt_rad == 0:
            along = np.exp(-0.5 * ((self.side[0] - x) / wide) ** 2)
            off = np.exp(-0.5 * ((self.y[:, 0] - y) / high) ** 2)
            upright: Array = off[:, None] * along
            return upright
        across, up = self.side - x, self.y - y
        c, s = np.float32(np.cos(tilt_rad)), np.float32(np.sin(tilt_rad))
        turned = ((c * across + s * up) / wide) ** 2 + ((c * up - s * across) / high) ** 2
        spot: Array = np.exp(-0.5 * turned)
        return spot

    def noise(self, size_mm: float) -> Array:
        """Smooth noise with patches of a size; mean 0, standard deviation 1."""
        cells = (int(200 / size_mm) + 4, int(310 / size_mm) + 4)
        coarse = self._generator.standard_normal(cells[::-1]).astype(np.float32)
        noise = cv2.resize(coarse, self.x.shape[::-1], interpolation=cv2.INTER_CUBIC)
        result: Array = (noise - noise.mean()) / noise.std()
        return result

    def grain(self, size_mm: float) -> Array:
        """Fine noise without patches; mean 0, standard deviation 1."""
        white = self._generator.standard_normal(self.x.shape).astype(np.float32)
        blurred = cv2.GaussianBlur(white, (0, 0), size_mm * PX_PER_MM)
        result: Array = blurred / blurred.std()
        return result

    def line(self, points: Sequence[tuple[float, float]], width_mm: float) -> Array:
        """A soft line through points on one side, mirrored to the other; height 1, fading out."""
        xs, ys = np.array(points, float).T
        steps = np.linspace(0, 1, 60)
        knots = np.linspace(0, 1, len(points))
        degree = min(len(points) - 1, 3)
        smooth_x = np.polyval(np.polyfit(knots, xs, degree), steps)
        smooth_y = np.polyval(np.polyfit(knots, ys, degree), steps)
        layer = self.empty()
        strength = np.sin(np.pi * np.clip(steps, 0.02, 0.98)) ** 0.5
        for mirror in (1, -1):
            path = self.pixels(np.stack([mirror * smooth_x, smooth_y], axis=1))
            for start, end, value in zip(path[:-1], path[1:], strength[1:], strict=True):
                thick = max(1, round(width_mm * PX_PER_MM * 0.5))
                _stroke(layer, start, end, float(value), thick)
        return cv2.GaussianBlur(layer, (0, 0), 0.5 * width_mm * PX_PER_MM)

    def hairs(self, roots: Array, tips: Array, width_mm: float) -> Array:
        """Single hairs as thin lines; where they are, 0 to 1.

        Args:
            roots: (N, 2) mm.
            tips: (N, 2) mm.
            width_mm: Of a hair; less than a pixel is drawn fainter.
        """
        layer = self.empty()
        wide = width_mm * PX_PER_MM
        for start, end in zip(self.pixels(roots), self.pixels(tips), strict=True):
            _stroke(layer, start, end, min(1.0, wide), max(1, round(wide)))
        return layer

    def pixels(self, points: Array) -> Array:
        """Columns and rows of places in millimetres, (N, 2)."""
        columns = (points[:, 0] - LEFT_MM) * PX_PER_MM
        rows = (TOP_MM - points[:, 1]) * PX_PER_MM
        return np.stack([columns, rows], axis=1)

    def mask(self, outline: Sequence[tuple[float, float]], soft_mm: float) -> Array:
        """1 within an outline on one side and its mirror image, soft at the edge."""
        layer = self.empty()
        points = np.array(outline, float)
        for mirror in (1.0, -1.0):
            corners = self.pixels(points * [mirror, 1.0])
            cv2.fillPoly(layer, [np.rint(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
        return cv2.GaussianBlur(layer, (0, 0), soft_mm * PX_PER_MM)


def _stroke(layer: Array, start: Array, end: Array, value: float, thick: int) -> None:
    a, b = (tuple(int(c) for c in np.rint(16 * point)) for point in (start, end))
    cv2.line(layer, a, b, value, thick, cv2.LINE_8, 4)
