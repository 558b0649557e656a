"""The colour of skin-like surfaces: scattered light and highlights."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel
from stccl.render.light import Lights, harmonics
from stccl.render.raster import Fragments
from stccl.render.texture import texel

Array = NDArray[Any]

ALBEDO, ROUGHNESS, SPECULAR, BUMP = slice(0, 3), 3, 4, slice(5, 8)
CHANNELS = 8

_ONE_PIECE_M = 0.004  # samples of a pixel further apart in depth are of different things


class Vertices(NamedTuple):
    """What shading needs at every vertex.

    Attributes:
        position: (V, 3) m, in the world.
        normal: (V, 3) unit, in the world.
        uv: (V, 2) texture coordinates.
        occlusion: (V,) part of the surrounding that is seen, 0..1.
        shadow: (V,) part of the key light that arrives, 0..1.
    """

    position: Array
    normal: Array
    uv: Array
    occlusion: Array
    shadow: Array


class Surface(NamedTuple):
    """A material and the triangles it is on.

    Attributes:
        first: Index of its first triangle.
        last: One past its last triangle.
        texture: (H, W, 8) float32: albedo (linear RGB), roughness 0..1, strength of the highlight
            (1: that of skin or water), and what is added to the normal in the object's frame.
        scatter: How far light reaches round the edge of the shade, red, green, blue, 0..1.
    """

    first: int
    last: int
    texture: Array
    scatter: tuple[float, float, float]


def shade_surfaces(
    image: Array,
    fragments: Fragments,
    triangles: Array,
    vertices: Vertices,
    surfaces: Sequence[Surface],
    lights: Lights,
    eye: Array,
    rotation: Array,
) -> None:
    """Write the light that surfaces send to the eye into their samples of `image`.

    Scattered light is albedo (o E(n) + sum_i c_i s_i w(n . l_i)), o being the occlusion, s the
    shadow of the key and o for other lamps, E the surrounding and, with
    t = max(0, (x + k) / (1 + k)), w(x) = t (1 - k + k t): a cosine that wraps round by the scatter
    k of each colour, as light does under skin. Highlights are Cook and Torrance's with the GGX
    distribution (Walter et al., "Microfacet Models for Refraction", 2007) and Schlick's Fresnel
    term from a reflectance of 0.028, that of skin.

    Args:
        image: (2 H, 2 W, 3) float32, linear RGB, four samples a pixel; written to. Those of a
            pixel that lie on one smooth piece are lit once.
        fragments: What is seen.
        triangles: (F, 3) integers, those that were rasterised.
        vertices: Their attributes.
        surfaces: The materials.
        lights: What falls on them.
        eye: (3,) m, where the picture is seen from.
        rotation: (3, 3) from the object's frame, in which the textures' normals are, to the world.
    """
    packed = np.concatenate(
        [
            vertices.normal,
            vertices.position,
            vertices.uv,
            vertices.occlusion[:, None],
            vertices.shadow[:, None],
        ],
        axis=1,
        dtype=np.float32,
    )
    kind = np.full(len(triangles), -1, np.int16)
    for number, surface in enumerate(surfaces):
        kind[surface.first : surface.last] = number
    boxes = _boxes(fragments.triangle, kind, len(surfaces))
    for surface, box in zip(surfaces, boxes, strict=True):
        red, green, blue = surface.scatter
        _shade(
            image,
            box,
            fragments.triangle,
            fragments.barycentric,
            fragments.depth,
            np.ascontiguousarray(triangles, np.int64),
            packed,
            surface.first,
            surface.last,
            surface.texture,
            surface.scatter,
            (1.0 / (1.0 + red), 1.0 / (1.0 + green), 1.0 / (1.0 + blue)),
            lights.surrounding,
            lights.directions,
            lights.colours,
            np.asarray(eye, np.float64),
            np.ascontiguousarray(rotation, np.float64),
        )


@kernel
def _boxes(triangle: Array, kind: Array, count: int) -> Array:
    """First and last row, first and last column of the pixels each surface is seen in."""
    boxes = np.empty((count, 4), np.int64)
    boxes[:, 0], boxes[:, 1] = triangle.shape[0], -1
    boxes[:, 2], boxes[:, 3] = triangle.shape[1], -1
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            index = triangle[row, column]
            if index < 0 or kind[index] < 0:
                continue
            box = kind[index]
            boxes[box, 0] = min(boxes[box, 0], row // 2 * 2)
            boxes[box, 1] = max(boxes[box, 1], row)
            boxes[box, 2] = min(boxes[box, 2], column // 2 * 2)
            boxes[box, 3] = max(boxes[box, 3], column)
    return boxes


@kernel
def _shade(
    image: Array,
    box: Array,
    triangle: Array,
    barycentric: Array,
    depth: Array,
    triangles: Array,
    packed: Array,
    first: int,
    last: int,
    texture: Array,
    scatter: tuple[float, float, float],
    reached_by: tuple[float, float, float],
    surrounding: Array,
    directions: Array,
    colours: Array,
    eye: Array,
    rotation: Array,
) -> None:
    at = np.empty(10, np.float32)
    one = np.empty(10, np.float32)
    read = np.empty(8, np.float32)
    light = np.empty(3, np.float32)
    for row in range(box[0], box[1] + 1, 2):
        for column in range(box[2], box[3] + 1, 2):
            # The four samples of a pixel share one colour where they lie on one smooth piece.
            nearest, furthest, count = np.inf, 0.0, 0
            for y in range(row, row + 2):
                for x in range(column, column + 2):
                    if first <= triangle[y, x] < last:
                        nearest = min(nearest, depth[y, x])
                        furthest = max(furthest, depth[y, x])
                        count += 1
            if count == 0:
                continue
            shared = count == 4 and furthest - nearest < _ONE_PIECE_M
            for k in range(10):
                at[k] = 0.0
            for y in range(row, row + 2):
                for x in range(column, column + 2):
                    index = triangle[y, x]
                    # Two samples on a diagonal have the pixel's middle between them.
                    if not first <= index < last or (shared and y - row != x - column):
                        continue
                    a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
                    a_part, b_part = barycentric[y, x, 0], barycentric[y, x, 1]
                    c_part = barycentric[y, x, 2]
                    for k in range(10):
                        one[k] = a_part * packed[a, k] + b_part * packed[b, k]
                        one[k] += c_part * packed[c, k]
                    if shared:
                        for k in range(10):
                            at[k] += 0.5 * one[k]
                    else:
                        _light(
                            one,
                            texture,
                            read,
                            scatter,
                            reached_by,
                            surrounding,
                            directions,
                            colours,
                            eye,
                            rotation,
                            light,
                        )
                        for k in range(3):
                            image[y, x, k] = light[k]
            if shared:
                _light(
                    at,
                    texture,
                    read,
                    scatter,
                    reached_by,
                    surrounding,
                    directions,
                    colours,
                    eye,
                    rotation,
                    light,
                )
                for k in range(3):
                    image[row, column, k] = light[k]
                    image[row, column + 1, k] = light[k]
                    image[row + 1, column, k] = light[k]
                    image[row + 1, column + 1, k] = light[k]


@kernel
def _light(
    at: Array,
    texture: Array,
    read: Array,
    scatter: tuple[float, float, float],
    reached_by: tuple[float, float, float],
    surrounding: Array,
    directions: Array,
    colours: Array,
    eye: Array,
    rotation: Array,
    light: Array,
) -> None:
    """The light from one place: `at` holds its attributes; written to `light`."""
    upper, lower, left, right, down, across = texel(texture, at[6], at[7])
    for k in range(8):
        top = texture[upper, left, k]
        top += across * (texture[upper, right, k] - top)
        low = texture[lower, left, k]
        low += across * (texture[lower, right, k] - low)
        read[k] = top + down * (low - top)

    nx = at[0] + rotation[0, 0] * read[5] + rotation[0, 1] * read[6]
    ny = at[1] + rotation[1, 0] * read[5] + rotation[1, 1] * read[6]
    nz = at[2] + rotation[2, 0] * read[5] + rotation[2, 1] * read[6]
    nx += rotation[0, 2] * read[7]
    ny += rotation[1, 2] * read[7]
    nz += rotation[2, 2] * read[7]
    scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    vx, vy, vz = eye[0] - at[3], eye[1] - at[4], eye[2] - at[5]
    scale = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
    vx, vy, vz = vx * scale, vy * scale, vz * scale
    facing = min(max(nx * vx + ny * vy + nz * vz, 0.05), 1.0)

    occlusion = at[8]
    red, green, blue = _surrounded(surrounding, nx, ny, nz)
    red, green, blue = occlusion * red, occlusion * green, occlusion * blue

    alpha = read[3] * read[3]
    away = 1.0 - facing
    sheen = read[4] * (0.028 + (1.0 - read[3]) * 0.9 * away * away * away * away * away)
    mirrored = 2.0 * (nx * vx + ny * vy + nz * vz)
    shine_red, shine_green, shine_blue = _surrounded(
        surrounding, mirrored * nx - vx, mirrored * ny - vy, mirrored * nz - vz
    )
    sheen *= occlusion * occlusion
    shine_red, shine_green, shine_blue = (
        sheen * shine_red,
        sheen * shine_green,
        sheen * shine_blue,
    )
    for lamp in range(len(directions)):
        lx, ly, lz = directions[lamp, 0], directions[lamp, 1], directions[lamp, 2]
        towards = nx * lx + ny * ly + nz * lz
        arrives = at[9] if lamp == 0 else occlusion
        red += colours[lamp, 0] * arrives * _wrapped(towards, scatter[0], reached_by[0])
        green += colours[lamp, 1] * arrives * _wrapped(towards, scatter[1], reached_by[1])
        blue += colours[lamp, 2] * arrives * _wrapped(towards, scatter[2], reached_by[2])
        if towards > 0.0:
            gloss = arrives * occlusion * read[4] * towards
            gloss *= _highlight(nx, ny, nz, vx, vy, vz, lx, ly, lz, alpha)
            shine_red += colours[lamp, 0] * gloss
            shine_green += colours[lamp, 1] * gloss
            shine_blue += colours[lamp, 2] * gloss
    light[0] = max(0.0, read[0] * red) + max(0.0, shine_red)
    light[1] = max(0.0, read[1] * green) + max(0.0, shine_green)
    light[2] = max(0.0, read[2] * blue) + max(0.0, shine_blue)


@kernel
def _surrounded(surrounding: Array, x: float, y: float, z: float) -> tuple[float, float, float]:
    """What a white surface sends back of the surrounding, red, green, blue."""
    values = harmonics(x, y, z)
    red, green, blue = 0.0, 0.0, 0.0
    for k in range(9):
        red += values[k] * surrounding[k, 0]
        green += values[k] * surrounding[k, 1]
        blue += values[k] * surrounding[k, 2]
    return max(red, 0.0), max(green, 0.0), max(blue, 0.0)


@kernel
def _wrapped(towards: float, scatter: float, reached_by: float) -> float:
    reached = max(0.0, (towards + scatter) * reached_by)
    # Without scatter it is the cosine, with all of it the square.
    return reached * (1.0 - scatter + scatter * reached)


@kernel
def _highlight(
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
    lx: float,
    ly: float,
    lz: float,
    alpha: float,
) -> float:
    """GGX distribution, Schlick's Fresnel and Karis's fit of the masking, times pi."""
    hx, hy, hz = vx + lx, vy + ly, vz + lz
    scale = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
    across = max(0.0, (nx * hx + ny * hy + nz * hz) * scale)
    along = max(0.0, (lx * hx + ly * hy + lz * hz) * scale)
    spread = across * across * (alpha * alpha - 1.0) + 1.0
    away = 1.0 - along
    fresnel = 0.028 + 0.972 * away * away * away * away * away
    masked = 4.0 * along * along * (alpha + 0.5) + 0.1
    return float(alpha * alpha / (spread * spread) * fresnel / masked)
