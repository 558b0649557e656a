"""Light from all around on a matt surface, as spherical harmonics of its normals."""

import torch
from torch import Tensor

_BAND_FACTORS = (1.0, 2 * torch.pi / 3, torch.pi / 4)
"""What a matt surface makes of each band of light; DECA leaves the first band as it is (not π)."""


def harmonics(normals: Tensor) -> Tensor:
    r"""The nine basis functions of a matt surface's shading.

    .. math:: H_{lm}(n) = A_l Y_{lm}(n), \quad l \le 2, \quad A = (1, 2\pi/3, \pi/4)

    with real spherical harmonics Y of the unit normal n, in DECA's order: 1, x, y, z, xy, xz, yz,
    x² - y², 3z² - 1. Source: Ramamoorthi & Hanrahan, "An efficient representation for irradiance
    environment maps" (SIGGRAPH 2001), Eq. 7-9; the first factor is DECA's.

    Args:
        normals: (..., 3), unit length.

    Returns:
        (..., 9).
    """
    x, y, z = normals.unbind(-1)
    none, linear, quadratic = (
        factor * (constant / torch.pi) ** 0.5
        for factor, constant in zip(_BAND_FACTORS, (1 / 4, 3 / 4, 15 / 4), strict=True)
    )
    return torch.stack(
        (
            torch.full_like(x, none),
            linear * x,
            linear * y,
            linear * z,
            quadratic * x * y,
            quadratic * x * z,
            quadratic * y * z,
            quadratic / 2 * (x**2 - y**2),
            quadratic / 12**0.5 * (3 * z**2 - 1),
        ),
        -1,
    )


def shading(normals: Tensor, light: Tensor) -> Tensor:
    """What light makes of white: albedo times this is the colour that is seen.

    Args:
        normals: (B, N, 3), unit length.
        light: (B, 9, 3), RGB per basis function.

    Returns:
        (B, N, 3), RGB; 1 leaves the albedo as it is.
    """
    return harmonics(normals) @ light
