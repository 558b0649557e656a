"""The source's side of the loss: computed once, kept, and used at every step that needs it."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from stccl.metric.loss import STCCLLoss


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


class SourceCache:
    """Features of sources that come again, kept under your keys.

    A training sees its sources once per epoch and more; the second time they cost nothing. 224 px
    and the 50-layer network take 6 MB per frame, half of that in bf16, on the metric's device.

    Args:
        loss: A frozen metric.
        capacity_bytes: Of the features that are kept; the least recently used go first.

    >>> from stccl import STCCLConfig, STCCLLoss
    >>> small = STCCLConfig(blocks=(1, 1, 1, 1), widths=(16, 16, 16, 16), size_px=33)
    >>> cache = SourceCache(STCCLLoss(small).freeze(), capacity_bytes=10**8)
    >>> sources = torch.zeros(2, 3, 33, 33)
    >>> features = cache(["a", "b"], sources)
    >>> features = cache(["b", "c"], sources)
    >>> cache.computed, cache.found
    (3, 1)
    """

    def __init__(self, loss: "STCCLLoss", capacity_bytes: int) -> None:
        if capacity_bytes < 0:
            raise ValueError(f"capacity_bytes: expected at least 0, got {capacity_bytes}")
        self.computed = 0
        self.found = 0
        self._loss = loss
        self._capacity_bytes = capacity_bytes
        self._kept: OrderedDict[Hashable, SourceFeatures] = OrderedDict()
        self._bytes = 0

    def __call__(self, keys: Sequence[Hashable], source: Tensor) -> SourceFeatures:
        """Features of a batch; only those not kept pass the backbone.

        Args:
            keys: One per source. Equal keys of equal shapes promise equal pixels: a source that is
                cropped or flipped at random needs a key that says how.
            source: (B, 3, H, W) or (B, T, 3, H, W), as for `STCCLLoss.features`.

        Raises:
            ValueError: Where there is not one key per source, and as `STCCLLoss.features`.
        """
        if len(keys) != len(source):
            raise ValueError(f"keys: expected one per source, {len(source)}, got {len(keys)}")
        names = [(key, tuple(source.shape[1:]), source.dtype) for key in keys]
        missing = {name: number for number, name in enumerate(names) if name not in self._kept}
        used = {name: self._kept[name] for name in names if name in self._kept}
        for name in used:
            self._kept.move_to_end(name)
        if missing:
            new = self._loss.features(source[list(missing.values())])
            for row, name in enumerate(missing):
                used[name] = self._kept[name] = new.one(row)
                self._bytes += used[name].nbytes
        self.computed += len(missing)
        self.found += len(names) - len(missing)
        while self._bytes > self._capacity_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.nbytes
        return SourceFeatures.joined([used[name] for name in names])
