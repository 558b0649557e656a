"""How much light reaches the vertices past the rest of the scene."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.render.jit import kernel
from stccl.render.raster import nearest

Array = NDArray[Any]

_FAR_M = 10.0  # so far off that the rasteriser's perspective is none


def lit_part(
    points: Array,
    normals: Array,
    vertices: Array,
    triangles: Array,
    direction: Array,
    *,
    resolution_px: int = 192,
    softness_px: int = 2,
    bias_m: float = 0.003,
) -> Array:
    """The part of a distant lamp that is seen from points, by a depth map drawn from the lamp.

    Args:
        points: (N, 3) m.
        normals: (N, 3) unit; points are lifted along them by the bias.
        vertices: (V, 3) m, what throws the shadow.
        triangles: (F, 3) integers; both sides throw it.
        direction: (3,) unit, towards the lamp.
        resolution_px: Side of the depth map, which spans the vertices.
        softness_px: The map is read within this distance, so edges of shadows are soft.
        bias_m: What lies closer than this throws no shadow.

    Returns:
        (N,) float32, 0 in full shadow to 1 in full light.
    """
    towards = np.asarray(direction, np.float64)
    side = np.cross([0.0, 1.0, 0.0] if abs(towards[1]) < 0.9 else [1.0, 0.0, 0.0], towards)
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, towards), -towards], axis=1)  # right, down, away
    # One coordinate after the other: numpy is slow along short rows.
    seen = axes.T @ vertices.T
    low, high = seen.min(axis=1), seen.max(axis=1)
    margin_px = softness_px + 2
    scale = (resolution_px - 2 * margin_px) / max(high[0] - low[0], high[1] - low[1])

    def on_map(at: Array) -> Array:
        placed: Array = (at - low[:, None]) * np.array([[scale], [scale], [1.0]])
        placed += np.array([[margin_px], [margin_px], [_FAR_M]])
        return np.ascontiguousarray(placed.T)

    _, depth = nearest(
        on_map(seen),
        triangles,
        (resolution_px, resolution_px),
        two_sided=np.ones(len(triangles), np.bool_),
    )
    lifted = on_map(axes.T @ (points + bias_m * normals).T)
    lit = np.empty(len(points), np.float32)
    _compare(lifted, depth, softness_px, bias_m, lit)
    return lit


def ambient_occlusion(
    vertices: Array,
    normals: Array,
    triangles: Array,
    *,
    directions: int = 96,
    resolution_px: int = 160,
    bias_m: float = 0.003,
) -> Array:
    """The part of an even sky that is seen from every vertex, weighted by the cosine.

    o = sum_i v_i max(0, n . d_i) / sum_i max(0, n . d_i) over directions d_i spread evenly over
    the sphere, v_i being the part of a lamp there that is seen.

    Args:
        vertices: (V, 3) m.
        normals: (V, 3) unit.
        triangles: (F, 3) integers.
        directions: How many.
        resolution_px: Of each depth map.
        bias_m: What lies closer than this hides nothing.

    Returns:
        (V,) float32, 0..1; 1 for a lone convex body.
    """
    seen, total = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    for direction in _even_directions(directions):
        weight = np.maximum(normals @ direction, 0.0)
        seen += weight * lit_part(
            vertices,
            normals,
            vertices,
            triangles,
            direction,
            resolution_px=resolution_px,
            softness_px=1,
            bias_m=bias_m,
        )
        total += weight
    part: Array = (seen / total).astype(np.float32)
    return part


def _even_directions(count: int) -> Array:
    """Unit vectors on a Fibonacci spiral over the sphere, (count, 3)."""
    step = np.arange(count) + 0.5
    height, angle = 1 - 2 * step / count, np.pi * (1 + 5**0.5) * step
    around = np.sqrt(1 - height**2)
    spiral: Array = np.stack([around * np.cos(angle), height, around * np.sin(angle)], axis=1)
    return spiral


@kernel
def _compare(places: Array, depth: Array, softness: int, bias: float, lit: Array) -> None:
    height, width = depth.shape
    for index in range(len(places)):
        column, row = int(places[index, 0]), int(places[index, 1])
        passed, count = 0, 0
        for y in range(max(0, row - softness), min(height, row + softness + 1)):
            for x in range(max(0, column - softness), min(width, column + softness + 1)):
                count += 1
                if places[index, 2] < depth[y, x] + bias:
                    passed += 1
        lit[index] = passed / count if count else 1.0
