"""Matt surfaces under distant lamps, pixel by pixel, differentiable."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.render.batch import array, each_image, like
from stccl.render.jit import kernel

Array = NDArray[Any]


def lamp_light(normals: Tensor, towards: Tensor) -> Tensor:
    r"""The light that white sends back of L lamps of strength 1, their mean.

    .. math:: E = \frac1L \sum_{i=1}^L \min(1, \max(0, n \cdot l_i))

    Args:
        normals: (B, H, W, 3), n; 0 where there is no surface.
        towards: (L, 3) unit vectors l_i to the lamps, without gradient.

    Returns:
        (B, H, W), 0 to 1. Differentiable by the normals.

    >>> lamp_light(torch.tensor([[[[0.0, 0, 1]]]]), torch.tensor([[0, 0, 1.0], [1, 0, 0]]))
    tensor([[[0.5000]]])
    """
    light: Tensor = _LampLight.apply(normals, towards)  # type: ignore[no-untyped-call]
    return light


class _LampLight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, normals: Tensor, towards: Tensor) -> Tensor:
        ctx.save_for_backward(normals, towards)
        pixels, lamps = array(normals), array(towards.to(normals.dtype))
        light = np.empty(pixels.shape[:3], pixels.dtype)
        each_image(len(pixels), lambda i: _light(pixels[i], lamps, light[i]))
        return like(light, normals)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        normals, towards = ctx.saved_tensors
        pixels, lamps = array(normals), array(towards.to(normals.dtype))
        given, to_pixels = array(gradients[0]), np.zeros(pixels.shape, pixels.dtype)
        each_image(len(pixels), lambda i: _light_backward(pixels[i], lamps, given[i], to_pixels[i]))
        return like(to_pixels, normals), None


@kernel
def _light(normals: Array, towards: Array, light: Array) -> None:
    for row in range(normals.shape[0]):
        for column in range(normals.shape[1]):
            total = 0.0
            x, y, z = normals[row, column, 0], normals[row, column, 1], normals[row, column, 2]
            if x != 0.0 or y != 0.0 or z != 0.0:
                for lamp in range(len(towards)):
                    cosine = x * towards[lamp, 0] + y * towards[lamp, 1] + z * towards[lamp, 2]
                    total += min(1.0, max(0.0, cosine))
            light[row, column] = total / len(towards)


@kernel
def _light_backward(normals: Array, towards: Array, given: Array, to_normals: Array) -> None:
    for row in range(normals.shape[0]):
        for column in range(normals.shape[1]):
            one = given[row, column] / len(towards)
            if one == 0.0:
                continue
            x, y, z = normals[row, column, 0], normals[row, column, 1], normals[row, column, 2]
            for lamp in range(len(towards)):
                cosine = x * towards[lamp, 0] + y * towards[lamp, 1] + z * towards[lamp, 2]
                if 0.0 < cosine < 1.0:
                    for axis in range(3):
                        to_normals[row, column, axis] += one * towards[lamp, axis]
