"""Light: a soft surrounding in spherical harmonics, and lamps that make highlights and shadows."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Lights(NamedTuple):
    """What falls on the scene; linear RGB, a white surface that faces a lamp of 1 sends back 1.

    Attributes:
        surrounding: (9, 3) float32, what a white surface of every normal sends back, from
            `surrounding_light`.
        directions: (L, 3) float32, unit, towards each lamp; the first is the key and is shadowed.
        colours: (L, 3) float32.
    """

    surrounding: Array
    directions: Array
    colours: Array


def surrounding_light(directions: Array, colours: Array) -> Array:
    """Distant lights, spread out smoothly, as nine spherical harmonics per colour.

    A white matt surface of normal n sends back E(n) / pi = sum_lm A_l / pi L_lm Y_lm(n) with
    L_lm = sum_i c_i Y_lm(d_i) and A = pi, 2 pi / 3, pi / 4 for l = 0, 1, 2 (Ramamoorthi and
    Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001, eq. 7-9);
    with c_i = pi it is the nine-term fit of max(0, n . d_i).

    Args:
        directions: (N, 3) unit vectors towards the lights.
        colours: (N, 3) linear RGB; 1 is as bright as a lamp of 1 in `Lights`.

    Returns:
        (9, 3) float32.
    """
    convolved = np.pi * np.array([1.0] + [2 / 3] * 3 + [1 / 4] * 5)
    values = np.array([[*harmonics(*direction)] for direction in np.asarray(directions, float)])
    total: Array = (values * convolved).T @ np.asarray(colours, float)
    return total.astype(np.float32)


def harmonics(x: Any, y: Any, z: Any) -> tuple[Any, ...]:
    """The nine real spherical harmonics of degree 0 to 2 at a unit vector."""
    return (
        0.282095,
        0.488603 * y,
        0.488603 * z,
        0.488603 * x,
        1.092548 * x * y,
        1.092548 * y * z,
        0.315392 * (3.0 * z * z - 1.0),
        1.092548 * x * z,
        0.546274 * (x * x - y * y),
    )


def surrounded(lights: Lights, normals: Array) -> Array:
    """What white surfaces of N normals send back of the surrounding; (3, N) both."""
    values = np.empty((9, normals.shape[1]), np.float32)
    for row, value in zip(values, harmonics(*normals), strict=True):
        row[:] = value
    sent: Array = np.maximum(lights.surrounding.T @ values, 0)
    return sent


def dot(first: Array, second: Array) -> Array:
    """Products of vectors in columns, (3, N) each or one of them (3,); (N,)."""
    product: Array = first[0] * second[0] + first[1] * second[1] + first[2] * second[2]
    return product


def unit(vectors: Array) -> Array:
    """(3, N) vectors of length 1, in the same directions."""
    scaled: Array = vectors * (1 / np.sqrt(dot(vectors, vectors) + np.float32(1e-12)))
    return scaled
