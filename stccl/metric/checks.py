"""What the loss refuses, by name."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stccl.metric.backbone import level_sizes
from stccl.metric.config import STCCLConfig
from stccl.metric.sampling import Locations
from stccl.metric.source import SourceFeatures

_SMALLEST_SIDE_PX = 33  # the fourth level then has an inside, one region away from its edges
_LARGEST_VALUE = 1.01
"""Half precision may round a little beyond 1."""


def check_images(sides: Mapping[str, Tensor], config: STCCLConfig, device: torch.device) -> None:
    """Refuse what can be told without looking at values.

    Args:
        sides: By the name of the argument.
        config: Of the metric.
        device: Of the metric.

    Raises:
        ValueError: With the name of the argument, what was expected and what came.
    """
    for name, images in sides.items():
        shape = tuple(images.shape)
        if images.ndim not in (4, 5) or shape[-3] != 3:
            raise ValueError(f"{name}: expected (B, 3, H, W) or (B, T, 3, H, W), got {shape}")
        if not images.is_floating_point():
            raise ValueError(f"{name}: expected floats in [-1, 1], got {images.dtype}")
        if min(shape[-2:]) < _SMALLEST_SIDE_PX:
            raise ValueError(
                f"{name}: expected sides of at least {_SMALLEST_SIDE_PX} px, got "
                f"{shape[-2]}×{shape[-1]}"
            )
        if images.ndim == 5 and shape[1] == 0:
            raise ValueError(f"{name}: expected at least 1 frame, got {shape}")
        if images.device != device:
            raise ValueError(
                f"{name}: expected the device of the metric, {device}, got {images.device}; move "
                "one with .to(…)"
            )
    (name, first), *others = sides.items()
    for other, images in others:
        if images.shape != first.shape:
            raise ValueError(
                f"{other}: expected the shape of {name} {tuple(first.shape)}, got "
                f"{tuple(images.shape)}"
            )
    frames = first.shape[1] if first.ndim == 5 else 1
    if not config.spatial and frames < 2:
        raise ValueError(
            f"{name}: expected at least 2 frames for a metric that is temporal alone, got {frames}"
        )


def check_features(features: SourceFeatures, generated: Tensor) -> None:
    """Refuse features of images of another shape, or on another device.

    Raises:
        ValueError: With what was expected and what came.
    """
    if features.shape != tuple(generated.shape):
        raise ValueError(
            f"source: expected features of the shape of generated {tuple(generated.shape)}, got "
            f"those of {features.shape}"
        )
    if features.still.device != generated.device:
        raise ValueError(
            f"source: expected features on the device of generated, {generated.device}, got "
            f"{features.still.device}"
        )


def check_values(config: STCCLConfig, **images: Tensor) -> None:
    """Refuse values that are not finite or leave [-1, 1]; waits for the device to finish.

    Raises:
        ValueError: With the name of the argument, what was expected and what came.
    """
    for name, values in images.items():
        if not values.numel():
            continue
        low, high = (float(limit) for limit in torch.aminmax(values.detach()))
        if not (abs(low) < torch.inf and abs(high) < torch.inf):
            raise ValueError(f"{name}: expected finite values in [-1, 1], got NaN or infinity")
        if config.check_range and max(-low, high) > _LARGEST_VALUE:
            raise ValueError(
                f"{name}: expected values in [-1, 1], got {low:.4g} to {high:.4g}; scale them "
                "(0–255: / 127.5 - 1) or clamp what overshoots"
            )


def nan_if_refused(config: STCCLConfig, images: Tensor) -> Tensor:
    """(B,) 0, or NaN where `check_values` would raise; nothing waits for the device."""
    limit = _LARGEST_VALUE if config.check_range else torch.finfo(images.dtype).max
    fine = images.detach().abs().flatten(1).amax(dim=1) <= limit
    return torch.where(fine, 0.0, torch.nan)


def check_mask(mask: Tensor, images: Tensor) -> None:
    """Refuse a mask that does not fit the images, (B, 3, H, W) or (B, T, 3, H, W).

    Raises:
        ValueError: With what was expected and what came.
    """
    each, whole = images.shape[:-3], (*images.shape[:-3], *images.shape[-2:])
    if mask.dtype != torch.bool or mask.shape not in (each, whole):
        raise ValueError(
            f"mask: expected bool, {tuple(each)} for images that count or {tuple(whole)} for "
            f"pixels, got {mask.dtype}, {tuple(mask.shape)}"
        )
    if mask.device != images.device:
        raise ValueError(
            f"mask: expected the device of the images, {images.device}, got {mask.device}"
        )


def check_sample_weight(weight: Tensor, images: Tensor) -> None:
    """Refuse weights that are not one per sample.

    Raises:
        ValueError: With what was expected and what came.
    """
    if weight.shape != images.shape[:1] or not weight.is_floating_point():
        raise ValueError(
            f"sample_weight: expected floats, ({images.shape[0]},), got {weight.dtype}, "
            f"{tuple(weight.shape)}"
        )
    if weight.device != images.device:
        raise ValueError(
            f"sample_weight: expected the device of the images, {images.device}, got "
            f"{weight.device}"
        )


def check_locations(
    locations: Locations, config: STCCLConfig, height: int, width: int, frames: int
) -> None:
    """Refuse regions that are not in the maps of such images.

    Raises:
        ValueError: With what was expected and what came.
    """
    sizes = level_sizes(height, width)
    pairs = (2,) if config.formulation == "disparity" else ()
    for part, needed, shape in (
        ("spatial", config.spatial, pairs),
        ("temporal", config.temporal and frames > 1, ()),
    ):
        levels = getattr(locations, part)
        if not needed:
            continue
        if len(levels) != len(sizes):
            raise ValueError(
                f"locations: expected {len(sizes)} levels for every part that is on, got "
                f"{len(levels)} for the {part} one"
            )
        for number, (level, (rows, columns)) in enumerate(zip(levels, sizes, strict=True), 1):
            expected = f"(S, {', '.join(map(str, shape))})" if shape else "(S,)"
            if level.ndim != 1 + len(shape) or level.shape[1:] != shape:
                raise ValueError(
                    f"locations: expected {expected} for the {part} part at level {number}, got "
                    f"{tuple(level.shape)}"
                )
            # Regions are drawn on the CPU; those that are not there would have to be waited for.
            on_cpu = level.device.type == "cpu" and not torch.compiler.is_compiling()
            if on_cpu and level.numel():
                low, high = (int(limit) for limit in torch.aminmax(level))
                if low < 0 or high >= rows * columns:
                    raise ValueError(
                        f"locations: expected regions of the {rows}×{columns} map of level "
                        f"{number}, 0 to {rows * columns - 1}, got {low} to {high}"
                    )
