"""SyncNet: pictures of a mouth and the sound of the same moment, in one space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor, nn

from stccl.checkpoint import load_weights, read_weights
from stccl.experts.params import SyncNetConfig

WINDOW_FRAMES = 5
"""Pictures of a window, at 25 a second."""

WINDOW_STEPS = 20
"""Steps of sound features in a window: the same 0.2 s."""


class SyncNet(nn.Module):
    """Two stacks of convolutions whose outputs are near each other where lips are in step.

    Modules are called as in the published file, so that it loads as it is.

    Source: Chung and Zisserman, Out of time: automated lip sync in the wild (ACCV-W 2016),
    Section 2.3 and Figure 3, with the pooling and the widths of the published file.

    Args:
        config: Sizes.

    >>> net = SyncNet(SyncNetConfig(side_px=64, lip_widths=(16,) * 6, embedding=32)).eval()
    >>> net.lips(torch.zeros(2, 3, 9, 64, 64)).shape, net.sound(torch.zeros(7, 1, 13, 20)).shape
    (torch.Size([2, 5, 32]), torch.Size([7, 32]))
    """

    def __init__(self, config: SyncNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SyncNetConfig()
        self.netcnnaud = _sound_stack(config.sound_widths)
        self.netfcaud = _projection(config.sound_widths[-1], config.embedding)
        self.netfclip = _projection(config.lip_widths[-1], config.embedding)
        self.netcnnlip = _lip_stack(config.channels, config.lip_widths, _last_side(config.side_px))

    @classmethod
    def from_published(cls, path: Path) -> Self:
        """The published network, frozen; nothing in the file is executed.

        Raises:
            StcclError: Where the file is another one, naming missing and unexpected keys.
        """
        with torch.device("meta"):
            net = cls()
        net.to_empty(device="cpu")
        load_weights(net, read_weights(path), f"{path}: not the published SyncNet")
        return net.freeze()

    def freeze(self) -> Self:
        """No more learning: evaluation mode, no gradients for the parameters."""
        return self.requires_grad_(False).eval()

    def lip_features(self, pictures: Tensor) -> Tensor:
        """(B, C, T, side, side) to (B, T - 4, last width): what `lips` projects."""
        # Only the first layer reaches over time, so the windows of a run share its work; after it
        # they are samples, and plain convolutions are twice as fast as those with a depth of 1.
        windows = self.netcnnlip[0](pictures)
        batch, _, count = windows.shape[:3]
        x = windows.transpose(1, 2).flatten(0, 1)
        for layer in cast(Sequence[nn.Module], self.netcnnlip[1:]):
            x = _without_depth(layer, x)
        return cast(Tensor, x.reshape(batch, count, -1))

    def lips(self, pictures: Tensor) -> Tensor:
        """Embeddings of all windows of 5 pictures in a run.

        Args:
            pictures: (B, C, T, side, side), T ≥ 5, values as `config.input` says.

        Returns:
            (B, T - 4, E); window t shows the pictures t … t + 4.
        """
        features = self.lip_features(pictures)
        projected: Tensor = self.netfclip(features.flatten(0, 1))
        return projected.reshape(*features.shape[:2], -1)

    def sound(self, features: Tensor) -> Tensor:
        """Embeddings of windows of sound: (N, 1, 13, 20) features to (N, E)."""
        return cast(Tensor, self.netfcaud(self.netcnnaud(features).flatten(1)))


def _sound_stack(widths: Sequence[int]) -> nn.Sequential:
    a, b, c, d, e, f = widths
    return nn.Sequential(
        *_layer(nn.Conv2d(1, a, 3, padding=1)),
        nn.MaxPool2d(1),  # as published, where it keeps the numbers of the keys
        *_layer(nn.Conv2d(a, b, 3, padding=1)),
        nn.MaxPool2d(3, (1, 2)),
        *_layer(nn.Conv2d(b, c, 3, padding=1)),
        *_layer(nn.Conv2d(c, d, 3, padding=1)),
        *_layer(nn.Conv2d(d, e, 3, padding=1)),
        nn.MaxPool2d(3, 2),
        *_layer(nn.Conv2d(e, f, (5, 4))),  # what is left of 13 coefficients in 20 steps
    )


def _lip_stack(channels: int, widths: Sequence[int], last_side: int) -> nn.Sequential:
    a, b, c, d, e, f = widths
    return nn.Sequential(
        *_layer(nn.Conv3d(channels, a, (WINDOW_FRAMES, 7, 7), (1, 2, 2))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 0, 0)),
        *_layer(nn.Conv3d(a, b, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        *_layer(nn.Conv3d(b, c, (1, 3, 3), padding=(0, 1, 1))),
        *_layer(nn.Conv3d(c, d, (1, 3, 3), padding=(0, 1, 1))),
        *_layer(nn.Conv3d(d, e, (1, 3, 3), padding=(0, 1, 1))),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 0, 0)),
        *_layer(nn.Conv3d(e, f, (1, last_side, last_side))),
    )


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm3d if isinstance(convolution, nn.Conv3d) else nn.BatchNorm2d
    return convolution, norm(convolution.out_channels), nn.ReLU(inplace=True)


def _projection(inner: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inner, inner),
        nn.BatchNorm1d(inner),
        nn.ReLU(),
        nn.Linear(inner, embedding),
    )


def _last_side(side_px: int) -> int:
    """Side of the map before the last convolution of the picture's stack.

    >>> _last_side(224), _last_side(96)
    (6, 2)
    """
    side = (side_px - 7) // 2 + 1
    side = (side - 3) // 2 + 1
    side = (side + 2 - 5) // 2 + 1
    side = (side + 2 - 3) // 2 + 1
    return (side - 3) // 2 + 1


def _without_depth(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer made for volumes, on pictures: (N, C, H, W)."""
    functional = nn.functional
    if isinstance(layer, nn.Conv3d):
        stride, padding = layer.stride[1:], cast(tuple[int, ...], layer.padding)[1:]
        return functional.conv2d(x, layer.weight.squeeze(2), layer.bias, stride, padding)
    if isinstance(layer, nn.MaxPool3d):
        kernel, stride, padding = (
            cast(tuple[int, ...], size)[1:]
            for size in (layer.kernel_size, layer.stride, layer.padding)
        )
        return functional.max_pool2d(x, kernel, stride, padding)
    if isinstance(layer, nn.BatchNorm3d):
        return cast(Tensor, layer(x.unsqueeze(2)).squeeze(2))
    return cast(Tensor, layer(x))
