"""The colour of hair."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel
from stccl.render.light import Lights, dot, surrounded, unit
from stccl.render.raster import Fragments

Array = NDArray[Any]


class Strands(NamedTuple):
    """Ribbons of hair: what shading needs at every vertex, and which triangles they are.

    Attributes:
        first: Index of their first triangle.
        last: One past their last triangle.
        start: Index of their first vertex; the arrays below begin there.
        position: (V, 3) m, in the world.
        tangent: (V, 3) unit, along the hair, in the head's frame.
        normal: (V, 3) unit, out of the whole head of hair, in the head's frame.
        colour: (V, 3) linear RGB.
        occlusion: (V,) part of the surrounding that is seen, 0..1.
        shadow: (V,) part of the key light that arrives, 0..1.
        gloss: (V,) strength of the highlights, 1: clean straight hair.
    """

    first: int
    last: int
    start: int
    position: Array
    tangent: Array
    normal: Array
    colour: Array
    occlusion: Array
    shadow: Array
    gloss: Array


def shade_strands(
    image: Array,
    fragments: Fragments,
    triangles: Array,
    strands: Strands,
    lights: Lights,
    eye: Array,
    rotation: Array,
) -> None:
    """Write the light that hair sends to the eye into its samples of `image`.

    The model of Kajiya and Kay ("Rendering Fur with Three Dimensional Textures", 1989): scattered
    light goes with the sine between strand and lamp, and highlights with powers of the sine
    between strand and half vector; two of them as in Marschner et al. ("Light Scattering from
    Human Hair Fibers", 2003): one white and narrow, one wide and of the hair's own colour. It is
    worked out at the vertices of what is seen and spread over the ribbons between them, as there
    are far fewer.

    Args:
        image: (H, W, 3) float32, linear RGB; written to.
        fragments: What is seen.
        triangles: (F, 3) integers, those that were rasterised.
        strands: The hair.
        lights: What falls on it.
        eye: (3,) m, where the picture is seen from.
        rotation: (3, 3) from the head's frame to the world.
    """
    corners = triangles[strands.first : strands.last] - strands.start
    used = np.zeros(len(strands.position), np.bool_)
    _mark(fragments.triangle, corners, strands.first, used)
    (seen,) = np.nonzero(used)
    sent = np.zeros((len(used), 3), np.float32)
    sent[seen] = _light(strands, seen, lights, eye, rotation)
    _fill(image, fragments.triangle, fragments.barycentric, corners, sent, strands.first)


def _light(strands: Strands, seen: Array, lights: Lights, eye: Array, rotation: Array) -> Array:
    """What the vertices of these (N,) numbers send to the eye, (N, 3)."""
    turn = rotation.astype(np.float32)
    tangent, normal, position, colour = (
        np.ascontiguousarray(values.take(seen, 0).T, np.float32)
        for values in (strands.tangent, strands.normal, strands.position, strands.colour)
    )
    tangent, normal = turn @ tangent, turn @ normal
    occlusion, shadow, gloss = (
        values[seen].astype(np.float32)
        for values in (strands.occlusion, strands.shadow, strands.gloss)
    )
    view = unit(np.asarray(eye, np.float32)[:, None] - position)
    own = 0.35 * np.sqrt(np.maximum(colour, 0))
    light = occlusion * surrounded(lights, normal)
    shine = np.zeros_like(light)
    for number, (towards, falls) in enumerate(zip(lights.directions, lights.colours, strict=True)):
        arrives = shadow if number == 0 else occlusion
        arrives = arrives * np.clip(dot(normal, towards) + 0.4, 0, 1)
        scattered = 0.75 * np.sqrt(np.maximum(0, 1 - dot(tangent, towards) ** 2))
        light += falls[:, None] * (arrives * scattered)
        along = dot(tangent, unit(view + towards[:, None]))
        # Scales on the strand tilt the two highlights apart, towards root and tip.
        narrow = _squared(1 - (along + 0.08) ** 2, times=6)
        wide = _squared(1 - (along - 0.12) ** 2, times=4)
        strength = gloss * arrives
        shine += falls[:, None] * (strength * (0.06 * narrow + 0.4 * own * wide))
    sent: Array = (colour * light + occlusion * shine).T
    return sent


def _squared(values: Array, times: int) -> Array:
    powers = np.maximum(0, values)
    for _ in range(times):
        powers *= powers
    return powers


@kernel
def _mark(triangle: Array, corners: Array, first: int, used: Array) -> None:
    """Set what is a corner of a triangle that is seen; `corners` are those from `first` on."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column] - first
            if 0 <= index < len(corners):
                for corner in range(3):
                    used[corners[index, corner]] = True


@kernel
def _fill(
    image: Array, triangle: Array, barycentric: Array, corners: Array, sent: Array, first: int
) -> None:
    """Spread the light of the vertices over their triangles' samples."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column] - first
            if index < 0 or index >= len(corners):
                continue
            a, b, c = corners[index, 0], corners[index, 1], corners[index, 2]
            a_part = barycentric[row, column, 0]
            b_part = barycentric[row, column, 1]
            c_part = barycentric[row, column, 2]
            for channel in range(3):
                image[row, column, channel] = (
                    a_part * sent[a, channel]
                    + b_part * sent[b, channel]
                    + c_part * sent[c, channel]
                )
