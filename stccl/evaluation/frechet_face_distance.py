"""FAD: how far the faces of generated clips, taken together, are from real ones."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from stccl.evaluation.points import embeddings


class FrechetFaceDistance(Metric):
    r"""Fréchet distance of identity embeddings of real and generated faces (FAD).

    .. math:: |\mu_r - \mu_g|^2 +
        \operatorname{tr}(\Sigma_r + \Sigma_g - 2 (\Sigma_r \Sigma_g)^{1/2})

    :math:`\mu, \Sigma`: mean and covariance of the embeddings of all real (r) and generated (g)
    frames. At least 0, lower is better, 0 where both have the same mean and covariance. Its scale
    is that of the embeddings, so values under dlib's and under ArcFace's do not compare; and it is
    too high for few frames, so compare methods on equally many.

    With centred data :math:`X`, :math:`\Sigma = X^T X / (N - 1)`, the trace of the root is the sum
    of the singular values of :math:`X_r X_g^T` over :math:`\sqrt{(N_r - 1)(N_g - 1)}`: no root of a
    matrix is taken, which fails where there are fewer frames than dimensions.

    Source: ASCCL, Section 5.2; Heusel et al. (NeurIPS 2017) for the distance.

    >>> a = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> fad = FrechetFaceDistance()
    >>> fad.update(a, real=True)
    >>> fad.update(a + torch.tensor([3.0, 0.0]), real=False)
    >>> fad.compute().round(decimals=6)
    tensor(9., dtype=torch.float64)
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    generated: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("generated", [], dist_reduce_fx="cat")

    def update(self, faces: Tensor, real: bool) -> None:
        """Add frames.

        Args:
            faces: (N, D) embeddings, as of `stccl.experts.identity`.
            real: Whether they are of real clips.

        Raises:
            ValueError: For other shapes.
        """
        seen = (self.real or self.generated)[:1]
        found, *_ = embeddings(faces=faces, before=torch.cat(list(seen)) if seen else faces)
        (self.real if real else self.generated).append(found)

    def compute(self) -> Tensor:
        """The distance between all real and all generated frames.

        Raises:
            ValueError: For fewer than 2 frames on a side.
        """
        sides = [torch.cat(list(side)) if len(side) else torch.empty(0, 1)
                 for side in (self.real, self.generated)]  # fmt: skip
        if min(map(len, sides)) < 2:
            raise ValueError(
                f"expected 2 real and 2 generated frames at least, got {len(sides[0])} and "
                f"{len(sides[1])}"
            )
        means = [side.mean(dim=0) for side in sides]
        centred = [
            (side - mean) / (len(side) - 1) ** 0.5 for side, mean in zip(sides, means, strict=True)
        ]
        # The same covariance in D rows at most.
        roots = [torch.linalg.qr(x, mode="r").R for x in centred]
        common = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
        spread = torch.stack([(x**2).sum() for x in roots]).sum()
        total: Tensor = ((means[0] - means[1]) ** 2).sum() + spread - 2 * common
        # Rounding may leave equal sides a little below 0.
        return total.clamp(min=0)
