"""From the skin's chart, millimetres around and up the head, to its texture."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from stccl.face3d.head.proportions import Array

_HEIGHTS = ((-262, 0.0), (-186, 0.07), (-124, 0.19), (-110, 0.23), (70, 0.87), (136, 1.0))


def chart_to_uv(chart: Array) -> Array:
    """Texture coordinates of the skin; the front of the face gets most of the texture.

    u = 1/2 + t / (1 + |t|), t = a / 160; v grows with b.

    Args:
        chart: (N, 2) chart coordinates (a, b), mm; a < 0 is the subject's right.

    Returns:
        (N, 2) in [0, 1]; u to the subject's left (the image's right), v up.

    >>> chart_to_uv(np.array([[0.0, -262.0], [-160.0, 136.0]]))
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    share = chart[:, 0] / 160
    u = 0.5 + share / (1 + np.abs(share))
    v = PchipInterpolator(*zip(*_HEIGHTS, strict=True))(chart[:, 1])
    return np.stack([u, v], 1)
