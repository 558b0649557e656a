"""Discriminators: does this patch look real, given what it should show?"""

from typing import cast

import torch
from torch import Tensor, nn

from stccl.spfem.ned.renderer.generator import CONDITION_CHANNELS
from stccl.spfem.ned.renderer.norm import InstanceNorm

_WIDEST = 8
"""Times the first width."""


class Discriminator(nn.Module):
    """PatchGANs on an image at several resolutions, each told of the conditions.

    Convolutions 4×4 with leaky ReLUs (0.2), the first `layers` with stride 2, then one with stride
    1 and one to a single channel. Keys and default sizes are the published checkpoints'.

    Source: Wang et al., pix2pixHD (CVPR 2018), Section 3.2; NED, Section 3.3.

    Args:
        width: Channels of the first layer, a multiple of 16.
        layers: Layers with stride 2.
        scales: Resolutions; each is half of the one before.

    >>> levels = Discriminator(16, 3, 2)(torch.zeros(1, 13, 64, 64))
    >>> [tuple(level[-1].shape[1:]) for level in levels]
    [(1, 11, 11), (1, 7, 7)]
    """

    def __init__(self, width: int = 64, layers: int = 3, scales: int = 2) -> None:
        super().__init__()
        self.layers, self.scales = layers, scales
        wide = [width * min(2**layer, _WIDEST) for layer in range(layers + 1)]
        for scale in range(scales):
            before = CONDITION_CHANNELS - 1 + 3
            for layer, channels in enumerate(wide):
                stride = 2 if layer < layers else 1
                convolution = nn.Conv2d(before, channels, 4, stride, 2)
                norm = [InstanceNorm(channels)] if layer else []
                block = nn.Sequential(convolution, *norm, nn.LeakyReLU(0.2))
                self.add_module(f"scale{scale}_layer{layer}", block)
                before = channels
            last = nn.Sequential(nn.Conv2d(before, 1, 4, 1, 2))
            self.add_module(f"scale{scale}_layer{layers + 1}", last)
        self.downsample = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, images: Tensor) -> list[list[Tensor]]:
        """What every layer says, the finest resolution first; the last is near 1 where it is real.

        Args:
            images: (B, 13, H, W): conditions with the mask, which is not looked at, then RGB.
        """
        mask = CONDITION_CHANNELS - 1
        x = torch.cat((images[:, :mask], images[:, mask + 1 :]), 1)
        results = []
        for scale in reversed(range(self.scales)):  # the published names begin with the coarsest
            results.append(self._scale(scale, x))
            if scale:
                x = self.downsample(x)
        return results

    def _scale(self, scale: int, x: Tensor) -> list[Tensor]:
        levels = []
        for layer in range(self.layers + 2):
            x = cast(Tensor, getattr(self, f"scale{scale}_layer{layer}")(x))
            levels.append(x)
        return levels
