"""What a step costs, beside the published arithmetic written down plainly.

The plain side is single precision and eager, channel by channel, with a pass of the backbone for
every side and a graph through both. Both sides have the same weights, images and regions, and take
turns in one process. Without the adaptive weight, which is not the same function on purpose, and
with running statistics while they supervise. Run it with `python -m benchmarks.metric`; `--rounds`
and `--size` make it longer or smaller, `--precision` overrules what the device is good at.

Efficiency is the arithmetic of convolutions and matrix products in a step, over its time, over what
a large matrix product reaches in the same type.
"""

import argparse
import copy
import ctypes
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from stccl.metric.backbone import IResNet
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.precision import computes_in_bf16
from stccl.metric.sampling import Locations, draw_locations
from stccl.metric.source import SourceFeatures

TEMPERATURE = 0.07
BATCH = 4
WINDOW_FRAMES = 5
PEAK_SIDE = 2048

TYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def plain_maps(backbone: IResNet, images: Tensor) -> list[Tensor]:
    """The maps of the four levels from torch's own layers, one after the other."""
    x = functional.prelu(backbone.bn1(backbone.conv1(images)), backbone.prelu.weight)
    maps = []
    for level in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
        for block in level:
            inner = block.bn2(block.conv1(block.bn1(x)))
            inner = functional.prelu(inner, block.prelu.weight)
            x = block.bn3(block.conv2(inner)) + block.downsample(x)
        maps.append(x)
    return maps


def plain_vectors(disparity: Tensor, head: nn.Module) -> Tensor:
    """Disparities (M, S, C) through the head, divided by their length."""
    vectors = head(disparity)
    return vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-7)


def plain_contrast(query: Tensor, key: Tensor) -> Tensor:
    """Cross entropy of every row against the diagonal."""
    logits = torch.bmm(query, key.detach().transpose(1, 2)) / TEMPERATURE
    target = torch.arange(logits.shape[1]).repeat(len(logits))
    return functional.cross_entropy(logits.flatten(0, 1), target)


def plain_spatial(loss: STCCLLoss, generated: Tensor, source: Tensor, where: Locations) -> Tensor:
    """The published spatial loss of (B, 3, H, W)."""
    total = torch.zeros(())
    maps = zip(*(plain_maps(loss.backbone, side) for side in (generated, source)), strict=True)
    for level, sides in enumerate(maps):
        region, neighbour = where.spatial[level].T
        query, key = (
            plain_vectors(
                (side.flatten(2)[:, :, region] - side.flatten(2)[:, :, neighbour]).transpose(1, 2),
                loss.spatial_heads[level],
            )
            for side in sides
        )
        total = total + plain_contrast(query, key)
    return 0.3 * total


def plain_temporal(loss: STCCLLoss, generated: Tensor, source: Tensor, where: Locations) -> Tensor:
    """The published temporal loss of (B, T, 3, H, W)."""
    total = torch.zeros(())
    frames = generated.shape[1]
    maps = [
        [
            level.unflatten(0, clip.shape[:2]).flatten(3)
            for level in plain_maps(loss.backbone, clip.flatten(0, 1))
        ]
        for clip in (generated, source)
    ]
    for level, sides in enumerate(zip(*maps, strict=True)):
        place = where.temporal[level]
        query, key = (
            plain_vectors(
                torch.stack(
                    [
                        (side[:, i] - side[:, j])[:, :, place].transpose(1, 2)
                        for i, j in combinations(range(frames), 2)
                    ],
                    dim=1,
                ).flatten(0, 1),
                loss.temporal_heads[level],
            )
            for side in sides
        )
        total = total + plain_contrast(query, key)
    return total


def ours(dtype: torch.dtype) -> "Loss":
    """The loss as it is used, in a type."""

    def function(loss: STCCLLoss, generated: Tensor, source: Source, where: Locations) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            return loss(generated, source, locations=where).total

    return function


Source = Tensor | SourceFeatures
Loss = Callable[[STCCLLoss, Tensor, Any, Locations], Tensor]
Step = Callable[[Loss], Tensor]
"""Does a whole step with one of the two losses and returns a gradient, flat."""


def supervision(
    loss: STCCLLoss, images: tuple[Tensor, Tensor], where: Locations, plain: Loss,
    known: SourceFeatures | None = None,
) -> Step:  # fmt: skip
    """Forward, and backward to the generated images; ours with the source's features, if known."""
    layers = published_layout(copy.deepcopy(loss))

    def step(function: Loss) -> Tensor:
        generated = images[0].clone().requires_grad_()
        if function is plain:
            function(layers, generated, images[1], where).backward()
        else:
            function(loss, generated, images[1] if known is None else known, where).backward()
        assert generated.grad is not None
        return generated.grad.flatten()

    return step


def features_of(loss: STCCLLoss, source: Tensor, dtype: torch.dtype) -> SourceFeatures:
    """What a training keeps of a source it meets again."""
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        return loss.features(source)


