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


def info_nce(
    query: Tensor, key: Tensor, *, temperature: float, rivals: Tensor | None = None
) -> Tensor:
    r"""InfoNCE of every vector: its counterpart against other vectors of the same item.

    .. math:: \ell_s = -\log \frac{\exp(q_s \cdot k_s / \tau)}
        {\exp(q_s \cdot k_s / \tau) + \sum_{t \in R_s} \exp(q_s \cdot k_t / \tau)}

    Source: van den Oord et al., 2018; ASCCL, Eq. 4, which as printed lacks the logarithm and sums
    inside the exponential; the published code has this form.

    Args:
        query: Unit vectors q, (M, S, C).
        key: Unit vectors k, (M, S, C); vector s belongs to vector s of `query`.
        temperature: τ.
        rivals: Whether t is in R_s, (…, S, S); without it R_s is every other vector. A vector
            without rivals has loss 0.

    Returns:
        (M, S), each in [0, ∞); not reduced.

    >>> q = torch.eye(2)[None]
    >>> info_nce(q, q, temperature=1.0)  # log(1 + 1/e)
    tensor([[0.3133, 0.3133]])
    """
    with torch.autocast(query.device.type, enabled=False):  # cosines over τ need all their digits
        logits = query @ key.transpose(-1, -2) / temperature
        together = logits.diagonal(dim1=-2, dim2=-1)
        if rivals is not None:
            itself = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
            logits = logits.masked_fill(~(rivals | itself), -torch.inf)
        return torch.logsumexp(logits, dim=-1) - together


def mean_cosines(
    query: Tensor, key: Tensor, counted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean cosine of vectors that belong together, and of those that do not.

    Args:
        query: Unit vectors, (M, S, C).
        key: Unit vectors, (M, S, C).
        counted: Which of them count, (M, S); without it all do.

    Returns:
        Positive and negative, each (M,) in [-1, 1]; 0 where there is none.
    """
    count: int | Tensor = query.shape[1]
    pairs: int | Tensor = max(1, query.shape[1] * (query.shape[1] - 1))
    if counted is not None:
        query, key = query * counted[..., None], key * counted[..., None]
        number = counted.sum(dim=1)
        count, pairs = number.clamp(min=1), (number * (number - 1)).clamp(min=1)
    together = (query * key).sum(dim=(1, 2))
    # The sum over all S² cosines is the product of the two sums.
    apart = (query.sum(dim=1) * key.sum(dim=1)).sum(dim=-1) - together
    return together / count, apart / pairs
