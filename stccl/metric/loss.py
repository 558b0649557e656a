"""The loss: how coherent two clips that say the same words are, region by region."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

import torch
from huggingface_hub import hf_hub_download
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stccl.errors import StcclError
from stccl.metric.backbone import IResNet
from stccl.metric.config import STCCLConfig
from stccl.metric.contrast import adaptive_weight, info_nce, mean_cosines, unit_vectors
from stccl.metric.sampling import Locations, draw_locations
from stccl.metric.spatial import spatial_disparity
from stccl.metric.temporal import temporal_disparity

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_SMALLEST_SIDE_PX = 33  # the fourth level then has an inside, one region away from its edges


class STCCLTerms(NamedTuple):
    """The loss and what it is made of; scalars.

    Attributes:
        total: `spatial + temporal`.
        spatial: The weighted spatial part, in [0, ∞).
        temporal: The weighted temporal part, in [0, ∞); zero for single images.
        positive_similarity: Mean cosine of vectors that belong together; without gradient.
        negative_similarity: Mean cosine of the others; without gradient.
    """

    total: Tensor
    spatial: Tensor
    temporal: Tensor
    positive_similarity: Tensor
    negative_similarity: Tensor


class PartSimilarity(NamedTuple):
    """Similarities of one part of the metric, each (B, 4): a row per sample, a column per level."""

    positive_cosine: Tensor
    negative_cosine: Tensor
    positive_pearson: Tensor
    negative_pearson: Tensor


class Similarity(NamedTuple):
    """How alike two batches are; None for a part that is switched off or has a single frame."""

    spatial: PartSimilarity | None
    temporal: PartSimilarity | None


class Level(NamedTuple):
    """What one part compares at one level: B·x items, x frames or pairs of frames, of S vectors.

    Attributes:
        query: Unit vectors of the generated side, (B·x, S, C).
        key: Those of the source side, which belong to them.
        weight: How much each counts, (B·x, S); None where all count alike.
    """

    query: Tensor
    key: Tensor
    weight: Tensor | None


class Compared(NamedTuple):
    """Levels of both parts; none for a part that is switched off or has a single frame."""

    spatial: list[Level]
    temporal: list[Level]


class STCCLLoss(nn.Module):
    r"""Spatial-temporal coherent correlation between a generated and a source clip.

    .. math::
        \mathcal{L} = \sum_{p} \alpha_p \sum_{l=1}^{4} \frac{1}{|V|} \sum_{v \in V} w_v \ell_v

    p: spatial and temporal part; α: their weights; l: level of the backbone; v: disparity vectors
    of all sampled regions; ℓ: `info_nce`; w: `adaptive_weight` of the generated disparity, 1 where
    `adaptive` is off.

    A metric whose parameters are frozen (as `from_pretrained` leaves it) stays in evaluation mode
    when the model it is part of is set to training.

    Source: ASCCL (CVPR 2024), Eq. 2–7; STCCL for the temporal part. Unlike the published code the
    weight meets each vector before the mean and carries no gradient, and the generated clip is the
    first argument and the one that gets gradients.

    Args:
        config: Architecture and arithmetic; the published setting without it.
    """

    def __init__(self, config: STCCLConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or STCCLConfig()
        self.backbone = IResNet(config.blocks, config.widths)
        self.spatial_heads = _heads(config.widths if config.spatial else ())
        self.temporal_heads = _heads(config.widths if config.temporal else ())

    def forward(
        self, generated: Tensor, source: Tensor, *, locations: Locations | None = None
    ) -> STCCLTerms:
        """The loss; gradients reach `generated` and the parameters, never `source`.

        Args:
            generated: (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1], H and W at least 33.
            source: The same shape: the same words at the same time.
            locations: Regions to compare; drawn with torch's generator (`torch.manual_seed`)
                without it.

        Raises:
            ValueError: For another rank, shape or type, and on the CPU for values that are not
                finite. Other devices would have to wait for that check; there such values make
                the loss NaN instead.
        """
        self._check(generated, source)
        if generated.device.type == "cpu":
            _check_finite(generated=generated, source=source)
        if generated.shape[0] == 0:
            zero = generated.sum()
            return STCCLTerms(zero, zero, zero, zero.detach(), zero.detach())
        spatial, temporal = self._compare(generated, source, locations)
        zero = generated.flatten()[0] * 0  # a part without vectors still leads back to the input
        spatial_loss = self.config.spatial_weight * sum(map(self._level_loss, spatial), zero)
        temporal_loss = self.config.temporal_weight * sum(map(self._level_loss, temporal), zero)
        with torch.no_grad():
            cosines = torch.stack(
                [
                    torch.stack([cosine.mean() for cosine in mean_cosines(level.query, level.key)])
                    for level in (*spatial, *temporal)
                ]
            ).mean(dim=0)
        return STCCLTerms(
            spatial_loss + temporal_loss, spatial_loss, temporal_loss, cosines[0], cosines[1]
        )

    @torch.no_grad()
    def similarity(self, a: Tensor, b: Tensor, *, locations: Locations | None = None) -> Similarity:
        """Cosine similarity and Pearson correlation over channels, positive and negative.

        Positive: vectors that belong together; negative: all other pairs of vectors of the same
        two frames. The same regions are compared in every call, so that values can be compared.

        Source: ASCCL, Section 3, Eq. 1.

        Args:
            a: (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1].
            b: The same shape.
            locations: Regions to compare, instead of the fixed ones.

        Raises:
            ValueError: As `forward`, on every device.
        """
        compared = self.compare(a, b, locations=locations)
        return Similarity(*(_part_similarity(levels, len(a)) for levels in compared))

    @torch.no_grad()
    def compare(self, a: Tensor, b: Tensor, *, locations: Locations | None = None) -> Compared:
        """The very vectors whose similarity is the similarity of `a` and `b`; see `similarity`."""
        self._check(a, b, names=("a", "b"))
        _check_finite(a=a, b=b)
        if locations is None:
            fixed = torch.Generator().manual_seed(0)
            locations = draw_locations(a.shape[-2], a.shape[-1], self.config, fixed)
        return self._compare(a, b, locations)

    def freeze(self) -> Self:
        """No more learning: evaluation mode for good, no gradients for the parameters."""
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """As everywhere, but a frozen metric stays in evaluation mode."""
        return super().train(mode and any(p.requires_grad for p in self.parameters()))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json` and `model.safetensors`; the same weights give the same bytes."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        weights = folder / f".{WEIGHTS_FILE}.partial"
        save_file(state, weights)
        weights.replace(folder / WEIGHTS_FILE)
        text = self.config.model_dump_json(indent=2) + "\n"
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Self:
        """A saved metric, frozen, on the CPU.

        Args:
            name: A folder, the weights file in it, or the name of a repository on the Hugging Face
                hub.

        Raises:
            StcclError: Where there is no metric, or what is there does not fit together.
        """
        folder = Path(name)
        if folder.is_file():
            folder = folder.parent
        elif not folder.is_dir():
            folder = _from_hub(str(name))
        try:
            values = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
            loss = cls(STCCLConfig.parse(values, where=str(folder / CONFIG_FILE)))
            loss.load_state_dict(load_file(folder / WEIGHTS_FILE))
        except (OSError, SafetensorError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise StcclError(f"{folder}: no metric that can be used: {reason}") from None
        return loss.freeze()

    def _check(
        self, first: Tensor, second: Tensor, names: tuple[str, str] = ("generated", "source")
    ) -> None:
        for name, images in zip(names, (first, second), strict=True):
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
        if first.shape != second.shape:
            raise ValueError(
                f"{names[1]}: expected the shape of {names[0]} {tuple(first.shape)}, got "
                f"{tuple(second.shape)}"
            )
        frames = first.shape[1] if first.ndim == 5 else 1
        if not self.config.spatial and frames < 2:
            raise ValueError(
                f"{names[0]}: expected at least 2 frames for a metric that is temporal alone, "
                f"got {frames}"
            )

    def _compare(self, generated: Tensor, source: Tensor, locations: Locations | None) -> Compared:
        """Unit vectors of both sides, with the gradients of the loss."""
        if generated.ndim == 4:
            generated, source = generated[:, None], source[:, None]
        if locations is None:
            locations = draw_locations(generated.shape[-2], generated.shape[-1], self.config)
        # A pass for each side serves all frames and both parts. One pass for both sides would
        # carry the source, which needs no gradient, through the whole backward pass.
        query_maps = self._maps(generated)
        with torch.no_grad():
            key_maps = self._maps(source)
        maps = list(zip(query_maps, key_maps, strict=True))
        spatial = self._levels(maps, self.spatial_heads, locations.spatial, spatial_disparity)
        if generated.shape[1] < 2:
            return Compared(spatial, [])
        between_frames = partial(temporal_disparity, frame_pairs=self.config.frame_pairs)
        return Compared(
            spatial,
            self._levels(maps, self.temporal_heads, locations.temporal, between_frames),
        )

    def _maps(self, images: Tensor) -> list[Tensor]:
        maps = self.backbone(images.flatten(0, 1))
        return [level.unflatten(0, images.shape[:2]) for level in maps]

    def _levels(
        self,
        maps: list[tuple[Tensor, Tensor]],
        heads: nn.ModuleList,
        locations: tuple[Tensor, ...],
        disparity: Callable[[Tensor, Tensor], Tensor],
    ) -> list[Level]:
        if not heads:
            return []
        if len(locations) != len(heads):
            raise ValueError(
                f"locations: expected {len(heads)} levels for every part that is on, "
                f"got {len(locations)}"
            )
        levels = []
        for head, (query_map, key_map), where in zip(heads, maps, locations, strict=True):
            place = where.to(query_map.device, non_blocking=True)
            query = disparity(query_map, place)
            with torch.no_grad():
                key = unit_vectors(head(disparity(key_map, place)))
            levels.append(Level(unit_vectors(head(query)), key, self._weight(query)))
        return levels

    def _weight(self, disparity: Tensor) -> Tensor | None:
        if not self.config.adaptive:
            return None
        return adaptive_weight(
            disparity, scale=self.config.adaptive_scale, power=self.config.adaptive_power
        )

    def _level_loss(self, level: Level) -> Tensor:
        each = info_nce(level.query, level.key, temperature=self.config.temperature)
        return (each if level.weight is None else level.weight * each).mean()


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


def _heads(widths: tuple[int, ...]) -> nn.ModuleList:
    """The mapping f of Eq. 3, one per level."""
    heads = nn.ModuleList(
        nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width // 4))
        for width in widths
    )
    for layer in heads.modules():
        if isinstance(layer, nn.Linear):
            # Disparities between frames are small: torch's random bias would drown them, and all
            # vectors would begin alike.
            nn.init.zeros_(layer.bias)
    return heads


def _part_similarity(levels: list[Level], samples: int) -> PartSimilarity | None:
    if not levels:
        return None
    columns = []
    for level in levels:
        cosines = mean_cosines(level.query, level.key)
        pearsons = mean_cosines(_centred(level.query), _centred(level.key))
        columns.append([v.view(samples, -1).mean(dim=1) for v in (*cosines, *pearsons)])
    return PartSimilarity(*(torch.stack(column, dim=1) for column in zip(*columns, strict=True)))


def _centred(vectors: Tensor) -> Tensor:
    """Unit vectors whose products are Pearson correlations over channels."""
    return unit_vectors(vectors - vectors.mean(dim=-1, keepdim=True))


def _check_finite(**images: Tensor) -> None:
    for name, values in images.items():
        # One number, finite only if all are: cheaper than a mask of the whole batch.
        if not torch.isfinite(values.detach().sum(dtype=torch.float64)):
            raise ValueError(f"{name}: expected finite values in [-1, 1], got NaN or infinity")


def _from_hub(name: str) -> Path:
    try:
        paths = [Path(hf_hub_download(name, file)) for file in (CONFIG_FILE, WEIGHTS_FILE)]
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StcclError(
            f"{name}: no folder, and no metric of that name on the hub ({reason})"
        ) from None
    return paths[0].parent
