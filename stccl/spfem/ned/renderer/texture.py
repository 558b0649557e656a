"""A speaker's texture: what every place of the face looks like, as the expression has it.

A picture begins with it. Colours change with the expression more than a mesh tells: lips part
where it has none, brows fold the skin between them, teeth show, light falls otherwise. All of that
is nearly linear in how the landmarks lie, and linear is what can be counted instead of learnt.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SIDE = 160
"""Places along an axis: about as many as a face has pixels where it trains in minutes."""

COMPONENTS = 16
"""Of how landmarks lie; they leave a thousandth of its variance."""

_STEADY = (*range(27, 36), 36, 39, 42, 45)
"""Nose and corners of the eyes: what an expression moves least."""

_FARTHEST = 3.0
"""Standard deviations that an expression may be off the usual one; beyond, lines lead nowhere."""

_LEAST_MOVE = 1e-3
"""Distances of the eyes: components that move landmarks less are noise."""

_BOX = (0.0, 0.3, 1.0, 1.3)
"""Middle and half sides of what is kept of the steady frame, the whole face, in its unit."""

_PIXELS_UNSEEN, _PIXELS_STILL = 1e-3, 10.0
"""How many pixels the surroundings count as, beside those of a place: in what it looks like, and in
how that changes."""

_SKIN_BEHIND = 1e-3
"""Of a pixel: what one with a surface counts as for what is behind it."""

_BATCH = 32


class Texture(NamedTuple):
    """What a face looks like, or B faces; K components of the expression, S places by S."""

    skin: Tensor
    """(…, K + 1, 3, S, S) in [-1, 1], by green and red of the NMFC: the usual colour, and what a
    standard deviation of each component adds."""
    behind: Tensor
    """(…, K + 1, 3, S, S), the same of what no surface covers, the inside of the mouth, by its
    place in the steady frame: rows and columns within the face."""
    rest: Tensor
    """(…, 68, 2): the usual landmarks in the steady frame, whose unit is the distance of the outer
    corners of the eyes, and whose origin the middle of nose and corners."""
    moves: Tensor
    """(…, K, 68, 2): a component is the sum of landmarks' moves off `rest` times these."""

    @classmethod
    def empty(cls) -> "Texture":
        """Gray everywhere."""
        colours, moves = torch.zeros(COMPONENTS + 1, 3, SIDE, SIDE), torch.zeros(COMPONENTS, 68, 2)
        return cls(colours, colours.clone(), moves[0].clone(), moves)


def texture_of(landmarks_px: Tensor, frames: Iterable[tuple[Tensor, Tensor]]) -> Texture:
    r"""What every place looks like, by least squares over what frames show of it.

    .. math:: \min_{T(u)} \sum_{t,p} m_t(p) [c_t(p) = u]
        \Big\lVert y_t(p) - T_0(u) - \sum_k e_{tk} T_k(u) \Big\rVert^2
        + \lambda_0 \lVert T_0(u) - \bar T_0(u) \rVert^2
        + \lambda \sum_k \lVert T_k(u) - \bar T_k(u) \rVert^2

    for frame t and pixel p with mask m, picture y, place c and the expression's components e: the
    principal ones of the landmarks after the affine map that lays nose and corners of the eyes on
    the usual ones. The pull is towards the same of the surroundings, four places together, and so
    on up to the whole face. A place of the skin is its NMFC. Where a face has no surface, between
    the lips, it is where that map leads: teeth stay with the skull, and what else is seen there
    depends on the jaw, which the components tell.

    What frames have in common need not be learnt: Thies et al., "Deferred neural rendering"
    (SIGGRAPH 2019), learn a texture; this one is counted. Its linear colours are those of active
    appearance models (Cootes et al., 2001, Section 2).

    Args:
        landmarks_px: (N, 68, 2) of the model in the pictures.
        frames: Pairs of (6, H, W) uint8 as from `conditions.draw` and (3, H, W) in [-1, 1]; N.

    >>> landmarks = torch.rand(1, 68, 2, generator=torch.Generator().manual_seed(0))
    >>> images = torch.zeros(6, 1, 2, dtype=torch.uint8)
    >>> images[:2, 0, 1], images[5] = torch.tensor([51, 102]), 255
    >>> texture = texture_of(landmarks, [(images, torch.full((3, 1, 2), 0.5))])
    >>> texture.skin[0, :, int(0.4 * SIDE), int(0.2 * SIDE)]  # seen once
    tensor([0.5000, 0.5000, 0.5000])
    """
    rest = _usual(landmarks_px)
    moves = _components(_steadied(landmarks_px, rest) - rest)
    expressions = _expressions(landmarks_px, rest, moves)
    maps = _to_steady(landmarks_px, rest)
    skin, behind = _Counted(), _Counted()
    together = list(frames)
    for start in range(0, len(together), _BATCH):
        part = slice(start, start + _BATCH)
        images, pictures = (torch.stack(each) for each in zip(*together[part], strict=True))
        shown, surface = images[:, 5] > 0, (images[:, :3] > 0).any(1)
        colours = pictures.movedim(1, -1)
        skin.add(
            expressions[part], _skin_places(images[:, :2] / 255), colours, (shown & surface).float()
        )
        behind.add(
            expressions[part],
            _steady_places(maps[part], colours.shape[1:3]),
            colours,
            torch.where(surface, _SKIN_BEHIND, 1.0) * shown,
        )
    return Texture(skin.solved(), behind.solved(), rest, moves)


