"""Who an actor is; voices, manners and looks are drawn from it."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stccl.errors import ParamsError

Sex = Literal["man", "woman"]

_NAME = re.compile(r"([MW])(\d{3})")
_AGE_YEARS = (20.0, 68.0)
_SPREAD_BITS = 10  # numbers have three digits


@dataclass(frozen=True)
class Speaker:
    """A person, wholly determined by a seed and a name: adding others changes nobody.

    Attributes:
        name: `M` (man) or `W` (woman) and three digits from 001 on, as MEAD names its actors.
        seed: Of the dataset.
    """

    name: str
    seed: int = 0

    def __post_init__(self) -> None:
        match = _NAME.fullmatch(self.name)
        if not match or match[2] == "000":
            raise ParamsError(
                f"actors have no speaker {self.name!r}; names are M001 to M999 and W001 to W999"
            )
        if self.seed < 0:
            raise ParamsError(f"seed {self.seed} of the actors is below 0; choose 0 or more")

    @property
    def number(self) -> int:
        """The digits of the name, from 1 on."""
        return int(self.name[1:])

    @property
    def sex(self) -> Sex:
        """By the name's letter."""
        return "man" if self.name[0] == "M" else "woman"

    @property
    def age_years(self) -> float:
        """20 to 68, spread.

        >>> [round(Speaker(name).age_years) for name in ("M001", "M002", "M003", "M004")]
        [55, 42, 56, 30]
        """
        low, high = _AGE_YEARS
        return low + (high - low) * self.spread("age")

    def rng(self, trait: str) -> np.random.Generator:
        """Chance for one trait of this speaker: other traits draw from streams of their own."""
        return np.random.default_rng([self.seed, *self.name.encode(), *trait.encode()])

    def spread(self, trait: str) -> float:
        """A number in [0, 1) for a trait that should differ between speakers.

        Of the first two speakers of a sex one is below 0.5, of the first four one is in each
        quarter, and so on; yet traits are independent of one another. It is the scrambled radical
        inverse of the speaker's number in base 2.

        Source:
            Owen, Monte Carlo and Quasi-Monte Carlo Methods in Scientific Computing, 1995.
        """
        index, value = self.number - 1, 0.0
        digits = [index >> place & 1 for place in range(_SPREAD_BITS)]
        for place, digit in enumerate(digits):
            # Whether a digit flips depends on the digits before it, so cells stay cells.
            chance = [self.seed, *self.name[0].encode(), *trait.encode(), 256, *digits[:place]]
            flipped = digit ^ int(np.random.default_rng(chance).integers(2))
            value += flipped * 0.5 ** (place + 1)
        return value + float(self.rng(trait).random()) * 0.5**_SPREAD_BITS
