"""Rotations, from axis and angle to matrices."""

import torch
from torch import Tensor


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    r"""Rodrigues' formula.

    .. math:: R = I + \sin\theta\, K + (1 - \cos\theta)\, K^2, \quad \theta = \lVert r + 10^{-8}
        \rVert, \quad K x = \frac{r}{\theta} \times x

    The small number keeps the gradient finite without a rotation; it is FLAME's own.

    Args:
        axis_angle: (..., 3) vectors r along the axis, as long as the angle in radians;
            right-handed.

    Returns:
        (..., 3, 3); matrices that turn column vectors.

    >>> rotation_matrices(torch.tensor([0.0, 0.0, torch.pi / 2])).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    angle = torch.linalg.vector_norm(axis_angle + 1e-8, dim=-1, keepdim=True)
    x, y, z = (axis_angle / angle).unbind(-1)
    zero = torch.zeros_like(x)
    entries = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1)
    cross = entries.reshape(*entries.shape[:-1], 3, 3)
    angle = angle[..., None]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    matrices: Tensor = identity + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
    return matrices
