"""Heads of hair: strands that grow from the scalp, follow a style and rest on the head."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from stccl.actors.hairline import above_hairline
from stccl.actors.looks import HairStyle, Looks
from stccl.render.picture import from_srgb

Array = NDArray[Any]

POINTS = 9  # of a strand
_SUBSTEPS = 3  # between them while it grows
_COMBED = 0.6  # hair that clings as much as this is kept out of the face


class Scalp(NamedTuple):
    """The skin of a head at rest, m.

    Attributes:
        vertices: (V, 3), in the head's frame.
        normals: (V, 3).
        chart: (V, 2) mm, a signed.
        triangles: (F, 3), of the skin alone.
    """

    vertices: Array
    normals: Array
    chart: Array
    triangles: Array


class Hair(NamedTuple):
    """Ribbons, two vertices side by side at each of a strand's points; in the head's frame.

    Attributes:
        position: (V, 3) m.
        tangent: (V, 3).
        normal: (V, 3), out of the head of hair.
        colour: (V, 3) linear RGB.
        occlusion: (V,) 0 deep within, 1 on the outside.
        triangles: (F, 3), both sides are seen.
        gloss: Of the whole.
    """

    position: Array
    tangent: Array
    normal: Array
    colour: Array
    occlusion: Array
    triangles: Array
    gloss: float


class _Style(NamedTuple):
    """How one style grows.

    Attributes:
        strands: How many.
        length_mm: Of a strand that grows at a place on the scalp, (N,) from (N, 3) roots in mm.
        comb: Where it is combed to there, (N, 3), need not be unit.
        lift: How far it stands up from the scalp at the root, 0..1.
        volume_mm: Between the innermost and the outermost strands.
        gravity: How soon it turns down.
        cling: How closely it lies on the head, 0..1.
        frizz: How much strands wander from point to point.
        width_mm: Of a ribbon.
        gloss: Strength of the highlights.
    """

    strands: int
    length_mm: Callable[[Array], Array]
    comb: Callable[[Array], Array]
    lift: float
    volume_mm: float
    gravity: float
    cling: float
    frizz: float
    width_mm: float
    gloss: float


def grow_hair(scalp: Scalp, looks: Looks, generator: np.random.Generator) -> Hair | None:
    """A person's hair; None for the bald."""
    if looks.hair_style == "bald":
        return None
    style = _STYLES[looks.hair_style]
    roots, normals = _roots(scalp, looks, style.strands, generator)
    paths = _grow(scalp, roots, normals, style, generator)
    if looks.hair_style == "bun":
        paths = np.concatenate([paths, _bun(generator)])
    return _ribbons(paths, scalp, style, looks, generator)


def keep_seen(hair: Hair, seen: Array) -> Hair:
    """Hair without what is never seen, the front first.

    Args:
        hair: All of it.
        seen: (F,) bool, triangles that are seen from somewhere; those next to them stay as well.
    """
    cells: Array = np.asarray(seen.reshape(-1, POINTS - 1, 2).any(axis=2))
    beside = cells.copy()
    beside[:, 1:] |= cells[:, :-1]
    beside[:, :-1] |= cells[:, 1:]
    kept = hair.triangles[np.repeat(beside.ravel(), 2)]
    # From the front to the back: what is drawn later is mostly hidden, which is soon seen.
    kept = kept[np.argsort(-hair.position[kept, 2].mean(axis=1), kind="stable")]
    vertices, triangles = np.unique(kept, return_inverse=True)
    return hair._replace(
        **{
            name: getattr(hair, name)[vertices]
            for name in ("position", "tangent", "normal", "colour", "occlusion")
        },
        triangles=triangles.reshape(-1, 3),
    )