def look_up(textures: Texture, nmfc: Tensor, mask: Tensor, landmarks_px: Tensor) -> Tensor:
    """What each pixel's place looks like with this expression, linear between places.

    Args:
        textures: Of B faces.
        nmfc: (B, 3, H, W) in [0, 1].
        mask: (B, 1, H, W) in [0, 1].
        landmarks_px: (B, 68, 2) of the model in the pictures.

    Returns:
        (B, 3, H, W), mostly in [-1, 1]; 0 outside the mask.
    """
    told = _expressions(landmarks_px, textures.rest, textures.moves)
    skin, behind = (
        torch.einsum("bk,bkchw->bchw", told, part) for part in (textures.skin, textures.behind)
    )
    maps = _to_steady(landmarks_px, textures.rest)
    surface = (nmfc > 0).any(1, keepdim=True)
    found = torch.where(
        surface,
        _read(skin, _skin_places(nmfc[:, :2])),
        _read(behind, _steady_places(maps, nmfc.shape[2:])),
    )
    return torch.where(mask > 0, found, 0)


def _read(texture: Tensor, places: Tensor) -> Tensor:
    return functional.grid_sample(texture, places, padding_mode="border", align_corners=False)


def _skin_places(nmfc: Tensor) -> Tensor:
    """(B, 2, H, W) in [0, 1] to (B, H, W, 2), column and row in [-1, 1]."""
    return 2 * nmfc.movedim(1, -1) - 1


def _steady_places(maps: Tensor, size: Iterable[int]) -> Tensor:
    """(B, H, W, 2): where pixels lie in the box of the steady frame, column and row in [-1, 1]."""
    rows, columns = (torch.arange(side, dtype=maps.dtype, device=maps.device) for side in size)
    pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    x, y, half_width, half_height = _BOX
    places = functional.pad(pixels, (0, 1), value=1) @ maps[:, None]
    return (places - places.new_tensor((x, y))) / places.new_tensor((half_width, half_height))


def _usual(landmarks_px: Tensor) -> Tensor:
    """(68, 2): the mean landmarks in the steady frame."""
    if not len(landmarks_px):
        return torch.zeros(68, 2)
    mean = landmarks_px.mean(0)
    usual: Tensor = (mean - mean[list(_STEADY)].mean(0)) / (mean[45] - mean[36]).norm()
    return usual


def _to_steady(landmarks_px: Tensor, rest: Tensor) -> Tensor:
    """(B, 3, 2): what (x, y, 1) is multiplied with; least squares over the steady landmarks."""
    steady = list(_STEADY)
    known = functional.pad(landmarks_px[..., steady, :], (0, 1), value=1).double()
    maps: Tensor = torch.linalg.pinv(known) @ rest[..., steady, :].double()
    return maps.to(landmarks_px.dtype)