def training(
    make: Callable[[], STCCLLoss], images: tuple[Tensor, Tensor], where: Locations, plain: Loss
) -> Step:
    """Forward, backward to all weights, and Adam; each side has weights of its own."""
    models: dict[Loss, tuple[STCCLLoss, torch.optim.Optimizer]] = {}

    def step(function: Loss) -> Tensor:
        if function not in models:
            model = make().train()
            model = published_layout(model) if function is plain else model
            learns = [p for p in model.parameters() if p.requires_grad]
            adam = torch.optim.Adam(learns, lr=1e-3, fused=function is not plain)
            models[function] = model, adam
        model, optimizer = models[function]
        optimizer.zero_grad()
        function(model, *images, where).backward()
        gradient = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        optimizer.step()
        return torch.cat(gradient)

    return step


def published_layout(loss: STCCLLoss) -> STCCLLoss:
    """The same with every channel of a weight by itself."""
    return loss.to(memory_format=torch.contiguous_format)


class Cost(NamedTuple):
    """What a call took, and how far the process grew above where it stood."""

    seconds: float
    bytes: int


def cost(call: Callable[[], object]) -> Cost:
    """Of one call."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    start = time.perf_counter()
    call()
    seconds = time.perf_counter() - start
    return Cost(seconds, _status("VmHWM") - before)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def settled(config: STCCLConfig, images: Tensor) -> STCCLLoss:
    """Random weights with the batch statistics of the images, so that signals keep their size."""
    loss = initial(config, 0)
    norms = [m for m in loss.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        loss.train().backbone(images)
    for norm in norms:
        norm.momentum = 0.1
    return loss


def images_of(frames: int, size_px: int) -> tuple[Tensor, Tensor]:
    """Smooth pictures and disturbed ones, (frames, 3, size, size) in [-1, 1]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(frames, 3, 14, 14, generator=generator) * 2 - 1
    first = functional.interpolate(coarse, size=(size_px, size_px), mode="bicubic").clamp(-1, 1)
    noise = 0.3 * torch.randn(first.shape, generator=generator)
    return (first + noise).clamp(-1, 1), first


def peak(dtype: torch.dtype) -> Callable[[], Tensor]:
    """A large matrix product."""
    sides = torch.ones(2, PEAK_SIDE, PEAK_SIDE, dtype=dtype)
    return lambda: sides[0] @ sides[1]


def report(name: str, step: Step, plain: Loss, dtype: torch.dtype, rounds: int) -> None:
    """Take turns, first once each to warm up and to compare gradients."""
    here = ours(dtype)
    expected, found = step(plain), step(here)
    cosine = functional.cosine_similarity(expected.double(), found.double(), dim=0)
    with FlopCounterMode(display=False) as counter:
        step(here)
    product = peak(dtype)
    calls = {"plain": lambda: step(plain), "ours": lambda: step(here), "peak": product}
    product()
    costs: dict[str, list[Cost]] = {kind: [] for kind in calls}
    for _ in range(rounds):
        for kind, call in calls.items():
            costs[kind].append(cost(call))
    slow, fast, best = (median(c.seconds for c in costs[kind]) for kind in calls)
    much, little = (max(c.bytes for c in costs[kind]) / 1e9 for kind in ("plain", "ours"))
    efficiency = counter.get_total_flops() / fast / (2 * PEAK_SIDE**3 / best)
    print(
        f"{name:20} plain {slow:.2f} s +{much:.2f} GB   ours {fast:.2f} s +{little:.2f} GB   "
        f"{slow / fast:.1f}× faster, {little / much:.0%} of the memory, "
        f"gradient cosine {float(cosine):.4f}, {efficiency:.0%} of the matrix-product peak",
        flush=True,
    )


def main() -> None:
    """Print a line per kind of step."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, default=224)
    arguments.add_argument(
        "--precision", choices=TYPES, default="bf16" if computes_in_bf16("cpu") else "fp32"
    )
    options = arguments.parse_args()
    dtype, size, rounds = TYPES[options.precision], options.size, options.rounds
    for name, kind in TYPES.items():
        best = min(cost(peak(kind)).seconds for _ in range(5))
        print(f"matrix product in {name}: {2 * PEAK_SIDE**3 / best / 1e9:.0f} GFLOP/s")
    print(f"{torch.get_num_threads()} threads, ours in {options.precision}")
    generator = torch.Generator().manual_seed(0)
    published = STCCLConfig(size_px=size, adaptive=False)
    where = draw_locations(size, size, published, generator)
    spatial = published.model_copy(update={"temporal": False})
    temporal = published.model_copy(update={"spatial": False})
    images = images_of(BATCH, size)
    loss = settled(spatial, images[1]).freeze()
    step = supervision(loss, images, where, plain_spatial)
    report("supervise, spatial", step, plain_spatial, dtype, rounds)
    known = features_of(loss, images[1], dtype)
    step = supervision(loss, images, where, plain_spatial, known)
    report("  source known", step, plain_spatial, dtype, rounds)
    clips = images_of(WINDOW_FRAMES, size)
    window = (clips[0][None], clips[1][None])
    loss = settled(temporal, clips[1]).freeze()
    step = supervision(loss, window, where, plain_temporal)
    report("supervise, temporal", step, plain_temporal, dtype, rounds)
    known = features_of(loss, window[1], dtype)
    step = supervision(loss, window, where, plain_temporal, known)
    report("  source known", step, plain_temporal, dtype, rounds)
    step = training(lambda: initial(spatial, 0), images, where, plain_spatial)
    report("train, spatial", step, plain_spatial, dtype, rounds)


if __name__ == "__main__":
    main()
