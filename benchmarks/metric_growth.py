"""How the cost of supervision grows.

    python -m benchmarks.metric_growth [--size 112] [--picture docs/metric-growth.png]

Processor time and memory of a step, forward and backward to the generated images, for more images
and more frames; and, as the backbone does not know of them, of the contrast alone for more regions.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from benchmarks.metric import cost, images_of
from stccl.metric.config import STCCLConfig
from stccl.metric.contrast import info_nce, unit_vectors
from stccl.metric.loss import STCCLLoss, initial

ROUNDS = 3
Point = tuple[int, float, float]
"""How many, seconds and bytes."""


def measured(number: int, step) -> Point:
    """Medians; the first call warms up."""
    step()
    seconds, grown = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        found = cost(step)
        seconds.append(time.process_time() - start)
        grown.append(found.bytes)
    return number, median(seconds), median(grown)


def supervision(loss: STCCLLoss, shape: Sequence[int], size_px: int) -> Point:
    """A step on images (B, 3, H, W) or clips (B, T, 3, H, W)."""
    first, second = (
        side.reshape(*shape, *side.shape[1:])
        for side in images_of(torch.Size(shape).numel(), size_px)
    )

    def step() -> None:
        loss(first.clone().requires_grad_(), second).total.backward()

    return measured(torch.Size(shape).numel(), step)


def contrast(regions: int) -> Point:
    """InfoNCE of so many regions of 64 images, forward and backward."""
    vectors = torch.randn(64, regions, 16, generator=torch.Generator().manual_seed(0))
    key = unit_vectors(vectors.flip(0))

    def step() -> None:
        query: Tensor = unit_vectors(vectors.clone().requires_grad_())
        info_nce(query, key, temperature=0.07).mean().backward()

    return measured(regions, step)


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    """Time above, memory below."""
    figure, axes = plt.subplots(2, len(curves), figsize=(9, 5), sharex="col", layout="constrained")
    for column, (name, points) in enumerate(curves.items()):
        number, seconds, grown = zip(*points, strict=True)
        for row, (values, unit) in enumerate(
            (([1e3 * s for s in seconds], "time in ms"), ([b / 1e6 for b in grown], "memory in MB"))
        ):
            axis = axes[row, column]
            axis.plot(number, values, marker="o", color="#20639b")
            axis.set_ylim(bottom=0)
            axis.set_xlim(left=0)
            axis.spines[["top", "right"]].set_visible(False)
            if column == 0:
                axis.set_ylabel(unit)
        axes[1, column].set_xlabel(name)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print and draw."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=112)
    arguments.add_argument("--picture", type=Path, help="where to draw it")
    options = arguments.parse_args()
    size = options.size
    config = STCCLConfig(size_px=size)
    loss = initial(config, 0).freeze()
    curves = {
        "images in a batch": [supervision(loss, (n,), size) for n in (1, 2, 4, 6, 8)],
        "frames in a window": [supervision(loss, (1, n), size) for n in (2, 3, 5, 7, 9)],
        "sampled regions S": [contrast(n) for n in (32, 64, 128, 256, 384, 512)],
    }
    for name, points in curves.items():
        for number, seconds, grown in points:
            print(f"{number:4} {name}: {1e3 * seconds:.0f} ms, {grown / 1e6:.0f} MB")
    if options.picture:
        draw(curves, options.picture)


if __name__ == "__main__":
    main()
