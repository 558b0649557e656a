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
    of the other picture (or the cosine of its rows in the matrices of all regions, for a metric of
    correlations); a pixel of the map gets the mean of the four levels there.

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
    device = next(loss.parameters()).device
    pictures = [as_input([image], config.size_px).to(device) for image in (a, b)]
    cosines = _of_rows if config.formulation == "correlation" else _of_neighbours
    found = cosines(loss, pictures[0], pictures[1], inner)
    layers = [
        _enlarged(values.float().cpu(), regions, size, sizes[0])
        for values, regions, size in zip(found, inner, sizes, strict=True)
    ]
    seen = torch.full((sizes[0][0] * sizes[0][1],), torch.nan)
    seen[inner[0]] = torch.stack(layers).mean(dim=0).flatten()[inner[0]]
    return seen.view(sizes[0]).numpy()


def _of_neighbours(loss: STCCLLoss, a: Tensor, b: Tensor, inner: list[Tensor]) -> list[Tensor]:
    """Mean cosine of a region's eight disparities."""
    sizes = level_sizes(*a.shape[-2:])
    everywhere = tuple(
        with_neighbours(centres, width) for centres, (_, width) in zip(inner, sizes, strict=True)
    )
    levels = loss.compare(a, b, locations=Locations(everywhere, ())).spatial
    return [
        (level.query * level.key).sum(dim=-1).view(len(centres), len(NEIGHBOURS)).mean(dim=1)
        for level, centres in zip(levels, inner, strict=True)
    ]


@torch.no_grad()
def _of_rows(loss: STCCLLoss, a: Tensor, b: Tensor, inner: list[Tensor]) -> list[Tensor]:
    """Cosine of a region's rows in the two correlation matrices of all regions.

    Rows x_i·V and y_i·W have the product x_i (V Wᵀ) y_i: a matrix of channels says as much as the
    matrix of all regions, which would be too large.
    """
    found = []
    maps = zip(loss.backbone(a), loss.backbone(b), strict=True)
    for head, sides, regions in zip(loss.spatial_heads, maps, inner, strict=True):
        v, w = (head(side.flatten(2)[0, :, regions.to(side.device)].T).double() for side in sides)
        if loss.config.centred:
            v, w = v - v.mean(dim=0), w - w.mean(dim=0)
        product, of_v, of_w = (
            ((one @ (one.T @ other)) * other).sum(dim=1) for one, other in ((v, w), (v, v), (w, w))
        )
        found.append(product * torch.rsqrt(of_v * of_w + 1e-24))
    return found


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
