"""How alike two pictures are to a network that knows what matters in them."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from stccl.checkpoint import load_weights, read_weights
from stccl.metric.backbone import IResNet

_VGG_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 1))
"""Channels and convolutions up to relu5_1."""
_VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)
_BACKBONE_WEIGHTS = (1 / 8, 1 / 4, 1 / 2, 1)


class VGG19(nn.Module):
    """The convolutions of VGG-19 up to relu5_1, under torchvision's names.

    Simonyan and Zisserman, "Very deep convolutional networks" (ICLR 2015), configuration E.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self._taps: list[int] = []
        channels = 3
        for block, (width, count) in enumerate(_VGG_BLOCKS):
            if block:
                layers.append(nn.MaxPool2d(2))
            for number in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
                if number == 0:
                    self._taps.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> list[Tensor]:
        """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of (B, 3, H, W)."""
        maps, x = [], images
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._taps:
                maps.append(x)
        return maps

    def load_torchvision(self, path: Path) -> None:
        """Take the weights of torchvision's `vgg19`; nothing in the file is executed.

        Raises:
            StcclError: Where the file is no such file, naming missing keys.
        """
        last = len(self.features)
        kept = {
            key: value
            for key, value in read_weights(path).items()
            if not key.startswith("classifier.") and not _beyond(key, last)
        }
        load_weights(self, kept, f"{path}: not torchvision's vgg19")


class VGGPerceptual(nn.Module):
    r"""Weighted mean absolute differences of VGG-19's maps.

    .. math:: \sum_{i=1}^5 w_i \operatorname{mean} |\phi_i(\hat y) - \phi_i(y)|,\quad
        w = 1/32, 1/16, 1/8, 1/4, 1

    on pictures in [-1, 1], as published (ImageNet's mean and deviation are not taken out).
    Johnson et al., "Perceptual losses" (ECCV 2016); pix2pixHD; NED, Section 3.3.

    Args:
        path: torchvision's `vgg19` weights.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.network = VGG19()
        self.network.load_torchvision(path)
        self.requires_grad_(False).eval()

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """A scalar from two (N, 3, H, W); gradients reach `generated` only."""
        ours = self.network(generated)
        with torch.no_grad():
            theirs = self.network(real)
        each = zip(_VGG_WEIGHTS, ours, theirs, strict=True)
        return torch.stack([w * functional.l1_loss(a, b) for w, a, b in each]).sum()


class BackbonePerceptual(nn.Module):
    r"""The offline stand-in for VGG-19: the maps of the trained metric's backbone.

    .. math:: \sum_{l=1}^4 w_l
        \frac{\operatorname{mean} |\phi_l(\hat y) - \phi_l(y)|}{\operatorname{mean} |\phi_l(y)|},
        \quad w = 1/8, 1/4, 1/2, 1

    The backbone knows faces and what expressions do to them, but its weights are no published ones
    and the sizes of its maps depend on its training, so each level is relative to the real
    picture's.

    Args:
        backbone: Of a trained `STCCLLoss`; it is neither changed nor trained.
        scale: How much smaller pictures are made first, so that faces are as large as those it was
            trained on: the metric's `size_px` over the renderer's.
    """

    def __init__(self, backbone: IResNet, scale: float = 1.0) -> None:
        super().__init__()
        self.network = backbone
        self._scale = scale

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """A scalar from two (N, 3, H, W) in [-1, 1]; gradients reach `generated` only."""
        ours = self.network(self._scaled(generated))
        with torch.no_grad():
            theirs = self.network(self._scaled(real))
        each = zip(_BACKBONE_WEIGHTS, ours, theirs, strict=True)
        return torch.stack(
            [w * functional.l1_loss(a, b) / b.abs().mean().clamp(min=1e-6) for w, a, b in each]
        ).sum()

    def _scaled(self, images: Tensor) -> Tensor:
        if self._scale >= 1:
            return images
        size = [round(side * self._scale) for side in images.shape[-2:]]
        return functional.interpolate(
            images, size, mode="bilinear", align_corners=False, antialias=True
        )


def _beyond(key: str, last: int) -> bool:
    name, _, rest = key.partition(".")
    number = rest.partition(".")[0]
    return name == "features" and number.isdigit() and int(number) >= last
