"""What a step costs, beside the published arithmetic written down plainly.

The plain side is single precision and eager, with a pass of the backbone for every side and a graph
through both while it trains. Both sides have the same weights, images and regions, and take turns
in one process. Without the adaptive weight, which is not the same function on purpose, and with
running statistics while they supervise. Run it with `python -m benchmarks.metric`; `--rounds` and
`--size` make it longer or smaller.
"""

import argparse
import ctypes
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from stccl.metric.config import STCCLConfig
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.sampling import Locations, draw_locations
from stccl.metric.train import precision_of

TEMPERATURE = 0.07
BATCH = 4
WINDOW_FRAMES = 5


def plain_vectors(disparity: Tensor, head: nn.Module) -> Tensor:
    """Disparities (M, S, C) through the head, divided by their length."""
    vectors = head(disparity)
    return vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-7)


def plain_contrast(query: Tensor, key: Tensor) -> Tensor:
    """Cross entropy of every row against the diagonal."""
    logits = torch.bmm(query, key.detach().transpose(1, 2)) / TEMPERATURE
    target = torch.arange(logits.shape[1]).repeat(len(logits))
    return nn.functional.cross_entropy(logits.flatten(0, 1), target)


def plain_spatial(loss: STCCLLoss, generated: Tensor, source: Tensor, where: Locations) -> Tensor:
    """The published spatial loss of (B, 3, H, W)."""
    total = torch.zeros(())
    maps = zip(loss.backbone(generated), loss.backbone(source), strict=True)
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
            for level in loss.backbone(clip.flatten(0, 1))
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


def ours(loss: STCCLLoss, generated: Tensor, source: Tensor, where: Locations) -> Tensor:
    """The loss as it is used."""
    half = precision_of("auto", "cpu") == "bf16-mixed"
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        return loss(generated, source, locations=where).total


Loss = Callable[[STCCLLoss, Tensor, Tensor, Locations], Tensor]
Step = Callable[[Loss], Tensor]
"""Does a whole step with one of the two losses and returns a gradient, flat."""


def supervision(loss: STCCLLoss, images: tuple[Tensor, Tensor], where: Locations) -> Step:
    """Forward, and backward to the generated images."""

    def step(function: Loss) -> Tensor:
        generated = images[0].clone().requires_grad_()
        function(loss, generated, images[1], where).backward()
        assert generated.grad is not None
        return generated.grad.flatten()

    return step


def training(
    make: Callable[[], STCCLLoss], images: tuple[Tensor, Tensor], where: Locations
) -> Step:
    """Forward, backward to all weights, and Adam; each side has weights of its own."""
    models: dict[Loss, tuple[STCCLLoss, torch.optim.Optimizer]] = {}

    def step(function: Loss) -> Tensor:
        if function not in models:
            model = make().train()
            learns = [p for p in model.parameters() if p.requires_grad]
            models[function] = model, torch.optim.Adam(learns, lr=1e-3)
        model, optimizer = models[function]
        optimizer.zero_grad()
        function(model, *images, where).backward()
        gradient = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        optimizer.step()
        return torch.cat(gradient)

    return step


def peak_bytes(call: Callable[[], Tensor]) -> tuple[Tensor, float, int]:
    """A call's result, its seconds, and how far the process grew above where it stood."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    return result, seconds, _status("VmHWM") - before


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
    first = nn.functional.interpolate(coarse, size=(size_px, size_px), mode="bicubic").clamp(-1, 1)
    noise = 0.3 * torch.randn(first.shape, generator=generator)
    return (first + noise).clamp(-1, 1), first


def report(name: str, step: Step, plain: Loss, rounds: int) -> None:
    """Take turns, first once each to warm up and to compare gradients."""
    expected, found = step(plain), step(ours)
    cosine = nn.functional.cosine_similarity(expected.double(), found.double(), dim=0)
    times: dict[Loss, list[float]] = {plain: [], ours: []}
    grown: dict[Loss, list[int]] = {plain: [], ours: []}
    for _ in range(rounds):
        for function in (plain, ours):
            _, seconds, grew = peak_bytes(lambda function=function: step(function))
            times[function].append(seconds)
            grown[function].append(grew)
    slow, fast = median(times[plain]), median(times[ours])
    much, little = max(grown[plain]) / 1e9, max(grown[ours]) / 1e9
    print(
        f"{name:20} plain {slow:.2f} s +{much:.2f} GB   ours {fast:.2f} s +{little:.2f} GB   "
        f"{slow / fast:.1f}× faster, {much / max(little, 1e-9):.1f}× less memory, "
        f"gradient cosine {float(cosine):.4f}",
        flush=True,
    )


def main() -> None:
    """Print a line per kind of step."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, default=224)
    options = arguments.parse_args()
    print(f"{torch.get_num_threads()} threads, ours in {precision_of('auto', 'cpu')}")
    generator = torch.Generator().manual_seed(0)
    published = STCCLConfig(size_px=options.size, adaptive=False)
    where = draw_locations(options.size, options.size, published, generator)
    spatial = published.model_copy(update={"temporal": False})
    temporal = published.model_copy(update={"spatial": False})
    images = images_of(BATCH, options.size)
    loss = settled(spatial, images[1]).freeze()
    report("supervise, spatial", supervision(loss, images, where), plain_spatial, options.rounds)
    clips = images_of(WINDOW_FRAMES, options.size)
    window = (clips[0][None], clips[1][None])
    loss = settled(temporal, clips[1]).freeze()
    report("supervise, temporal", supervision(loss, window, where), plain_temporal, options.rounds)
    step = training(lambda: initial(spatial, 0), images, where)
    report("train, spatial", step, plain_spatial, options.rounds)


if __name__ == "__main__":
    main()
