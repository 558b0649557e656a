"""The trained renderer: pictures from conditions, frame by frame."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from stccl.checkpoint import load_weights, read_weights
from stccl.saved import read_network, save_network
from stccl.spfem.ned.renderer.discriminator import Discriminator
from stccl.spfem.ned.renderer.generator import (
    CONDITION_CHANNELS,
    WINDOW_FRAMES,
    Generator,
    with_own_statistics,
)
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.texture import Texture, look_up

_ALIAS = ".conv_block."
_REGISTERED = ".resnetblock_sequential."


class Renderer(nn.Module):
    """A generator, and the discriminators it was trained against, for those who train it further.

    Args:
        config: Architecture.

    """

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator(
            config.width, config.downsamplings, config.blocks, config.octaves, config.textured
        )
        if config.textured:
            for name, part in Texture.empty()._asdict().items():
                self.register_buffer(f"texture_{name}", part)
        self.discriminators = nn.ModuleDict(
            {
                name: Discriminator(
                    config.discriminator_width,
                    config.discriminator_layers,
                    config.discriminator_scales,
                )
                for name in ("image", *config.regions)
            }
        )
        with_own_statistics(self)
        # As the maps: a convolution whose weights lie otherwise copies them at every step.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def texture(self) -> Texture | None:
        """Of the one speaker it was trained on, where it is textured; gray after several."""
        if not self.config.textured:
            return None
        return Texture(*(self.get_buffer(f"texture_{name}") for name in Texture._fields))

    @classmethod
    def initial(cls, config: RendererConfig, seed: int) -> Self:
        """Untrained: the same weights for the same seed, torch's generator untouched.

        The weights are torch's own. Normal ones of deviation 0.02, as pix2pix and its successors
        begin, learn a small renderer more slowly: after the norms their size does not matter, but
        Adam's steps are larger beside them.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config)

    def render(self, conditions: Tensor, landmarks_px: Tensor) -> Tensor:
        """The pictures of one sequence; see `frames`.

        Args:
            conditions: (T, 10, H, W) in [0, 1], as from `conditions.conditions`.
            landmarks_px: (T, 68, 2) of the model in the pictures, as from `conditions.draw`.

        Returns:
            (T, 3, H, W), RGB in [-1, 1], -1 outside the mask.

        Raises:
            ValueError: For another shape.

        >>> config = RendererConfig(size_px=32, width=16, blocks=2, discriminator_width=16)
        >>> renderer = Renderer.initial(config, 0)
        >>> renderer.render(torch.zeros(2, 10, 32, 32), torch.zeros(2, 68, 2)).unique()
        tensor([-1.])
        """
        expected = (CONDITION_CHANNELS, *self.config.picture_px)
        if conditions.ndim != 4 or tuple(conditions.shape[1:]) != expected:
            raise ValueError(
                f"conditions: expected (T, {', '.join(map(str, expected))}), "
                f"got {tuple(conditions.shape)}"
            )
        if landmarks_px.shape != (len(conditions), 68, 2):
            raise ValueError(
                f"landmarks_px: expected ({len(conditions)}, 68, 2), "
                f"got {tuple(landmarks_px.shape)}"
            )
        pictures = list(self.frames(zip(conditions, landmarks_px, strict=True)))
        return torch.stack(pictures) if pictures else conditions[:, :3]

    def frames(self, shown: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """One picture after the other, with the image's own statistics in every norm.

        A sequence starts with empty pictures (zeros) before it, as in training, and with its first
        conditions repeated for the frames that its window lacks. So every frame gets a picture;
        the published program gives none for the first two.

        Args:
            shown: Conditions (10, H, W) in [0, 1] and landmarks (68, 2) px of every frame.

        Yields:
            (3, H, W), RGB in [-1, 1].
        """
        self.eval()
        window: list[Tensor] = []
        previous: list[Tensor] = []
        for told, landmarks_px in shown:
            window = [*(window or [told] * WINDOW_FRAMES)[1:], told]
            previous = previous or [torch.zeros_like(told[:3])] * (WINDOW_FRAMES - 1)
            with torch.inference_mode():
                picture = self.generator(
                    torch.cat(window)[None].contiguous(memory_format=torch.channels_last),
                    torch.cat(previous)[None].contiguous(memory_format=torch.channels_last),
                    self.begun(told[None], landmarks_px[None]),
                )[0]
            previous = [*previous[1:], picture]
            yield picture

    def begun(self, conditions: Tensor, landmarks_px: Tensor) -> Tensor | None:
        """What pictures begin with: the speaker's texture; None where it is not textured.

        Args:
            conditions: (N, 10, H, W) in [0, 1].
            landmarks_px: (N, 68, 2).

        Returns:
            (N, 3, H, W), RGB, mostly in [-1, 1]; 0 outside the mask.
        """
        texture = self.texture
        if texture is None:
            return None
        own = Texture(*(part[None] for part in texture))
        return look_up(own, conditions[:, :3], conditions[:, -1:], landmarks_px)

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`; the same weights give the same bytes.

        The second copy that the published checkpoints hold of the residual blocks is left out.
        """
        kept = {key: value for key, value in self.state_dict().items() if _ALIAS not in key}
        save_network(folder, self.config, kept)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """A saved renderer, on the CPU.

        Raises:
            StcclError: Where there is none, or what is there does not fit together.
        """
        config, state = read_network(folder, RendererConfig, "renderer")
        twice = {k.replace(_REGISTERED, _ALIAS): v for k, v in state.items() if _REGISTERED in k}
        renderer = cls(config)
        load_weights(renderer, state | twice, f"{folder}: weights of another renderer")
        return renderer

    @classmethod
    def from_published(
        cls, generator: Path, discriminators: dict[str, Path] | None = None, size_px: int = 256
    ) -> Self:
        """A renderer from checkpoints of the published trainer, on the CPU.

        `torch.save(renderer.generator.state_dict(), path)` writes such a file again.

        Args:
            generator: `<epoch>_net_G.pth`.
            discriminators: `image`, `mouth` and `eyes`: `<epoch>_net_D.pth`, `_net_Dm.pth`,
                `_net_De.pth`. Those that are not there are untrained.
            size_px: Side of the face crop.

        Raises:
            StcclError: Where a file is no such file, naming keys that do not fit.
        """
        found = discriminators or {}
        regions = [name for name in ("mouth", "eyes") if name in found] or ["mouth"]
        config = RendererConfig.parse({"size_px": size_px, "regions": regions}, where="renderer")
        renderer = cls.initial(config, 0)
        parts: dict[Path, nn.Module] = {generator: renderer.generator}
        parts |= {path: renderer.discriminators[name] for name, path in found.items()}
        for path, part in parts.items():
            load_weights(part, read_weights(path), f"{path}: not a published network of NED")
        return renderer