def _roots(
    scalp: Scalp, looks: Looks, count: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Places spread evenly over the scalp, (N, 3) mm, and its normals there."""
    corners = scalp.vertices[scalp.triangles] * 1e3
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    chart = scalp.chart[scalp.triangles].mean(axis=1)
    recess = 0.0 if looks.stubble == 0 else max(0.0, looks.age_years - 28) * 0.35
    area *= np.clip((above_hairline(chart[:, 0], chart[:, 1], recess) + 1) / 7, 0, 1)
    # What shows from the front gets more strands.
    area *= np.where(corners[:, :, 2].mean(axis=1) > -30, 1.0, 0.35)
    chosen = generator.choice(len(area), size=count, p=area / area.sum())
    weights = generator.dirichlet([1, 1, 1], count)
    roots = np.einsum("nk,nkx->nx", weights, corners[chosen])
    normals = np.einsum("nk,nkx->nx", weights, scalp.normals[scalp.triangles[chosen]])
    return roots, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _grow(
    scalp: Scalp, roots: Array, normals: Array, style: _Style, generator: np.random.Generator
) -> Array:
    """Centre lines, (N, POINTS, 3) mm."""
    count = len(roots)
    skin = scalp.vertices * 1e3
    tree = cKDTree(skin)
    layer = np.linspace(0, 1, count)[generator.permutation(count), None]
    locks = cKDTree(roots[: max(count // 12, 1)]).query(roots)[1]  # strands near each other
    per_lock = generator.standard_normal((count, 3))[locks]
    own = 0.14 * per_lock + 0.05 * generator.standard_normal((count, 3))
    length = style.length_mm(roots)[:, None] * generator.uniform(0.85, 1.08, (count, 1))
    step = length / (POINTS - 1) / _SUBSTEPS
    combed = _along(style.comb(roots) + own, normals)
    direction = style.lift * normals + (1 - style.lift) * combed
    paths = [roots]
    at = roots
    for number in range(1, (POINTS - 1) * _SUBSTEPS + 1):
        grown = number / _SUBSTEPS
        direction = direction / (np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9)
        at = at + step * direction
        _, nearest = tree.query(at)
        outward = scalp.normals[nearest]
        height = ((at - skin[nearest]) * outward).sum(axis=1, keepdims=True)
        room = (0.6 + style.volume_mm * layer) * min(1.0, 0.45 * grown)
        at = at + outward * np.maximum(room - height, 0)
        # Hair that has left the head hangs; what is on it lies on what is beneath.
        hangs = np.clip((height - room - 8) / 14, 0, 1)
        at = at - style.cling * (1 - hangs) * outward * np.clip(height - room, 0, 10) * 0.6
        combed = style.comb(at) + own
        combed = combed / (np.linalg.norm(combed, axis=1, keepdims=True) + 1e-9)
        flat = _along(combed, outward)
        wanted = flat + style.cling * hangs * ([0.0, -1.0, 0.0] - flat)
        wanted[:, 1] -= style.gravity * grown / POINTS
        wanted += style.frizz * generator.standard_normal((count, 3))
        direction = 0.6 * direction + 0.4 * wanted
        if number % _SUBSTEPS == 0:
            paths.append(at)
    lines = np.stack(paths, axis=1)
    if style.cling < _COMBED:
        return lines
    # Take out the kinks where strands were pushed off the head, but let none sink into it.
    for _ in range(3):
        lines[:, 1:-1] = (lines[:, :-2] + 2 * lines[:, 1:-1] + lines[:, 2:]) / 4
    flat_lines = lines[:, 1:].reshape(-1, 3)
    _, nearest = tree.query(flat_lines)
    height = ((flat_lines - skin[nearest]) * scalp.normals[nearest]).sum(axis=1, keepdims=True)
    room = 0.6 + 0.8 * style.volume_mm * np.repeat(layer, POINTS - 1, axis=0)
    flat_lines = flat_lines + scalp.normals[nearest] * np.maximum(room - height, 0)
    lines[:, 1:] = flat_lines.reshape(count, POINTS - 1, 3)
    x, y, z = np.moveaxis(lines, 2, 0)
    over_face = (np.abs(x) < 56) & (y < 74) & (z > 35)
    beside_face: Array = lines[~over_face.any(axis=1)]
    return beside_face


def _along(directions: Array, normals: Array) -> Array:
    """The part of directions along a surface, unit."""
    flat = directions - (directions * normals).sum(axis=1, keepdims=True) * normals
    unit: Array = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9)
    return unit


def _bun(generator: np.random.Generator) -> Array:
    """Strands wound round a ball on top of the back of the head."""
    count = 500
    pole = generator.standard_normal((count, 3))
    pole = pole / np.linalg.norm(pole, axis=1, keepdims=True)
    pole[:, 1] *= 0.4
    pole /= np.linalg.norm(pole, axis=1, keepdims=True)
    first = np.cross(pole, [0.9, 0.1, 0.4])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(pole, first)
    turn = generator.uniform(0, 2 * np.pi, (count, 1)) + np.linspace(0, 2.2, POINTS)
    ball = np.cos(turn)[..., None] * first[:, None] + np.sin(turn)[..., None] * second[:, None]
    ball = ball + 0.35 * pole[:, None]
    ball /= np.linalg.norm(ball, axis=2, keepdims=True)
    radius = np.array([33.0, 26.0, 30.0]) * generator.uniform(0.9, 1.03, (count, 1, 1))
    strands: Array = ball * radius + np.array([0.0, 140.0, -38.0])
    return strands


def _ribbons(
    paths: Array, scalp: Scalp, style: _Style, looks: Looks, generator: np.random.Generator
) -> Hair:
    count = len(paths)
    tangent = np.gradient(paths, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True) + 1e-9
    tree = cKDTree(scalp.vertices * 1e3)
    distance, nearest = tree.query(paths.reshape(-1, 3))
    outward = scalp.normals[nearest].reshape(paths.shape)
    middle = np.array([0.0, 40.0, -10.0])
    away = paths - middle
    away /= np.linalg.norm(away, axis=2, keepdims=True)
    normal = 0.6 * outward + 0.8 * away
    normal -= 0.6 * (normal * tangent).sum(axis=2, keepdims=True) * tangent
    normal /= np.linalg.norm(normal, axis=2, keepdims=True) + 1e-9
    across = np.cross(tangent, 0.5 * normal + [0.0, 0.0, 0.9])
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-9
    share = np.linspace(0, 1, POINTS)
    width = style.width_mm * np.interp(share, [0, 0.12, 0.6, 1], [0.45, 1.0, 0.9, 0.12])
    width = width * generator.uniform(0.6, 1.25, (count, 1))
    position = np.stack(
        [paths - across * width[..., None] / 2, paths + across * width[..., None] / 2], axis=2
    )
    depth = distance.reshape(count, POINTS) / max(style.volume_mm, 1.0)
    occlusion = np.clip(0.30 + 0.75 * np.clip(depth, 0, 1), 0, 1)
    colour = _colours(count, share, looks, generator)

    def doubled(values: Array) -> Array:
        return np.repeat(values, 2, axis=1).reshape(count * POINTS * 2, -1).astype(np.float32)

    first = (np.arange(count)[:, None] * POINTS + np.arange(POINTS - 1)) * 2
    cells = np.stack([first, first + 2, first + 1, first + 1, first + 2, first + 3], axis=-1)
    return Hair(
        position=(position.reshape(-1, 3) * 1e-3).astype(np.float32),
        tangent=doubled(tangent),
        normal=doubled(normal),
        colour=doubled(colour),
        occlusion=doubled(occlusion)[:, 0],
        triangles=cells.reshape(-1, 3),
        gloss=style.gloss,
    )


def _colours(count: int, share: Array, looks: Looks, generator: np.random.Generator) -> Array:
    base = from_srgb(np.array(looks.hair_colour))
    grey = from_srgb(np.array([0.56, 0.55, 0.54]))
    is_grey = np.clip(looks.hair_grey * generator.normal(0.9, 0.22, (count, 1)), 0, 1)
    strand = base * (grey / base) ** is_grey
    strand = strand * np.exp(generator.normal(0, 0.27, (count, 1)))
    # Darker at the root, bleached at the tip.
    along = np.interp(share, [0, 0.3, 1], [0.7, 1.0, 1.2])
    colours: Array = strand[:, None, :] * along[None, :, None]
    return colours


def _away_from_part(part_mm: float, back: float, down: float) -> Callable[[Array], Array]:
    """From a parting to both sides, then down, past the face."""

    def comb(at: Array) -> Array:
        side = np.tanh((at[:, 0] - part_mm) / 5.0)
        high = np.clip((at[:, 1] - 30) / 70, 0, 1)
        before_face = np.clip((at[:, 2] - 5) / 40, 0, 1) * np.clip((95 - at[:, 1]) / 40, 0, 1)
        return np.stack(
            [
                side * (0.15 + high + 0.5 * before_face),
                -down * (1 - 0.7 * high),
                -back * (0.4 + 1.6 * before_face) * np.clip((at[:, 1] + 90) / 60, 0, 1),
            ],
            axis=1,
        )

    return comb


def _swept(at: Array) -> Array:
    """Up and to one side over the forehead, down at the sides."""
    high = np.clip((at[:, 1] - 70) / 30, 0, 1)
    return np.stack(
        [0.5 * high, -1.0 * (1 - high) + 0.2 * high, 0.45 * high - 0.35 * (1 - high)], axis=1
    )


def _outward(at: Array) -> Array:
    away = at - np.array([0.0, 45.0, -10.0])
    unit: Array = away / np.linalg.norm(away, axis=1, keepdims=True)
    return unit


def _backward(at: Array) -> Array:
    return np.array([0.0, 128.0, -62.0]) - at


def _even(length: float) -> Callable[[Array], Array]:
    return lambda roots: np.full(len(roots), length)


def _longer_on_top(sides: float, top: float) -> Callable[[Array], Array]:

    def length(roots: Array) -> Array:
        high = np.clip((roots[:, 1] - 60) / 45, 0, 1)
        short: Array = np.clip((roots[:, 1] + 50) / 70, 0.25, 1)
        return (sides + (top - sides) * high) * short

    return length


def _down_to(y_mm: float) -> Callable[[Array], Array]:
    """Long enough to go round the head and hang down to a height."""
    return lambda roots: 1.05 * (roots[:, 1] - y_mm) + 25 * np.clip(roots[:, 1] / 100, 0, 1)


_STYLES: dict[HairStyle, _Style] = {
    "cropped": _Style(
        strands=4600, length_mm=_longer_on_top(5, 11), comb=_swept, lift=0.35, volume_mm=3.0,
        gravity=0.0, cling=0.3, frizz=0.1, width_mm=1.0, gloss=0.6,
    ),
    "short": _Style(
        strands=4600, length_mm=_longer_on_top(12, 46), comb=_swept, lift=0.5, volume_mm=15.0,
        gravity=0.15, cling=0.35, frizz=0.12, width_mm=1.4, gloss=1.3,
    ),
    "side_part": _Style(
        strands=4600, length_mm=_longer_on_top(15, 80), comb=_away_from_part(32.0, 0.3, 1.0),
        lift=0.3, volume_mm=12.0, gravity=0.1, cling=0.7, frizz=0.06, width_mm=1.5, gloss=1.6,
    ),
    "curly": _Style(
        strands=4600, length_mm=_longer_on_top(42, 60), comb=_outward, lift=0.8, volume_mm=10.0,
        gravity=0.25, cling=0.0, frizz=0.6, width_mm=1.5, gloss=0.8,
    ),
    "wavy": _Style(
        strands=4600, length_mm=_down_to(-105), comb=_away_from_part(14.0, 0.5, 1.0), lift=0.3,
        volume_mm=24.0, gravity=0.6, cling=0.7, frizz=0.34, width_mm=1.9, gloss=1.2,
    ),
    "bob": _Style(
        strands=4200, length_mm=_down_to(-72), comb=_away_from_part(8.0, 0.5, 1.2), lift=0.12,
        volume_mm=15.0, gravity=0.7, cling=0.9, frizz=0.04, width_mm=2.0, gloss=1.6,
    ),
    "long": _Style(
        strands=3200, length_mm=_down_to(-190), comb=_away_from_part(-10.0, 0.5, 1.2), lift=0.12,
        volume_mm=15.0, gravity=0.8, cling=0.9, frizz=0.05, width_mm=2.6, gloss=1.6,
    ),
    "bun": _Style(
        strands=4200, length_mm=_even(125), comb=_backward, lift=0.06, volume_mm=5.0,
        gravity=0.0, cling=1.0, frizz=0.03, width_mm=1.6, gloss=1.6,
    ),
}  # fmt: skip
