"""Slow variation that can be asked for at any moment."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_WAVES = 5


@dataclass(frozen=True)
class Drift:
    """C independent smooth courses around 0, each a sum of five sines.

    Attributes:
        frequencies_hz: (5, C).
        phases: (5, C) in turns.
    """

    frequencies_hz: Array
    phases: Array

    @classmethod
    def of(
        cls, rng: np.random.Generator, courses: int, low_hz: float = 0.12, high_hz: float = 0.7
    ) -> "Drift":
        """Frequencies spread by ratio between two limits, phases by chance."""
        octaves = np.log2(high_hz / low_hz)
        places = (np.arange(_WAVES)[:, None] + rng.random((_WAVES, courses))) / _WAVES
        return cls(low_hz * 2 ** (octaves * places), rng.random((_WAVES, courses)))

    def at(self, times_s: Array) -> Array:
        """(T, C) values of variance 1 over all time, at most 3.2 in size."""
        turns = times_s[:, None, None] * self.frequencies_hz + self.phases
        waves: Any = np.sin(2 * np.pi * turns).sum(axis=1) * np.sqrt(2 / _WAVES)
        return np.asarray(waves)
