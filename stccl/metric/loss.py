"""The loss: how coherent two clips that say the same words are, region by region."""

from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stccl.metric.adaptive import AdaptiveWeight, PublishedWeight, Weight
from stccl.metric.backbone import IResNet, level_sizes
from stccl.metric.checks import (
    check_features,
    check_images,
    check_locations,
    check_mask,
    check_sample_weight,
    check_values,
    nan_if_refused,
)
from stccl.metric.config import STCCLConfig
from stccl.metric.contrast import info_nce
from stccl.metric.correlation import SpatialCorrelation, TemporalCorrelation
from stccl.metric.disparity import SpatialDisparity, TemporalDisparity
from stccl.metric.folded import Folding
from stccl.metric.part import Level, Part, compare, nothing_to_compare
from stccl.metric.precision import computes_in_bf16
from stccl.metric.pretrained import Pretrained
from stccl.metric.sampling import Locations, draw_locations
from stccl.metric.similarity import Similarity, batch_cosines, part_similarity
from stccl.metric.source import SourceFeatures


class STCCLTerms(NamedTuple):
    """The loss and what it is made of; scalars.

    Attributes:
        total: `spatial + temporal`.
        spatial: The weighted spatial part, in [0, ∞).
        temporal: The weighted temporal part, in [0, ∞); zero for single images.
        positive_similarity: Mean cosine of vectors that belong together; without gradient.
        negative_similarity: Mean cosine of the others; without gradient.
        degenerate: How often a sample had nothing to compare, counted per part and level, so at
            most 8 per sample: constant images, a clip of one frame or of equal frames, a single
            region, or all of them masked. Such a sample still leads back to the input; 0 is
            healthy. Single images, (B, 3, H, W), are not expected to have a temporal part.
    """

    total: Tensor
    spatial: Tensor
    temporal: Tensor
    positive_similarity: Tensor
    negative_similarity: Tensor
    degenerate: Tensor


class Compared(NamedTuple):
    """Levels of both parts; none for a part that is switched off or has a single frame."""

    spatial: list[Level]
    temporal: list[Level]


