"""Where hair grows on the head, in its chart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# (a, b) mm: above the line the scalp bears hair. Before the ear it comes down as a sideburn.
_LINE = (
    (0, 60), (14, 61), (28, 60), (40, 54), (49, 44), (56, 30), (61, 14), (65, -2), (69, -14),
    (74, -14), (78, 14), (90, 10), (98, -18), (112, -44), (136, -58), (160, -62),
)  # fmt: skip


def above_hairline(a_mm: Array, b_mm: Array, recess_mm: float = 0.0) -> Array:
    """Millimetres above the hairline, negative on bare skin.

    Args:
        a_mm: Chart coordinate around the head; its sign makes no difference.
        b_mm: Chart coordinate up the head.
        recess_mm: How far the line has moved back over forehead and temples.
    """
    a_mm = np.abs(a_mm)
    line = np.interp(a_mm, *np.array(_LINE, float).T)
    temples = np.exp(-(((a_mm - 36) / 14) ** 2)) + 0.4 * np.exp(-((a_mm / 20) ** 2))
    distance: Array = b_mm - line - recess_mm * temples
    return distance