def _steadied(landmarks_px: Tensor, rest: Tensor) -> Tensor:
    """(B, 68, 2) in the steady frame."""
    steadied: Tensor = functional.pad(landmarks_px, (0, 1), value=1) @ _to_steady(
        landmarks_px, rest
    )
    return steadied


def _components(moved: Tensor) -> Tensor:
    """(K, 68, 2) of N times 68 moves: principal axes over their standard deviation."""
    flat = moved.flatten(1).double()
    flat = flat - flat.mean(0) if len(flat) else flat.new_zeros(1, 136)
    variances, axes = torch.linalg.eigh(flat.T @ flat / len(flat))
    variances, axes = variances.flip(0)[:COMPONENTS], axes.flip(1)[:, :COMPONENTS]
    deviations = variances.clamp(min=0).sqrt()
    scaled = torch.where(deviations > _LEAST_MOVE, axes / deviations, 0)
    return scaled.T.reshape(COMPONENTS, 68, 2).to(moved.dtype)


def _expressions(landmarks_px: Tensor, rest: Tensor, moves: Tensor) -> Tensor:
    """(B, K + 1): 1, and the components in standard deviations."""
    moved = _steadied(landmarks_px, rest) - rest
    components = (moved.unsqueeze(-3) * moves).sum((-2, -1))
    return functional.pad(components.clamp(-_FARTHEST, _FARTHEST), (1, 0), value=1)


class _Counted:
    """Least squares of colours by place, all places at once."""

    def __init__(self) -> None:
        self._squares = torch.zeros(SIDE**2, (COMPONENTS + 1) ** 2)
        self._products = torch.zeros(SIDE**2, (COMPONENTS + 1) * 3)

    def add(self, told: Tensor, places: Tensor, colours: Tensor, weights: Tensor) -> None:
        """(N, K + 1), (N, H, W, 2), (N, H, W, 3) and (N, H, W)."""
        cells = ((places + 1) / 2 * SIDE).long().clamp(0, SIDE - 1).flatten(1, 2)
        frames = torch.arange(len(told))[:, None]
        index = (frames * SIDE**2 + cells[..., 1] * SIDE + cells[..., 0]).flatten()
        counts = torch.zeros(len(told) * SIDE**2).index_add_(0, index, weights.flatten())
        sums = torch.zeros(len(told) * SIDE**2, 3)
        sums.index_add_(0, index, (colours * weights[..., None]).reshape(-1, 3))
        squares = (told[:, :, None] * told[:, None]).flatten(1)
        self._squares += counts.view(len(told), -1).T @ squares
        sums = sums.view(len(told), SIDE**2, 3)
        self._products += torch.einsum("nuc,nk->ukc", sums, told).flatten(1)

    def solved(self) -> Tensor:
        """(K + 1, 3, S, S)."""
        squares, products = (
            sums.double().T.reshape(1, -1, SIDE, SIDE) for sums in (self._squares, self._products)
        )
        colours = _solved(squares, products)
        return colours.view(COMPONENTS + 1, 3, SIDE, SIDE).float()


def _solved(squares: Tensor, products: Tensor) -> Tensor:
    """(1, (K + 1)², S, S) and (1, (K + 1) 3, S, S) to the colours, like the latter."""
    side, known = squares.shape[-1], products.shape[1] // 3
    around = torch.zeros_like(products)
    if side > 1:
        larger = _solved(_pooled(squares), _pooled(products))
        around = functional.interpolate(larger, (side, side))
    pull = torch.full((known, 1), _PIXELS_STILL, dtype=squares.dtype)
    pull[0] = _PIXELS_UNSEEN
    by_place = [
        part[0].flatten(1).T.reshape(side**2, known, -1) for part in (squares, products, around)
    ]
    left, right = by_place[0] + pull.diagflat(), by_place[1] + pull * by_place[2]
    colours: Tensor = torch.linalg.solve(left, right)
    return colours.flatten(1).T.reshape(products.shape)


def _pooled(sums: Tensor) -> Tensor:
    """Sums over two by two places; past an odd side there is nothing."""
    odd = sums.shape[-1] % 2
    return 4 * functional.avg_pool2d(functional.pad(sums, (0, odd, 0, odd)), 2)
