"""The generator: what a face looks like, given how it is bent and what was shown before."""

from typing import cast

import torch
from torch import Tensor, nn

from stccl.spfem.ned.renderer.norm import InstanceNorm

CONDITION_CHANNELS = 10
"""Of a frame: NMFC 3, gaze 3, shape 3, mask 1."""

WINDOW_FRAMES = 3
"""Frames of conditions that a picture is made from: its own and the two before."""

_STRONGEST = 0.97
"""Colour of a texture that tanh can still be moved away from."""

_ADDED = 0.3
"""A step of Adam moves all weights of the last layer alike, and with its hundreds of inputs the
colour of the whole face; at full weight by more than a texture is off anywhere."""


class ResidualBlock(nn.Module):
    """x + IN(conv(ReLU(IN(conv(x))))), 3×3 with reflected borders.

    Its layers are registered under two names, as in the published checkpoints.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.resnetblock_sequential = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(channels),
        )
        self.conv_block = self.resnetblock_sequential

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return cast(Tensor, x + self.conv_block(x))


class Generator(nn.Module):
    r"""A picture from a window of conditions and the two pictures before.

    .. math:: \hat y_t = m_t \odot G(c_{t-2..t}, \hat y_{t-2..t-1}) - (1 - m_t)

    m: mask, 1 on the face; c: conditions without their masks; outside the mask the picture is -1,
    black. Two encoders meet in residual blocks. The keys are the published checkpoints'; so are
    the default sizes (70.8 million parameters).

    Source: Head2Head, Section III-C; NED, Section 3.3.

    Args:
        width: Channels at full resolution, a multiple of 16; doubled by every halving of the side.
        downsamplings: Halvings.
        blocks: Residual blocks, the larger half in each encoder, the rest behind their sum.
        octaves: n: the first layer is also told of the current frame's NMFC c sin(2ᵏπc) and
            cos(2ᵏπc), k = 1…n. A network learns a texture by its coordinates far sooner from waves
            of several lengths (Tancik et al., "Fourier features", NeurIPS 2020); the published one,
            which trains for days, has none.
        textured: Whether pictures begin with what the speaker's texture shows (T, see `texture`),
            which the first layer is told of, too: tanh(artanh T + 0.3 x) instead of tanh(x) for
            the last layer's x. The published one learns all that a face is.

    >>> generator = Generator(width=16, downsamplings=2, blocks=3)
    >>> generator(torch.zeros(1, 30, 32, 32), torch.zeros(1, 6, 32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """

    def __init__(
        self,
        width: int = 64,
        downsamplings: int = 3,
        blocks: int = 9,
        octaves: int = 0,
        textured: bool = False,
    ) -> None:
        super().__init__()
        self.octaves = octaves
        self.textured = textured
        widest = width * 2**downsamplings
        before = blocks - blocks // 2
        told = (CONDITION_CHANNELS - 1) * WINDOW_FRAMES
        self.model_down_seg = nn.Sequential(
            *_encoder(told, width, downsamplings),
            *(ResidualBlock(widest) for _ in range(before)),
        )
        if octaves:
            self.model_waves = nn.Conv2d(2 * 3 * octaves, width, 3, padding=1)
        if textured:
            self.model_texture = nn.Conv2d(3, width, 3, padding=1)
        self.model_down_img = nn.Sequential(
            *_encoder(3 * (WINDOW_FRAMES - 1), width, downsamplings),
            *(ResidualBlock(widest) for _ in range(before)),
        )
        self.model_res_img = nn.Sequential(*(ResidualBlock(widest) for _ in range(blocks // 2)))
        self.model_up_img = nn.Sequential(*_decoder(width, downsamplings))
        self.model_final_img = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()
        )

    def forward(self, conditions: Tensor, previous: Tensor, begun: Tensor | None = None) -> Tensor:
        """One frame of B sequences.

        Args:
            conditions: (B, 30, H, W) in [0, 1]: those of three frames, the current one last. H and
                W are multiples of 2 to the power of the halvings.
            previous: (B, 6, H, W) in [-1, 1]: the last two pictures, the latest last; zeros where
                there are none.
            begun: (B, 3, H, W): what `look_up` finds; only where it is `textured`.

        Returns:
            (B, 3, H, W), RGB in [-1, 1].
        """
        frames = torch.unflatten(conditions, 1, (WINDOW_FRAMES, CONDITION_CHANNELS))
        told = frames[:, :, :-1].flatten(1, 2)
        mask = frames[:, -1, -1:]
        first = self.model_down_seg[:2](told)
        if self.octaves:
            first = first + self.model_waves(waves(frames[:, -1, :3], self.octaves))
        if self.textured:
            assert begun is not None
            begun = begun.clamp(-_STRONGEST, _STRONGEST)
            first = first + self.model_texture(begun)
        inner = self.model_down_seg[2:](first) + self.model_down_img(previous)
        *layers, tanh = self.model_final_img
        outer = self.model_up_img(self.model_res_img(inner))
        for layer in layers:
            outer = layer(outer)
        picture = tanh(begun.atanh() + _ADDED * outer if begun is not None else outer)
        return cast(Tensor, picture * mask - (1 - mask))


def waves(images: Tensor, octaves: int) -> Tensor:
    """sin(2πx), cos(2πx), sin(4πx), … of (B, C, H, W): (B, 2·C·octaves, H, W).

    >>> waves(torch.full((1, 1, 1, 1), 1 / 8), 2).flatten().round(decimals=2)
    tensor([0.7100, 0.7100, 1.0000, -0.0000])
    """
    angles = [2**octave * torch.pi * images for octave in range(1, octaves + 1)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], 1)


def with_own_statistics(module: nn.Module) -> None:
    """From now on pictures are made with the image's own statistics in evaluation, too."""
    for part in module.modules():
        if isinstance(part, InstanceNorm):
            part.per_image = True


def _encoder(channels: int, width: int, downsamplings: int) -> list[nn.Module]:
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), InstanceNorm(width), nn.ReLU()]
    for halving in range(downsamplings):
        narrow, wide = width * 2**halving, width * 2 ** (halving + 1)
        layers += [nn.Conv2d(narrow, wide, 3, 2, 1), InstanceNorm(wide), nn.ReLU()]
    return layers


def _decoder(width: int, downsamplings: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for halving in reversed(range(downsamplings)):
        narrow, wide = width * 2**halving, width * 2 ** (halving + 1)
        layers += [
            nn.ConvTranspose2d(wide, narrow, 3, 2, 1, output_padding=1),
            InstanceNorm(narrow),
            nn.ReLU(),
        ]
    return layers
