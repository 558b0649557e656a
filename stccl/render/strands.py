"""The colour of hair."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel
from stccl.render.light import Lights, harmonics
from stccl.render.raster import Fragments

Array = NDArray[Any]


class Strands(NamedTuple):
    """Ribbons of hair: what shading needs at every vertex, and which triangles they are.

    Attributes:
        first: Index of their first triangle.
        last: One past their last triangle.
        start: Index of their first vertex; the arrays below begin there.
        position: (V, 3) m, in the world.
        tangent: (V, 3) unit, along the hair, in the world.
        normal: (V, 3) unit, out of the whole head of hair, in the world.
        colour: (V, 3) linear RGB.
        occlusion: (V,) part of the surrounding that is seen, 0..1.
        shadow: (V,) part of the key light that arrives, 0..1.
        gloss: Strength of the highlights, 1: clean straight hair.
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
    gloss: float


def shade_strands(
    image: Array,
    fragments: Fragments,
    triangles: Array,
    strands: Strands,
    lights: Lights,
    eye: Array,
) -> None:
    """Write the light that hair sends to the eye into its samples of `image`.

    The model of Kajiya and Kay ("Rendering Fur with Three Dimensional Textures", 1989): scattered
    light goes with the sine between strand and lamp, and highlights with powers of the sine
    between strand and half vector; two of them as in Marschner et al. ("Light Scattering from
    Human Hair Fibers", 2003): one white and narrow, one wide and of the hair's own colour. It is
    worked out at the vertices and spread over the ribbons between them, as there are far fewer.

    Args:
        image: (H, W, 3) float32, linear RGB; written to.
        fragments: What is seen.
        triangles: (F, 3) integers, those that were rasterised.
        strands: The hair.
        lights: What falls on it.
        eye: (3,) m, where the picture is seen from.
    """
    sent = np.empty((len(strands.position), 3), np.float32)
    _light(
        np.ascontiguousarray(strands.tangent, np.float32),
        np.ascontiguousarray(strands.position, np.float32),
        np.ascontiguousarray(strands.normal, np.float32),
        np.ascontiguousarray(strands.colour, np.float32),
        np.ascontiguousarray(strands.occlusion, np.float32),
        np.ascontiguousarray(strands.shadow, np.float32),
        strands.gloss,
        lights.surrounding,
        lights.directions,
        lights.colours,
        np.asarray(eye, np.float64),
        sent,
    )
    _fill(
        image, fragments.triangle, fragments.barycentric,
        np.ascontiguousarray(triangles, np.int64), sent,
        strands.first, strands.last, strands.start,
    )  # fmt: skip


@kernel
def _light(
    tangents: Array,
    positions: Array,
    normals: Array,
    hair_colours: Array,
    occlusions: Array,
    shadows: Array,
    gloss: float,
    surrounding: Array,
    directions: Array,
    colours: Array,
    eye: Array,
    sent: Array,
) -> None:
    """What every vertex sends to the eye, written to `sent`, (V, 3)."""
    light = np.empty(3, np.float64)
    shine = np.empty(3, np.float64)
    for vertex in range(len(sent)):
        tx, ty, tz = tangents[vertex, 0], tangents[vertex, 1], tangents[vertex, 2]
        nx, ny, nz = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        occlusion = occlusions[vertex]
        scale = 1.0 / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
        tx, ty, tz = tx * scale, ty * scale, tz * scale
        vx = eye[0] - positions[vertex, 0]
        vy = eye[1] - positions[vertex, 1]
        vz = eye[2] - positions[vertex, 2]
        scale = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
        vx, vy, vz = vx * scale, vy * scale, vz * scale
        values = harmonics(nx, ny, nz)
        for channel in range(3):
            total = 0.0
            for k in range(9):
                total += values[k] * surrounding[k, channel]
            light[channel] = max(total, 0.0) * occlusion
            shine[channel] = 0.0
        for lamp in range(len(directions)):
            lx, ly, lz = directions[lamp, 0], directions[lamp, 1], directions[lamp, 2]
            arrives = shadows[vertex] if lamp == 0 else occlusion
            towards = nx * lx + ny * ly + nz * lz
            arrives *= min(max(0.0, (towards + 0.4) / 1.0), 1.0)
            along = tx * lx + ty * ly + tz * lz
            scattered = 0.75 * np.sqrt(max(0.0, 1.0 - along * along)) * arrives
            hx, hy, hz = vx + lx, vy + ly, vz + lz
            scale = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
            along = (tx * hx + ty * hy + tz * hz) * scale
            # Scales on the strand tilt the two highlights apart, towards root and tip.
            narrow = max(0.0, 1.0 - (along + 0.08) * (along + 0.08))
            wide = max(0.0, 1.0 - (along - 0.12) * (along - 0.12))
            for _ in range(4):
                wide *= wide
            for _ in range(6):
                narrow *= narrow
            for channel in range(3):
                falls = colours[lamp, channel]
                light[channel] += falls * scattered
                own = np.sqrt(max(hair_colours[vertex, channel], 0.0)) * 0.35 * wide
                shine[channel] += falls * arrives * gloss * (0.06 * narrow + own * 0.4)
        for channel in range(3):
            sent[vertex, channel] = (
                hair_colours[vertex, channel] * light[channel] + occlusion * shine[channel]
            )


@kernel
def _fill(
    image: Array,
    triangle: Array,
    barycentric: Array,
    triangles: Array,
    sent: Array,
    first: int,
    last: int,
    start: int,
) -> None:
    """Spread the light of the vertices over their triangles' samples."""
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < first or index >= last:
                continue
            a = triangles[index, 0] - start
            b = triangles[index, 1] - start
            c = triangles[index, 2] - start
            a_part = barycentric[row, column, 0]
            b_part = barycentric[row, column, 1]
            c_part = barycentric[row, column, 2]
            for channel in range(3):
                image[row, column, channel] = (
                    a_part * sent[a, channel]
                    + b_part * sent[b, channel]
                    + c_part * sent[c, channel]
                )
