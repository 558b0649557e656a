"""Rotations, from axis and angle to matrices."""

import torch
from torch import Tensor


def rotation_matrix(axis_angle: Tensor) -> Tensor:
    r"""Rodrigues' formula, smooth at zero.

    .. math:: R = I + \frac{\sin\theta}{\theta} K + \frac{1 - \cos\theta}{\theta^2} K^2, \quad
        \theta = \lVert r \rVert, \quad K x = r \times x

    Args:
        axis_angle: (..., 3) vectors r along the axis, as long as the angle in radians;
            right-handed.

    Returns:
        (..., 3, 3); matrices that turn column vectors.

    >>> rotation_matrix(torch.tensor([0.0, 0.0, torch.pi / 2])).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    square = (axis_angle**2).sum(-1)[..., None, None]
    small = square < 1e-8
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    first = torch.where(small, 1 - square / 6, angle.sin() / angle)
    second = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / safe)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    turn: Tensor = eye + first * cross + second * (cross @ cross)
    return turn
