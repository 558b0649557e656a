"""What the networks learn from, term by term."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from stccl.spfem.ned.manipulator.networks import Networks

_STILL = 1e-3
"""Length of a window's movement, as in `mouth_correlation`, below which the jaw stands still."""


class DiscriminatorLoss(NamedTuple):
    """Scalars; the total is the sum of the others."""

    total: Tensor
    real: Tensor
    made: Tensor


class GeneratorLoss(NamedTuple):
    """Scalars: adversarial + weighted style and cycle - weighted mouth; and what was made."""

    total: Tensor
    adversarial: Tensor
    style: Tensor
    cycle: Tensor
    mouth: Tensor
    generated: Tensor
    """(B, T, N) the windows in the target's style."""


def least_squares(judged: Tensor, target: float) -> Tensor:
    r"""How far the discriminator is from a verdict: :math:`\frac1B \sum_b (d_b - t)^2`.

    Source: Mao et al., "Least squares generative adversarial networks" (ICCV 2017).

    Args:
        judged: (B,) the discriminator's output d.
        target: t, 1 for real and 0 for made.

    >>> least_squares(torch.tensor([1.0, 0.0]), 1)
    tensor(0.5000)
    """
    return (judged - target).square().mean()


def mean_difference(found: Tensor, wanted: Tensor) -> Tensor:
    r"""L1 of styles or windows: :math:`\frac1n \sum_i |a_i - b_i|` over all n numbers.

    >>> mean_difference(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(2.)
    """
    return functional.l1_loss(found, wanted)


def mouth_correlation(windows: Tensor, others: Tensor) -> Tensor:
    r"""How alike the jaw moves in two batches of windows.

    .. math:: \frac1B \sum_b \frac{a_b \cdot a'_b}{\lVert a_b \rVert \, \lVert a'_b \rVert}

    with a the jaw's opening in the frames of a window less its mean: Pearson's correlation. A jaw
    that does not move correlates with nothing, 0, where the published code divides by 0.
    Source: NED, Section 3.2 (speech-preserving loss).

    Args:
        windows: (B, T, N), the jaw's opening first.
        others: The same shape.

    Returns:
        A scalar in [-1, 1].

    >>> opening = torch.tensor([0.0, 1.0, 2.0])[None, :, None]
    >>> mouth_correlation(opening, 3 * opening + 1)
    tensor(1.)
    """
    first, second = (_direction(each[..., 0]) for each in (windows, others))
    return (first * second).sum(1).mean()


def discriminator_loss(
    networks: Networks,
    source: Tensor,
    source_label: Tensor,
    generated: Tensor,
    target_label: Tensor,
) -> DiscriminatorLoss:
    r"""To tell real windows of an emotion from made ones: :math:`(D(x, y') - 1)^2 + D(g, y)^2`.

    Source: NED, Section 3.2.

    Args:
        networks: All four.
        source: x, (B, T, N) real windows.
        source_label: y', (B,) int64, their emotions.
        generated: g, (B, T, N) from the generator; no gradients reach it.
        target_label: y, (B,) int64, the emotions these should have.
    """
    # Passes of many short windows cost less than many passes.
    windows = torch.cat((source, generated.detach()))
    judged = networks.discriminator(windows, torch.cat((source_label, target_label)))
    real, made = (
        least_squares(part, target) for part, target in zip(judged.chunk(2), (1, 0), strict=True)
    )
    return DiscriminatorLoss(real + made, real, made)


def generator_loss(
    networks: Networks,
    source: Tensor,
    style: Tensor,
    target_label: Tensor,
    *,
    style_weight: float = 1.0,
    cycle_weight: float = 1.0,
    mouth_weight: float = 1.0,
) -> GeneratorLoss:
    r"""To make windows that look real, have the style, and say what the source says.

    .. math:: (D(g, y) - 1)^2 + \lambda_s |E(g) - s| + \lambda_c |G(g, E(x)) - x|
        - \lambda_m \left(\rho(x, g) + \rho(g, G(g, E(x)))\right), \quad g = G(x, s)

    with the mean over the batch, :math:`|\cdot|` the mean difference and :math:`\rho` the
    correlation of the mouth. Source: NED, Section 3.2.

    Args:
        networks: All four.
        source: x, (B, T, N) real windows.
        style: s, (B, S) what they are translated to.
        target_label: y, (B,) int64, the emotions of that.
        style_weight: Of the style's recognition.
        cycle_weight: Of the way back.
        mouth_weight: Of the mouth's correlation, in both directions.
    """
    generated = networks.generator(source, style)
    adversarial = least_squares(networks.discriminator(generated, target_label), 1)
    found, own = networks.style_encoder(torch.cat((generated, source))).chunk(2)
    recognised = mean_difference(found, style)
    back = networks.generator(generated, own)
    cycle = mean_difference(back, source)
    mouth = mouth_correlation(source, generated) + mouth_correlation(generated, back)
    total = adversarial + style_weight * recognised + cycle_weight * cycle - mouth_weight * mouth
    return GeneratorLoss(total, adversarial, recognised, cycle, mouth, generated)


def _direction(opening: Tensor) -> Tensor:
    """(B, T) movements about their means, of length 1; shorter where there is hardly any."""
    return functional.normalize(opening - opening.mean(1, keepdim=True), dim=1, eps=_STILL)
