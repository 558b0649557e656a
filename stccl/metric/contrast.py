"""Unit vectors and the contrastive loss between those of two images."""

import torch
from torch import Tensor


def unit_vectors(vectors: Tensor) -> Tensor:
    """V / √(Σ v² + ε): length one over the last dimension; zero stays zero.

    The root is taken of a positive number, so the gradient is finite at zero as well, where
    dividing by a norm has none. Half precision is widened first.
    """
    wide = vectors.float() if vectors.dtype in (torch.bfloat16, torch.float16) else vectors
    return wide * torch.rsqrt(wide.square().sum(dim=-1, keepdim=True) + 1e-12)


def info_nce(query: Tensor, key: Tensor, *, temperature: float) -> Tensor:
    r"""InfoNCE of every vector: its counterpart against all other vectors of the same item.

    .. math:: \ell_s = -\log \frac{\exp(q_s \cdot k_s / \tau)}{\sum_t \exp(q_s \cdot k_t / \tau)}

    Source: van den Oord et al., 2018; ASCCL, Eq. 4, which as printed lacks the logarithm and sums
    inside the exponential; the published code has this form.

    Args:
        query: Unit vectors q, (M, S, C).
        key: Unit vectors k, (M, S, C); vector s belongs to vector s of `query`.
        temperature: τ.

    Returns:
        (M, S), each in [0, ∞); not reduced.

    >>> q = torch.eye(2)[None]
    >>> info_nce(q, q, temperature=1.0)  # log(1 + 1/e)
    tensor([[0.3133, 0.3133]])
    """
    with torch.autocast(query.device.type, enabled=False):  # cosines over τ need all their digits
        logits = query @ key.transpose(-1, -2) / temperature
        return torch.logsumexp(logits, dim=-1) - logits.diagonal(dim1=-2, dim2=-1)


def adaptive_weight(disparity: Tensor, *, scale: float, power: float) -> Tensor:
    r"""How hard a region is, from its disparity d, without gradient.

    .. math:: w = \frac{1}{C} \sum_c \lambda \, \mathrm{sigmoid}(|d_c|)^r

    Source: ASCCL, Eq. 6. The paper gives every channel a weight; a vector has one loss, so it gets
    the mean of its channels' weights.

    Args:
        disparity: d, (…, C).
        scale: λ.
        power: r.

    Returns:
        (…), in [λ/2ʳ, λ].

    >>> adaptive_weight(torch.tensor([[0.0, 0.0], [9.0, -9.0]]), scale=2.0, power=2.0)
    tensor([0.5000, 1.9995])
    """
    return (scale * torch.sigmoid(disparity.detach().abs().float()) ** power).mean(dim=-1)


def mean_cosines(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cosine of vectors that belong together, and of those that do not.

    Args:
        query: Unit vectors, (M, S, C).
        key: Unit vectors, (M, S, C).

    Returns:
        Positive and negative, each (M,) in [-1, 1]; the negative is 0 where S is 1.
    """
    count = query.shape[1]
    together = (query * key).sum(dim=(1, 2))
    # The sum over all S² cosines is the product of the two sums.
    apart = (query.sum(dim=1) * key.sum(dim=1)).sum(dim=-1) - together
    return together / count, apart / max(1, count * (count - 1))
