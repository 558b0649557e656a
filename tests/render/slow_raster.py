"""A rasteriser without any of the fast one's ideas: exact fractions, every sample by itself."""

from fractions import Fraction

import numpy as np


def seen_at(points, triangles, column, row, *, two_sided=False):
    """The nearest triangle strictly around a sample, its exact weights there, and its depth.

    Returns None where a sample lies on an edge: who owns it is another test's matter.
    """
    x, y = Fraction(2 * column + 1, 2), Fraction(2 * row + 1, 2)
    best = (-1, (0, 0, 0), float("inf"))
    for index, corners in enumerate(triangles):
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (
            tuple(Fraction(float(value)) for value in points[corner]) for corner in corners
        )
        # Barycentric coordinates by Cramer's rule.
        whole = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if whole == 0 or (whole > 0 and not two_sided):
            continue
        beta = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / whole
        gamma = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / whole
        weights = (1 - beta - gamma, beta, gamma)
        if min(weights) < 0:
            continue
        if min(weights) == 0:
            return None
        parts = [weight / z for weight, z in zip(weights, (az, bz, cz), strict=True)]
        depth = 1 / sum(parts)
        if depth < best[2]:
            best = (index, tuple(float(part * depth) for part in parts), float(depth))
    return best


def interpolate(fragments, triangles, attributes):
    """Attributes of the vertices at every sample, (H, W, A); 0 where nothing is seen."""
    mixed = (fragments.barycentric[..., None] * attributes[triangles[fragments.triangle]]).sum(2)
    return np.where(fragments.triangle[..., None] >= 0, mixed, 0)


def sphere(rings=60, sectors=80, radius=1.0, centre=(0.0, 0.0, 0.0)):
    """Vertices (V, 3) and triangles (F, 3) of a ball, counter-clockwise from outside."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, sectors), indexing="ij"
    )
    vertices = radius * np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], axis=-1
    ).reshape(-1, 3) + np.array(centre)
    index = np.arange(rings * sectors).reshape(rings, sectors)
    a, b = index[:-1, :-1].ravel(), index[1:, :-1].ravel()
    c, d = index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
