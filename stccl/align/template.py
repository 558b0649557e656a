"""The canonical face: 68 points of a frontal, resting, symmetric face, drawn with ellipses.

The project's own drawing, in units of the crop's side: eyes and mouth stand where they do in
NED's 256-pixel crops (about (95, 110), (156, 110) and (128, 175)), the rest has the proportions of
an average adult face.
"""

import numpy as np
import numpy.typing as npt

_MIDDLE = 0.5
_EYES_Y = 0.43
_MOUTH_Y = 0.684


def canonical_points() -> npt.NDArray[np.float64]:
    """68×2 (x, y) in the unit square, y downwards, in 300-W order.

    >>> points = canonical_points()
    >>> (points[42:48].mean(0) * 256).round().tolist()
    [159.0, 110.0]
    """
    across = np.linspace(-1, 1, 5)
    jaw = _ellipse(_MIDDLE, 0.42, 0.275, -0.43, np.linspace(180, 0, 17))
    brow = np.stack((0.135 + 0.065 * across, _EYES_Y - 0.068 - 0.02 * (1 - across**2)), 1)
    bridge = np.stack((np.full(4, _MIDDLE), np.linspace(_EYES_Y, 0.555, 4)), 1)
    nostrils = np.stack((_MIDDLE + 0.05 * across, 0.592 + 0.012 * (1 - across**2)), 1)
    lids = _ellipse(0.12, _EYES_Y, 0.05, 0.02, np.arange(180, -180, -60))
    lips = _ellipse(_MIDDLE, _MOUTH_Y, 0.1, 0.042, np.arange(180, -180, -30))
    opening = _ellipse(_MIDDLE, _MOUTH_Y, 0.085, 0.01, np.arange(180, -180, -45))
    left, right = np.array([-1.0, 1.0]), np.array([1.0, 1.0])
    centre = np.array([_MIDDLE, 0.0])
    return np.concatenate(
        (
            jaw,
            (brow * left + centre)[::-1],
            brow * right + centre,
            bridge,
            nostrils,
            # Both eyes run clockwise from the corner on the picture's left.
            lids - [0.24, 0] + centre,
            lids + centre,
            lips,
            opening,
        )
    )


def _ellipse(
    x: float, y: float, width: float, height: float, degrees: npt.NDArray[np.number]
) -> npt.NDArray[np.float64]:
    """Points on an ellipse of half-axes `width` and `height`; 90° is up."""
    angle = np.deg2rad(degrees)
    return np.stack((x + width * np.cos(angle), y - height * np.sin(angle)), 1)
