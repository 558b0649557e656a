"""What the renderer learns by; each of these is one term."""

from collections.abc import Sequence

import torch
from torch import Tensor

Levels = Sequence[Sequence[Tensor]]
"""What a `Discriminator` says: by scale, by layer."""


def adversarial(levels: Levels, real: bool) -> Tensor:
    r"""Least squares: how far every patch is from real (or from generated), summed over scales.

    .. math:: \sum_s \operatorname{mean}_p (D_s(p) - t)^2,\quad t = 1 \text{ if real, else } 0

    Mao et al., "Least squares generative adversarial networks" (ICCV 2017).

    >>> adversarial([[torch.tensor([3.0])], [torch.tensor([1.0, 0.0])]], real=True)
    tensor(4.5000)
    """
    target = 1.0 if real else 0.0
    return torch.stack([(scale[-1] - target).square().mean() for scale in levels]).sum()


def discrimination(real: Levels, generated: Levels) -> Tensor:
    """What a discriminator learns by: half of both its errors."""
    return 0.5 * (adversarial(real, real=True) + adversarial(generated, real=False))


def feature_matching(generated: Levels, real: Levels) -> Tensor:
    r"""How far a discriminator's features of a picture are from those of the real one.

    .. math:: \frac{1}{S} \sum_{s=1}^S \frac{4}{L - 1}
        \sum_{l=1}^{L-1} \operatorname{mean} |D_s^l(\hat y) - D_s^l(y)|

    for S scales of L layers, the last one apart; the real side is constant. Wang et al., pix2pixHD
    (CVPR 2018), Eq. 4; with the published five layers each counts 1.

    >>> one, zero = torch.ones(2), torch.zeros(2)
    >>> feature_matching([[one, one, zero]], [[zero, 3 * one, one]])
    tensor(6.)
    """
    total = torch.zeros((), device=generated[0][0].device)
    for ours, theirs in zip(generated, real, strict=True):
        layers = list(zip(ours[:-1], theirs[:-1], strict=True))
        for a, b in layers:
            total = total + 4 / len(layers) * (a - b.detach()).abs().mean()
    return total / len(generated)


def pixel(generated: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    r"""Mean absolute error within the mask.

    .. math:: \sum |m \odot (\hat y - y)| / (3 \sum m)

    Args:
        generated: (N, 3, H, W).
        real: The same shape.
        mask: (N, 1, H, W) in [0, 1].

    >>> pixel(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.eye(2)[None, None])
    tensor(1.)
    """
    return ((generated - real).abs() * mask).sum() / (3 * mask.sum()).clamp(min=1)
