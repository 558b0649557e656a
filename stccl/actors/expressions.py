"""The names of the face's movements, in the order in which the built-in head has them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

EXPRESSIONS = (
    "inner_brow_raiser",
    "outer_brow_raiser",
    "brow_lowerer",
    "upper_lid_raiser",
    "cheek_raiser",
    "lid_tightener",
    "nose_wrinkler",
    "upper_lip_raiser",
    "lip_corner_puller_right",
    "lip_corner_puller_left",
    "dimpler_right",
    "dimpler_left",
    "lip_corner_depressor",
    "lower_lip_depressor",
    "chin_raiser",
    "lip_pucker",
    "lip_stretcher",
    "lip_funneler",
    "lip_tightener",
    "lip_presser",
    "lips_part",
    "lip_suck",
    "blink_right",
    "blink_left",
    "tongue_tip_up",
    "tongue_out",
)
"""Action units of the Facial Action Coding System and two movements of the tongue.

Each coefficient is 0 (absent) to 1 (apex).
"""


def coefficients(amounts: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """(26,) of the amounts by name; the rest is 0.

    Raises:
        KeyError: For a name that there is not.
    """
    values = np.zeros(len(EXPRESSIONS))
    for name, amount in amounts.items():
        values[column(name)] = amount
    return values


def column(name: str) -> int:
    """Where an expression stands.

    >>> column("lips_part")
    20

    Raises:
        KeyError: For a name that there is not.
    """
    return _COLUMNS[name]


_COLUMNS = {name: index for index, name in enumerate(EXPRESSIONS)}
