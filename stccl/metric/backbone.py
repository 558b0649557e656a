"""The residual network whose four levels describe the regions of a face."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from stccl.checkpoint import load_weights, read_weights
from stccl.metric.activation import PReLU

_RECOGNITION_HEAD = ("fc.", "features.")
"""Keys of an ArcFace file that turn the last level into an identity; nothing here needs them."""


class ResidualBlock(nn.Module):
    """BN–conv–BN–PReLU–conv–BN plus a skip, as in ArcFace's improved residual network.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: 2 halves the side of the map.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.prelu = PReLU(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
            if stride > 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, ⌈H/stride⌉, ⌈W/stride⌉)."""
        inner = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return cast(Tensor, self.bn3(self.conv2(inner)) + self.downsample(x))


class IResNet(nn.Module):
    """ArcFace's backbone, down to the maps of its four levels.

    Its keys are those of ArcFace's files, so that published weights load as they are.

    Source: Deng et al., ArcFace (CVPR 2019); ASCCL, Section 4.1, Eq. 2.

    Args:
        blocks: Residual blocks per level; (3, 4, 14, 3) is the 50-layer network.
        widths: Channels per level.

    >>> maps = IResNet((1, 1, 1, 1), (16, 16, 32, 64))(torch.zeros(2, 3, 64, 48))
    >>> [tuple(m.shape) for m in maps]
    [(2, 16, 32, 24), (2, 16, 16, 12), (2, 32, 8, 6), (2, 64, 4, 3)]
    """

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 14, 3),
        widths: Sequence[int] = (64, 128, 256, 512),
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.prelu = PReLU(widths[0])
        before = (widths[0], *widths[:-1])
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                ResidualBlock(i, o, stride=2),
                *(ResidualBlock(o, o, stride=1) for _ in range(count - 1)),
            )
            for i, o, count in zip(before, widths, blocks, strict=True)
        )
        # Unused: it stands between the last level and the recognition head in ArcFace's files.
        self.bn2 = nn.BatchNorm2d(widths[-1]).requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)
        # As the maps: a convolution whose weights lie otherwise copies them, and their gradient.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The maps of the four levels.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1].

        Returns:
            Level l = 1…4: (B, widths[l-1], ⌈H/2ˡ⌉, ⌈W/2ˡ⌉).
        """
        return tuple(self._levels(images))

    def _levels(self, images: Tensor) -> Iterator[Tensor]:
        # Convolutions on the CPU are about twice as fast where channels lie together.
        x = images.contiguous(memory_format=torch.channels_last)
        x = self.prelu(self.bn1(self.conv1(x)))
        for level in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = level(x)
            yield x

    def load_arcface(self, path: Path) -> None:
        """Take the weights of an ArcFace backbone file; nothing in it is executed.

        Raises:
            StcclError: Where the file is no such file, naming missing and unexpected keys.
        """
        state = read_weights(path)
        kept = {k: v for k, v in state.items() if not k.startswith(_RECOGNITION_HEAD)}
        load_weights(self, kept, f"{path}: not a backbone of these blocks and widths")


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of the maps of the four levels.

    >>> level_sizes(112, 100)
    [(56, 50), (28, 25), (14, 13), (7, 7)]
    """
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(1, 5)]
