"""The skin as a smooth function of its chart: a spline through control points, plus relief."""

from functools import cache

import numpy as np
from scipy.interpolate import BSpline, PchipInterpolator, make_interp_spline

from stccl.face3d.head import proportions as prop
from stccl.face3d.head.proportions import Array


@cache
def _splines() -> tuple[BSpline, Array]:
    """One spline up the head for all coefficients of the splines around it, and their knots."""
    rows_b, net = prop.skin_net()
    # Mirrored columns on both sides keep the surface smooth over the front's and back's middle.
    a = np.array(prop.MERIDIANS_MM)
    mirror = np.array([-1.0, 1.0, 1.0])
    left, right = net[:, 4:0:-1] * mirror, net[:, -2:-5:-1] * mirror
    columns = np.concatenate([-a[4:0:-1], a, 2 * a[-1] - a[-2:-5:-1]])
    points = np.concatenate([left, net, right], axis=1)
    along = make_interp_spline(columns, points, k=3, axis=1)
    up = make_interp_spline(rows_b[::-1], along.c[:, ::-1].transpose(1, 0, 2), k=3)
    return up, along.t


def smooth_skin(a: Array, b: Array) -> Array:
    """The skin without nose, lips and lids.

    Args:
        a: (N,) chart coordinate around the head, mm, 0 to 160.
        b: (N,) chart coordinate up the head, mm, -262 to 136.

    Returns:
        (N, 3) positions, mm.
    """
    up, knots = _splines()
    basis = BSpline.design_matrix(a, knots, 3).toarray()
    return np.asarray(np.einsum("nk,nkc->nc", basis, up(b)))


def smooth_max(first: Array, second: Array, softness: float) -> Array:
    """A maximum without an edge: exact where the two differ by much more than `softness`."""
    return (first + second + np.sqrt((first - second) ** 2 + softness**2)) / 2


def bell(a: Array, b: Array, centre: tuple[float, float], radii: tuple[float, float]) -> Array:
    """A Gaussian hill of height 1 in the chart; `radii` are its standard deviations."""
    return np.exp(-0.5 * (((a - centre[0]) / radii[0]) ** 2 + ((b - centre[1]) / radii[1]) ** 2))


@cache
def _curve(points: tuple[tuple[float, float], ...]) -> PchipInterpolator:
    xs, ys = (np.array(values, dtype=float) for values in zip(*points, strict=True))
    if xs[0] == 0 and len(xs) < 9:
        xs, ys = np.append(-xs[:0:-1], xs), np.append(ys[:0:-1], ys)
    return PchipInterpolator(xs, ys)


def curve(points: tuple[tuple[float, float], ...], x: Array) -> Array:
    """A shape-preserving cubic through (x, y) pairs; level at x = 0, where faces mirror."""
    return np.asarray(_curve(points)(np.clip(x, points[0][0], points[-1][0])))


def mouth_line(x: Array) -> Array:
    """The height where the lips meet, mm, at |x|."""
    return curve(prop.MOUTH_LINE_MM, np.abs(x))


def lid_depth(x: Array, y: Array) -> Array:
    """How far forward the outside of the left eye's lids lies, mm; deep behind outside of them."""
    cx, cy, cz = prop.EYE_CENTRE_MM
    rx, ry, rz = prop.LID_RADII_MM
    outside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
    turned = -0.10 * (x - cx) - 0.006 * np.maximum(x - cx, 0) ** 2
    return (
        np.where(
            outside < 1,
            cz + rz * np.sqrt(np.maximum(1 - outside, 1e-6)),
            cz - 14 * (np.sqrt(outside) - 1),
        )
        + turned
    )


_UPPER_LIP = ((0, -3.4), (0.10, -0.5), (0.25, 1.6), (0.45, 2.5), (0.7, 2.1), (0.92, 1.35), (1.05, 1.5), (1.35, 0.5), (1.9, 0.0))  # fmt: skip
_LOWER_LIP = ((0, -3.4), (0.10, -0.4), (0.25, 1.8), (0.45, 3.0), (0.65, 2.7), (0.88, 0.9), (1.0, 0.2), (1.3, -0.9), (1.9, 0.0))  # fmt: skip


def lip_relief(a: Array, b: Array, side: Array) -> Array:
    """How far the lips stand out of the smooth skin, mm; `side` is 1 above, -1 below the slit."""
    x = np.abs(a)
    line = mouth_line(x)
    upper = curve(prop.UPPER_BORDER_MM, x)
    lower = curve(prop.LOWER_BORDER_MM, x)
    height = np.where(side > 0, np.maximum(upper - line, 1.6), np.maximum(line - lower, 1.6))
    share = np.abs(b - line) / height
    profile = np.where(side > 0, curve(_UPPER_LIP, share), curve(_LOWER_LIP, share))
    taper = np.clip(1 - (x / 27.5) ** 2, 0, None) ** 0.7
    return profile * taper - 2.2 * bell(x, b, (27.2, -71.4), (3.2, 3.4))


def front_skin(a: Array, b: Array, side: Array) -> Array:
    """The skin with lips, lids and the folds of the face, without the nose.

    Args:
        a: (N,) chart coordinate, mm, of the left half (>= 0).
        b: (N,) chart coordinate, mm.
        side: (N,) 1 above the slit of the mouth, -1 below it.

    Returns:
        (N, 3) positions, mm.
    """
    points = smooth_skin(a, b)
    z = points[:, 2]
    z = z + lip_relief(a, b, side)
    z = z - 0.9 * bell(a, b, (0, -55), (1.9, 5.5)) + 0.5 * bell(a, b, (5.0, -56), (1.9, 5.5))
    z = z + 1.2 * bell(a, b, (30, 19.5), (15, 5))  # the brow's ridge
    z = z - 1.0 * bell(a, b, (30, -55), (6, 9))  # beside the mouth
    z = z + 1.2 * bell(a, b, (37, -33), (10, 9))  # cheek
    eye = (np.abs(a - prop.EYE_CENTRE_MM[0]) < 24) & (np.abs(b) < 20)
    lids = lid_depth(points[:, 0], points[:, 1])
    z = np.where(eye, smooth_max(z, lids, 1.6) - 0.16, z)
    # The fold above the upper lid hangs over its crease; a shallow furrow bounds the lower lid.
    share = np.clip((a - prop.INNER_CANTHUS_MM[0]) / 30, 0, 1)
    fold = np.sin(np.pi * np.clip((a - 13) / 36, 0, 1)) ** 0.7
    crease = -0.4 + 8.6 * np.sin(np.pi * np.clip(0.03 + 0.94 * share, 0, 1)) ** 0.8
    z = z - 1.0 * fold * np.exp(-0.5 * ((b - crease) / 0.75) ** 2)
    z = z + 1.1 * fold * np.exp(-0.5 * ((b - crease - 2.4) / 1.5) ** 2)
    z = z - 0.5 * bell(a, b, (28, -11.5), (10, 1.6))
    points[:, 2] = z
    return points