class STCCLLoss(Pretrained):
    r"""Spatial-temporal coherent correlation between a generated and a source clip.

    .. math::
        \mathcal{L} = \sum_{p} \alpha_p \sum_{l=1}^{4} \frac{1}{|V|} \sum_{v \in V} w_v \ell_v

    p: spatial and temporal part; α: their weights; l: level of the backbone; v: vectors of all
    sampled regions that count, which say what a region means to others (`SpatialDisparity` and
    `TemporalDisparity`, or `SpatialCorrelation` and `TemporalCorrelation`); ℓ: `info_nce`; w:
    `AdaptiveWeight` of the generated side, 1 where `adaptive` is off.

    A metric whose parameters are frozen (as `from_pretrained` leaves it) stays in evaluation mode
    when the model it is part of is set to training. Untrained it works as well (ASCCL, Section
    5.4.1), best with the weights of a face-recognition network (`initial`).

    Source: ASCCL (CVPR 2024), Eq. 2–7; STCCL for the temporal part and for correlation matrices.
    Unlike the published code the weight meets each vector before the mean and carries no gradient,
    and the generated clip is the first argument and the one that gets gradients.

    Args:
        config: Architecture and arithmetic; the published setting without it.
    """

    def __init__(self, config: STCCLConfig | None = None) -> None:
        config = config or STCCLConfig()
        super().__init__(config)
        self.backbone = IResNet(config.blocks, config.widths)
        self._folding = Folding()
        self.spatial_heads = _heads(config) if config.spatial else nn.ModuleList()
        self.temporal_heads = _heads(config) if config.temporal else nn.ModuleList()

    def forward(
        self,
        generated: Tensor,
        source: Tensor | SourceFeatures,
        *,
        locations: Locations | None = None,
        mask: Tensor | None = None,
        sample_weight: Tensor | None = None,
    ) -> STCCLTerms:
        """The loss; gradients reach `generated` and the parameters, never `source`.

        The images may as well be shaded renderings of a 3DMM; see `docs/add-stccl.md`.

        Args:
            generated: (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1], H and W at least 33.
            source: The same shape: the same words at the same time. Or what `features` made of it.
            locations: Regions to compare; drawn with torch's generator (`torch.manual_seed`)
                without it.
            mask: What counts, bool: images that do, (B,) or (B, T), such as frames with a face; or
                pixels, (B, H, W) or (B, T, H, W), such as those of the face. A region counts where
                at least half of its pixels do, a vector where all its regions do.
            sample_weight: Factor of the loss of every sample, (B,), before the mean over the batch;
                1 without it. A diffusion model gives less weight to noisier timesteps.

        Raises:
            ValueError: For another rank, shape, type or device, and on the CPU for values that are
                not finite or leave [-1, 1]. Other devices would have to wait for that check; there
                such values make the loss NaN instead.
        """
        where = self.backbone.conv1.weight.device
        if isinstance(source, SourceFeatures):
            check_images({"generated": generated}, self.config, where)
            check_features(source, generated)
        else:
            check_images({"generated": generated, "source": source}, self.config, where)
        if mask is not None:
            check_mask(mask, generated)
        if sample_weight is not None:
            check_sample_weight(sample_weight, generated)
        if generated.shape[0] == 0:
            zero = generated.sum()
            none = zero.detach()
            return STCCLTerms(zero, zero, zero, none, none, none.long())
        flaw = self._flaw("generated", generated)
        dtype = self._supervision_dtype(generated.device.type)
        compared, features = self._compare(generated, source, locations, mask, dtype)
        # A part without vectors still leads back to the input.
        zero = generated.flatten()[0] * 0 + (flaw + features.flaw).sum()
        spatial, temporal = (
            weight * sum((self._level_loss(level, sample_weight) for level in levels), zero)
            for weight, levels in zip(
                (self.config.spatial_weight, self.config.temporal_weight), compared, strict=True
            )
        )
        with torch.no_grad():
            positive, negative = batch_cosines([*compared.spatial, *compared.temporal])
            degenerate = self._degenerate(generated, features, compared)
        return STCCLTerms(spatial + temporal, spatial, temporal, positive, negative, degenerate)

    @torch.no_grad()
    def features(self, source: Tensor) -> SourceFeatures:
        """What the loss needs of a source, for `forward` to take in its place, as often as needed.

        Half of a forward pass is the source's. Who meets the same sources again keeps this, or lets
        a `SourceCache` keep it.

        Args:
            source: (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1].

        Raises:
            ValueError: Where the metric is not frozen, since what a metric in training says of a
                source changes with every step; and as `forward`.
        """
        if not self._frozen():
            raise ValueError(
                "features: expected a frozen metric, got one with parameters that are trained; "
                "call freeze() first"
            )
        check_images({"source": source}, self.config, self.backbone.conv1.weight.device)
        return self._features(source, self._supervision_dtype(source.device.type))

    @torch.no_grad()
    def similarity(self, a: Tensor, b: Tensor, *, locations: Locations | None = None) -> Similarity:
        """Cosine similarity and Pearson correlation over channels, positive and negative.

        Positive: vectors that belong together; negative: all other pairs of vectors of the same
        two frames (of the same region, for correlations over time). The same regions are compared
        in every call, so that values can be compared.

        Source: ASCCL, Section 3, Eq. 1.

        Args:
            a: (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1].
            b: The same shape.
            locations: Regions to compare, instead of the fixed ones.

        Raises:
            ValueError: As `forward`, on every device.
        """
        compared = self.compare(a, b, locations=locations)
        return Similarity(*(part_similarity(levels, len(a)) for levels in compared))

    @torch.no_grad()
    def compare(self, a: Tensor, b: Tensor, *, locations: Locations | None = None) -> Compared:
        """The very vectors whose similarity is the similarity of `a` and `b`; see `similarity`."""
        check_images({"a": a, "b": b}, self.config, self.backbone.conv1.weight.device)
        check_values(self.config, a=a, b=b)
        if locations is None:
            fixed = torch.Generator().manual_seed(0)
            locations = draw_locations(a.shape[-2], a.shape[-1], self.config, fixed)
        return self._compare(a, b, locations, None, self.backbone.conv1.weight.dtype)[0]

    def _compare(
        self,
        generated: Tensor,
        source: Tensor | SourceFeatures,
        locations: Locations | None,
        mask: Tensor | None,
        dtype: torch.dtype,
    ) -> tuple[Compared, SourceFeatures]:
        """Unit vectors of both sides, with the gradients of the loss; and the source's features."""
        height, width = generated.shape[-2:]
        if generated.ndim == 4:
            generated = generated[:, None]
            mask = None if mask is None else mask[:, None]
        frames = generated.shape[1]
        if locations is None:
            locations = draw_locations(height, width, self.config)
        check_locations(locations, self.config, height, width, frames)
        # A pass for each side serves all frames and both parts. One pass for both sides would
        # carry the source, which needs no gradient, through the whole backward pass.
        query_maps = self._maps(generated, dtype)
        if not isinstance(source, SourceFeatures):
            source = self._features(source, dtype)
        masks = [None] * len(query_maps) if mask is None else _level_masks(mask, height, width)
        maps = list(zip(query_maps, source.maps, masks, strict=True))
        spatial = self._levels("spatial", maps, locations.spatial)
        if frames < 2:
            return Compared(spatial, []), source
        return Compared(spatial, self._levels("temporal", maps, locations.temporal)), source

    @torch.no_grad()
    def _features(self, source: Tensor, dtype: torch.dtype) -> SourceFeatures:
        flaw = self._flaw("source", source)
        clips = source[:, None] if source.ndim == 4 else source
        maps = tuple(self._maps(clips, dtype))
        return SourceFeatures(maps, *_unchanging(clips), flaw, tuple(source.shape))

    def _flaw(self, name: str, images: Tensor) -> Tensor:
        """(B,) 0; for values that are refused an error, or NaN where that would have to wait."""
        if images.device.type == "cpu" and not torch.compiler.is_compiling():
            check_values(self.config, **{name: images})
            return images.new_zeros(len(images))
        return nan_if_refused(self.config, images)

    def _frozen(self) -> bool:
        return not self.backbone.training and not any(
            p.requires_grad for p in self.backbone.parameters()
        )

    def _supervision_dtype(self, device: str) -> torch.dtype:
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        own = self.backbone.conv1.weight.dtype
        auto = self.config.supervision_precision == "auto"
        return torch.bfloat16 if auto and own.itemsize == 4 and computes_in_bf16(device) else own

    def _maps(self, images: Tensor, dtype: torch.dtype) -> list[Tensor]:
        # Exported programs are the plain backbone: they outlive what this machine is good at.
        plain = not self._frozen() or torch.compiler.is_compiling()
        backbone = self.backbone if plain else self._folding(self.backbone, dtype)
        maps = backbone(images.flatten(0, 1))
        return [level.unflatten(0, images.shape[:2]) for level in maps]

    def _levels(
        self,
        name: str,
        maps: list[tuple[Tensor, Tensor, Tensor | None]],
        locations: tuple[Tensor, ...],
    ) -> list[Level]:
        if not getattr(self.config, name):
            return []
        part, weight = _part(self.config, name), _weight(self.config, name)
        heads = cast(nn.ModuleList, getattr(self, f"{name}_heads"))
        return [
            compare(part, head, weight, query, key, where.to(query.device, non_blocking=True), mask)
            for head, (query, key, mask), where in zip(heads, maps, locations, strict=True)
        ]

    def _level_loss(self, level: Level, sample_weight: Tensor | None) -> Tensor:
        rivals = level.rivals
        if level.counted is not None:
            counted = level.counted[:, None, :]
            rivals = counted if rivals is None else rivals & counted
        each = info_nce(level.query, level.key, temperature=self.config.temperature, rivals=rivals)
        if level.weight is not None:
            each = level.weight * each
        if sample_weight is not None:
            items = len(each) // len(sample_weight)
            each = each * sample_weight.repeat_interleave(items)[:, None]
        if level.counted is not None:
            return (each * level.counted).sum() / level.counted.sum().clamp(min=1)
        return each.mean() if each.numel() else each.sum()

    def _degenerate(self, generated: Tensor, source: SourceFeatures, compared: Compared) -> Tensor:
        samples = generated.shape[0]  # len() would fix it in an exported program
        sides = _unchanging(generated[:, None] if generated.ndim == 4 else generated)
        constant, still = sides[0] | source.constant, sides[1] | source.still
        nothing = [nothing_to_compare(x, samples) | constant.all(dim=1) for x in compared.spatial]
        nothing += [nothing_to_compare(x, samples) | still for x in compared.temporal]
        if generated.ndim == 5 and self.config.temporal and not compared.temporal:
            nothing += [still] * len(self.temporal_heads)
        return torch.stack(nothing).sum()


