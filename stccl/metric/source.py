"""The source's side of the loss, computed once for every step that needs it."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor


class SourceFeatures(NamedTuple):
    """What `STCCLLoss` needs of B sources; `STCCLLoss.features` makes it. No graph hangs on it.

    Attributes:
        maps: (B, T, C, H, W) of each of the backbone's four levels.
        constant: (B, T) bool, frames of a single colour.
        still: (B,) bool, clips whose frames are all equal.
        flaw: (B,) 0, or NaN where values were not finite or left [-1, 1].
        shape: Of the images, which the generated side must have, too.
    """

    maps: tuple[Tensor, ...]
    constant: Tensor
    still: Tensor
    flaw: Tensor
    shape: tuple[int, ...]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Sources of equal shape as one batch."""
        first = parts[0]
        return cls(
            tuple(torch.cat(level) for level in zip(*(part.maps for part in parts), strict=True)),
            torch.cat([part.constant for part in parts]),
            torch.cat([part.still for part in parts]),
            torch.cat([part.flaw for part in parts]),
            (sum(part.shape[0] for part in parts), *first.shape[1:]),
        )

    def one(self, number: int) -> Self:
        """A source by itself, in memory of its own."""
        pick = slice(number, number + 1)
        return type(self)(
            tuple(level[pick].clone() for level in self.maps),
            self.constant[pick].clone(),
            self.still[pick].clone(),
            self.flaw[pick].clone(),
            (1, *self.shape[1:]),
        )

    @property
    def nbytes(self) -> int:
        """Of the maps, which are nearly all of it."""
        return sum(level.nbytes for level in self.maps)
