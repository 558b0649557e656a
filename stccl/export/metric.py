"""A frozen metric as one self-contained program, for other runtimes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stccl.errors import StcclError
from stccl.metric.loss import STCCLLoss
from stccl.metric.sampling import Locations, draw_locations

INPUTS = ("generated", "source")
OUTPUTS = ("total", "spatial", "temporal", "positive_similarity", "negative_similarity")
_SMALLEST_EXPORT_BATCH = 2  # a traced batch of one would be taken for a constant


class _Fixed(nn.Module):
    """The loss at the same regions every time."""

    def __init__(self, loss: STCCLLoss, locations: Locations) -> None:
        super().__init__()
        self.loss = loss
        self.locations = locations

    def forward(self, generated: Tensor, source: Tensor) -> tuple[Tensor, ...]:
        terms = self.loss(generated, source, locations=self.locations)
        return tuple(getattr(terms, name) for name in OUTPUTS)


def export_metric(
    loss: STCCLLoss, frames: int | None = None, *, locations: Locations | None = None
) -> torch.export.ExportedProgram:
    """The loss as a `torch.export` program of two inputs, `INPUTS`, and five outputs, `OUTPUTS`.

    It holds the weights, knows no other code, and takes any batch size; `torch.export.save` writes
    it. Values are those of `loss(generated, source, locations=…)`, and NaN for input that the loss
    would refuse; gradients of `program.module()` reach `generated` alone, as there.

    Args:
        loss: A frozen metric, on the CPU.
        frames: T for clips (B, T, 3, size, size); None for images (B, 3, size, size). The size is
            the metric's `size_px`.
        locations: Regions it will always compare; those of `STCCLLoss.similarity` without it.

    Raises:
        StcclError: For a metric that still learns: it would change as it is used.
    """
    module, example = _fixed(loss, frames, locations)
    batch = torch.export.Dim("batch", min=1, max=4096)
    return torch.export.export(module, example, dynamic_shapes=({0: batch}, {0: batch}))


def export_onnx(
    loss: STCCLLoss,
    path: str | Path,
    frames: int | None = None,
    *,
    locations: Locations | None = None,
) -> None:
    """The same program as an ONNX file; needs the extra `onnx`. Gradients stay behind.

    Args:
        loss: A frozen metric, on the CPU.
        path: The file to write.
        frames: As for `export_metric`.
        locations: As for `export_metric`.

    Raises:
        StcclError: For a metric that still learns, or where the extra is not installed.
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise StcclError("onnx is not installed; pip install 'stccl[onnx]'") from None
    module, example = _fixed(loss, frames, locations)
    batch: Any = torch.export.Dim("batch", min=1, max=4096)
    with torch.no_grad():
        torch.onnx.export(
            module,
            example,
            str(path),
            dynamo=True,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: batch}, {0: batch}),
            external_data=False,
            verbose=False,
        )


def _fixed(
    loss: STCCLLoss, frames: int | None, locations: Locations | None
) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    if any(p.requires_grad for p in loss.parameters()):
        raise StcclError("the metric still learns; freeze it first: loss.freeze()")
    size = loss.config.size_px
    if locations is None:
        locations = draw_locations(size, size, loss.config, torch.Generator().manual_seed(0))
    clip: Sequence[int] = () if frames is None else (frames,)
    shape = (_SMALLEST_EXPORT_BATCH, *clip, 3, size, size)
    return _Fixed(loss, locations).eval(), (torch.zeros(shape), torch.zeros(shape))
