"""The colour of skin-like surfaces: scattered light and highlights."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel
from stccl.render.light import Lights, dot, surrounded, unit
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
    places = _places(fragments.triangle, fragments.depth, kind)
    attributes = np.empty((10, len(places)), np.float32)
    texture = np.empty((CHANNELS, len(places)), np.float32)
    _read(
        places,
        fragments.triangle,
        fragments.barycentric,
        np.ascontiguousarray(triangles, np.int64),
        packed,
        tuple(surface.texture for surface in surfaces),
        attributes,
        texture,
    )
    scatter = np.array([surface.scatter for surface in surfaces], np.float32).T
    light = _light(attributes, texture, scatter.take(places[:, 2], 1), lights, eye, rotation)
    _write(places, light, image)


@kernel
def _places(triangle: Array, depth: Array, kind: Array) -> Array:
    """Row, column, surface and number of samples of every place to be lit, (N, 4).

    The four samples of a pixel are one place where they lie on one smooth piece.
    """
    places = np.empty((triangle.size, 4), np.int16)
    count = 0
    for row in range(0, triangle.shape[0], 2):
        for column in range(0, triangle.shape[1], 2):
            first = count
            nearest, furthest = np.inf, 0.0
            for y in range(row, row + 2):
                for x in range(column, column + 2):
                    index = triangle[y, x]
                    if index < 0 or kind[index] < 0:
                        continue
                    nearest = min(nearest, depth[y, x])
                    furthest = max(furthest, depth[y, x])
                    places[count, 0], places[count, 1] = y, x
                    places[count, 2], places[count, 3] = kind[index], 1
                    count += 1
            if count - first < 4 or furthest - nearest >= _ONE_PIECE_M:
                continue
            of = places[first, 2]
            if places[first + 1, 2] == of == places[first + 2, 2] == places[first + 3, 2]:
                places[first, 3] = 4
                count = first + 1
    return places[:count]


@kernel
def _read(
    places: Array,
    triangle: Array,
    barycentric: Array,
    triangles: Array,
    packed: Array,
    textures: tuple[Array, ...],
    attributes: Array,
    texture: Array,
) -> None:
    """What the vertices carry and what the textures say at every place."""
    carried = np.empty(10, np.float32)
    for place in range(len(places)):
        row, column = places[place, 0], places[place, 1]
        carried[:] = 0.0
        # Two samples on a diagonal have the pixel's middle between them.
        shared = places[place, 3] == 4
        part = np.float32(0.5 if shared else 1.0)
        for step in range(2 if shared else 1):
            y, x = row + step, column + step
            index = triangle[y, x]
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            a_part = part * barycentric[y, x, 0]
            b_part = part * barycentric[y, x, 1]
            c_part = part * barycentric[y, x, 2]
            for k in range(10):
                carried[k] += a_part * packed[a, k] + b_part * packed[b, k] + c_part * packed[c, k]
        for k in range(10):
            attributes[k, place] = carried[k]
        picture = textures[places[place, 2]]
        upper, lower, left, right, down, across = texel(picture, carried[6], carried[7])
        for k in range(8):
            top = picture[upper, left, k]
            top += across * (picture[upper, right, k] - top)
            low = picture[lower, left, k]
            low += across * (picture[lower, right, k] - low)
            texture[k, place] = top + down * (low - top)


@kernel
def _write(places: Array, light: Array, image: Array) -> None:
    for place in range(len(places)):
        row, column = places[place, 0], places[place, 1]
        side = 2 if places[place, 3] == 4 else 1
        for y in range(row, row + side):
            for x in range(column, column + side):
                for k in range(3):
                    image[y, x, k] = light[k, place]


def _light(
    attributes: Array, texture: Array, scatter: Array, lights: Lights, eye: Array, rotation: Array
) -> Array:
    """The light from N places, (3, N), of (10, N), (8, N) and (3, N)."""
    normal = unit(attributes[0:3] + rotation.astype(np.float32) @ texture[BUMP])
    view = unit(np.asarray(eye, np.float32)[:, None] - attributes[3:6])
    occlusion, shadow = attributes[8], attributes[9]
    roughness, specular = texture[ROUGHNESS], texture[SPECULAR]
    ahead = dot(normal, view)

    reached_by = 1 / (1 + scatter)
    scattered = occlusion * surrounded(lights, normal)
    sheen = specular * (0.028 + (1 - roughness) * 0.9 * _fifth(1 - np.clip(ahead, 0.05, 1)))
    shine = (sheen * occlusion**2) * surrounded(lights, (2 * ahead) * normal - view)
    for number, (towards, colour) in enumerate(zip(lights.directions, lights.colours, strict=True)):
        arrives = shadow if number == 0 else occlusion
        cosine = dot(normal, towards)
        reached = np.maximum(0, (cosine + scatter) * reached_by)
        # Without scatter it is the cosine, with all of it the square.
        wrapped = reached * (1 - scatter + scatter * reached)
        scattered += colour[:, None] * (arrives * wrapped)
        gloss = arrives * occlusion * specular * np.maximum(0, cosine)
        shine += colour[:, None] * (gloss * _highlight(normal, view, towards, roughness**2))
    light: Array = np.maximum(0, texture[ALBEDO] * scattered) + np.maximum(0, shine)
    return light


def _highlight(normal: Array, view: Array, towards: Array, alpha: Array) -> Array:
    """GGX distribution, Schlick's Fresnel and Karis's fit of the masking, times pi."""
    half = unit(view + towards[:, None])
    across = np.maximum(0, dot(normal, half))
    along = np.maximum(0, dot(half, towards))
    spread = across**2 * (alpha**2 - 1) + 1
    fresnel = 0.028 + 0.972 * _fifth(1 - along)
    masked = 4 * along**2 * (alpha + 0.5) + 0.1
    bright: Array = alpha**2 / (spread**2 * masked) * fresnel
    return bright


def _fifth(x: Array) -> Array:
    """The fifth power, by products: a general power takes a hundred times as long."""
    square = x * x
    fifth: Array = square * square * x
    return fifth
