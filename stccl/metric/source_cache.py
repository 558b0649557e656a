"""Sources that come again: their side of the loss, kept by key."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence

from torch import Tensor

from stccl.metric.loss import STCCLLoss
from stccl.metric.source import SourceFeatures


class SourceCache:
    """Features of sources that come again, kept under your keys.

    A training sees its sources once per epoch and more; the second time they cost nothing. 224 px
    and the 50-layer network take 6 MB per frame, half of that in bf16, on the metric's device.

    Args:
        loss: A frozen metric.
        capacity_bytes: Of the features that are kept; the least recently used go first.

    >>> import torch
    >>> from stccl import STCCLConfig, STCCLLoss
    >>> small = STCCLConfig(blocks=(1, 1, 1, 1), widths=(16, 16, 16, 16), size_px=33)
    >>> cache = SourceCache(STCCLLoss(small).freeze(), capacity_bytes=10**8)
    >>> sources = torch.zeros(2, 3, 33, 33)
    >>> features = cache(["a", "b"], sources)
    >>> features = cache(["b", "c"], sources)
    >>> cache.computed, cache.found
    (3, 1)
    """

    def __init__(self, loss: STCCLLoss, capacity_bytes: int) -> None:
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
