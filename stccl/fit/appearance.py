"""What colours a face has under which light, from its pictures."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ROUNDS = 3
_ALBEDO_PRIOR = 0.02
"""Weight of the mean albedo at a place, over that of having seen the place in every frame."""
_LIGHT_PRIOR = 1e-3
"""Weight of even light, likewise over all that was seen."""


class Appearance(NamedTuple):
    """Colours and light of one clip.

    Attributes:
        albedo: (N, 3) RGB of N places of the skin, as a picture shows them under even light.
        light: (9, 3) RGB for each basis function of `stccl.face3d.shading.harmonics`.
    """

    albedo: Array
    light: Array

    def colours(self, basis: Array) -> Array:
        """(T, N, 3) what is seen of places whose normals give the (T, N, 9) basis functions."""
        return np.asarray(self.albedo * (basis @ self.light))


def estimate(
    colours: Array, basis: Array, weights: Array, before: Appearance | None = None
) -> Appearance:
    r"""Albedo and light behind the colours, by alternating least squares.

    .. math:: \min_{a, L} \sum_{t,v} w_{tv} \lVert c_{tv} - a_v \circ H(n_{tv}) L \rVert^2
        + \lambda T \sum_v \lVert a_v - \bar a \rVert^2
        + \mu W \sum_{k > 1} \lVert \bar a \circ L_k \rVert^2, \quad W = \sum_{t,v} w_{tv}

    with colours c of places v in frames t, basis functions H of their normals n, and the mean
    colour a. Given one of albedo a and light L the other is linear, each channel on its own.
    A clip cannot tell bright skin from bright light: the mean albedo is taken to be the mean
    colour. As in DECA (Feng et al., 2021, Section 3), colours are those of the
    picture, not linear light.

    Args:
        colours: (T, N, 3) RGB in [0, 1].
        basis: (T, N, 9) H, see `stccl.face3d.shading.harmonics`.
        weights: (T, N) w; 0 where a place is not seen. Some must be positive.
        before: Where to begin; one albedo for all places if not given.
    """
    total = weights.sum()
    mean = np.einsum("tn,tnc->c", weights, colours) / total
    albedo = np.tile(mean, (colours.shape[1], 1)) if before is None else before.albedo
    light = np.empty((9, 3))
    uneven = np.diag([0.0] + [1.0] * 8)
    pull = _ALBEDO_PRIOR * len(colours)
    squares = (basis * weights[..., None]).transpose(1, 2, 0) @ basis.transpose(1, 0, 2)
    for _ in range(_ROUNDS):
        for channel in range(3):
            own = albedo[:, channel]
            left = np.tensordot(own**2, squares, 1)
            left += _LIGHT_PRIOR * total * mean[channel] ** 2 * uneven
            seen = weights * own * colours[..., channel]
            light[:, channel] = np.linalg.solve(left, np.tensordot(seen, basis, 2))
        shading = basis @ light
        seen = np.einsum("tn,tnc,tnc->nc", weights, shading, colours) + pull * mean
        albedo = seen / (np.einsum("tn,tnc->nc", weights, shading**2) + pull)
    return Appearance(albedo, light)
