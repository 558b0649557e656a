"""Where in a face two pictures are alike, in the eyes of a trained metric."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from stccl.metric.backbone import level_sizes
from stccl.metric.images import as_input
from stccl.metric.loss import STCCLLoss
from stccl.metric.sampling import NEIGHBOURS, Locations, inner_region, with_neighbours
from stccl.tables.png import Image


def region_similarity(loss: STCCLLoss, a: Image, b: Image) -> npt.NDArray[np.float32]:
    """Spatial similarity region by region: where the speech of one face is kept in the other.

    A region of a level gets the mean cosine of its eight disparities with those of the same region
    of the other picture; a pixel of the map gets the mean of the four levels there.

    Source: ASCCL, Section 3, Eq. 1, before its mean over regions.

    Args:
        loss: A trained metric with its spatial part.
        a: H×W×3, RGB, 0–255; any size.
        b: The same face in another emotion at the same time, aligned alike.

    Returns:
        h×w of the finest level (half the metric's `size_px`), in [-1, 1]; NaN at its borders,
        where the metric does not look.

    Raises:
        ValueError: For a metric that is temporal alone.
    """
    config = loss.config
    if not config.spatial:
        raise ValueError("loss: expected a metric with its spatial part, got a temporal one")
    sizes = level_sizes(config.size_px, config.size_px)
    inner = [inner_region(*size, config.inner_fraction) for size in sizes]
    everywhere = tuple(
        with_neighbours(centres, width) for centres, (_, width) in zip(inner, sizes, strict=True)
    )
    device = next(loss.parameters()).device
    first, second = (as_input([image], config.size_px).to(device) for image in (a, b))
    levels = loss.compare(first, second, locations=Locations(everywhere, ())).spatial
    layers = []
    for level, centres, size in zip(levels, inner, sizes, strict=True):
        cosines = (level.query * level.key).sum(dim=-1)
        each = cosines.view(len(centres), len(NEIGHBOURS)).mean(dim=1).float().cpu()
        layers.append(_enlarged(each, centres, size, sizes[0]))
    seen = torch.full((sizes[0][0] * sizes[0][1],), torch.nan)
    seen[inner[0]] = torch.stack(layers).mean(dim=0).flatten()[inner[0]]
    return seen.view(sizes[0]).numpy()


def _enlarged(
    values: Tensor, centres: Tensor, size: tuple[int, int], to: tuple[int, int]
) -> Tensor:
    """A level's inner square, its edge carried on to the border, at the size of another."""
    width = size[1]
    top, left = divmod(int(centres[0]), width)
    bottom, right = divmod(int(centres[-1]), width)
    square = values.view(1, 1, bottom - top + 1, right - left + 1)
    border = (left, width - 1 - right, top, size[0] - 1 - bottom)
    whole = functional.pad(square, border, mode="replicate")
    return functional.interpolate(whole, size=to, mode="bilinear", align_corners=False)[0, 0]
