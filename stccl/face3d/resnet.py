"""ResNet-50, as DECA's encoders use it: a picture in, 2048 numbers out."""

from torch import Tensor, nn
from torch.nn import functional

WIDTH = 2048
"""Numbers that come out."""


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions, each normalised, plus a skip.

    Args:
        in_channels: Channels that come in.
        channels: Channels of the 3×3 convolution; four times as many go out.
        stride: 2 halves the side of the map, in the 3×3 convolution.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        out_channels = 4 * channels
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
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
        """(B, in, H, W) to (B, 4 · channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


class ResNet50(nn.Module):
    """Without a classifier; its keys are those of the usual ImageNet files.

    Source: He, Zhang, Ren & Sun, "Deep residual learning for image recognition" (CVPR 2016),
    Table 1; the stride is in the 3×3 convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _level(64, 64, blocks=3, stride=1)
        self.layer2 = _level(256, 128, blocks=4, stride=2)
        self.layer3 = _level(512, 256, blocks=6, stride=2)
        self.layer4 = _level(1024, 512, blocks=3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 2048), the mean over the last map."""
        x = functional.relu(self.bn1(self.conv1(images)))
        x = functional.max_pool2d(x, 3, 2, padding=1)
        for level in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = level(x)
        return x.mean((2, 3))


def _level(in_channels: int, channels: int, *, blocks: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        Bottleneck(in_channels, channels, stride),
        *(Bottleneck(4 * channels, channels, 1) for _ in range(blocks - 1)),
    )
