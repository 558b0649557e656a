"""Perspective projection."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Camera(NamedTuple):
    """A pinhole on the z axis, looking along -z; +y is up in the world, down in the picture.

    Attributes:
        size_px: Width and height of the picture.
        focal_px: Distance from the pinhole to the picture plane, in pixels.
        distance_m: From the origin to the pinhole.
        height_m: Of the pinhole over the origin.
        centre_px: Where the optical axis meets the picture; (x, y).
    """

    size_px: int
    focal_px: float
    distance_m: float
    height_m: float
    centre_px: tuple[float, float]

    def project(self, points: Array, scale: float = 1.0) -> Array:
        """Pixels and depth of points in the world.

        x_px = c_x + f x / (d - z), y_px = c_y - f (y - h) / (d - z), depth = d - z.

        Args:
            points: (..., 3) m.
            scale: Samples per pixel, for a picture drawn larger.

        Returns:
            (..., 3) float64: x and y in pixels times `scale`, the picture's corner at 0 and the
            middle of its first pixel at 0.5; depth in metres.

        >>> Camera(256, 1000.0, 1.0, 0.0, (128.0, 128.0)).project(np.array([0.01, 0.02, 0.0]))
        array([138., 108.,   1.])
        """
        depth = self.distance_m - points[..., 2].astype(np.float64)
        near = self.focal_px / depth
        x = self.centre_px[0] + near * points[..., 0]
        y = self.centre_px[1] - near * (points[..., 1] - self.height_m)
        return np.stack([x * scale, y * scale, depth], axis=-1)
