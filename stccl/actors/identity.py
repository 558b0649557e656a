"""The shape of an actor's head."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.actors.speaker import Speaker

Array = NDArray[Any]

_SPREAD = 0.75
"""Standard deviation of every coefficient but the two below; some of them add up."""


def draw_shape(speaker: Speaker, shape_names: tuple[str, ...]) -> Array:
    """Shape coefficients of the built-in head, (S,) float32, by seed and name alone."""
    rng = speaker.rng("shape")
    shape = np.clip(rng.normal(0, _SPREAD, len(shape_names)), -1.6, 1.6)
    manly = 0.9 if speaker.sex == "man" else -1.5
    shape[shape_names.index("masculine")] = manly + 0.3 * rng.standard_normal()
    shape[shape_names.index("age")] = np.interp(speaker.age_years, [20, 70], [-0.6, 1.6])
    return shape.astype(np.float32)
