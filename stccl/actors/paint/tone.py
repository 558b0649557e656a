"""The colour of skin from what colours it: melanin and blood."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Linear RGB: what pale, bloodless skin sends back, and how much the pigments take away. Fitted by
# eye to the range of measured skin reflectances (sRGB 250/225/205 to 60/38/30).
_BARE = np.array([0.86, 0.65, 0.49])
_MELANIN = np.array([2.0, 2.7, 3.3])
_BLOOD = np.array([0.16, 0.80, 0.80])


def skin_colour(melanin: Array, blood: Array) -> Array:
    """Albedo by Beer and Lambert's law: c = c0 exp(-m sigma_m - b sigma_b) for each colour.

    Args:
        melanin: (...) 0 none to 1 the darkest skin.
        blood: (...) 0 pale, 0.4 usual, 1 flushed.

    Returns:
        (..., 3) linear RGB.

    >>> skin_colour(np.array([0.1, 0.9]), np.array([0.4, 0.4])).round(2)
    array([[0.66, 0.36, 0.26],
           [0.13, 0.04, 0.02]])
    """
    taken = melanin[..., None] * _MELANIN + blood[..., None] * _BLOOD
    colour: Array = _BARE * np.exp(-taken)
    return colour