def _unchanging(clips: Tensor) -> tuple[Tensor, Tensor]:
    """Frames of a single colour, (B, T), and clips of equal frames, (B,); of (B, T, 3, H, W)."""
    constant = (clips.amax(dim=(3, 4)) == clips.amin(dim=(3, 4))).all(dim=2)
    return constant, (clips.amax(dim=1) == clips.amin(dim=1)).flatten(1).all(dim=1)


def initial(config: STCCLConfig, seed: int, arcface: Path | None = None) -> STCCLLoss:
    """The untrained metric: the same weights for the same seed, torch's generator untouched.

    Args:
        config: Architecture and arithmetic.
        seed: Of the random weights.
        arcface: Backbone weights to begin with, instead of random ones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = STCCLLoss(config)
    if arcface is not None:
        loss.backbone.load_arcface(arcface)
    return loss


def _part(config: STCCLConfig, name: str) -> Part:
    around = config.negatives == "neighbours"
    frames = config.frame_pairs, config.temporal_window_frames
    if config.formulation == "disparity":
        return SpatialDisparity(around) if name == "spatial" else TemporalDisparity(*frames, around)
    if name == "spatial":
        return SpatialCorrelation(around, config.centred)
    return TemporalCorrelation(*frames, around, config.centred)


def _weight(config: STCCLConfig, name: str) -> Weight | None:
    if not config.adaptive:
        return None
    if config.adaptive_form == "equation":
        return AdaptiveWeight(config.adaptive_scale, config.adaptive_power)
    if name == "temporal":
        return None  # the published temporal metric has no weight
    return PublishedWeight(config.adaptive_scale, config.adaptive_power)


def _heads(config: STCCLConfig) -> nn.ModuleList:
    """The mapping f of Eq. 3, one per level."""
    if not config.mapping:
        return nn.ModuleList(nn.Identity() for _ in config.widths)
    heads = nn.ModuleList(
        nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width // 4))
        for width in config.widths
    )
    for layer in heads.modules():
        if isinstance(layer, nn.Linear):
            # Disparities between frames are small: torch's random bias would drown them, and all
            # vectors would begin alike.
            nn.init.zeros_(layer.bias)
    return heads


def _level_masks(mask: Tensor, height: int, width: int) -> list[Tensor]:
    """Regions that count, (B, T, H·W) per level, from images, (B, T), or pixels, (B, T, H, W)."""
    sizes = level_sizes(height, width)
    if mask.ndim == 2:
        return [mask[..., None].expand(-1, -1, rows * columns) for rows, columns in sizes]
    return [
        (functional.adaptive_avg_pool2d(mask.float(), size) >= 0.5).flatten(2) for size in sizes
    ]
