"""A speaker's texture: the mean colour of every place of the face, which a picture begins with."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SKIN_PX = 256
"""As many places along an axis as NMFC images, in bytes, tell apart."""

ACROSS, DEEP = 16, 32
_DEPTHS = 128
"""Of a picture's height, how many depths the mouth's inside has; those beyond the last are it."""

_UNSEEN = 1e-3
"""Of a pixel: what a place that was never seen counts as, with the colour of its surroundings."""


class Texture(NamedTuple):
    """What a face looks like, or B faces; in [-1, 1]."""

    skin: Tensor
    """(…, 3, 256, 256): by green and red of the NMFC, as the mean face is seen from the front."""
    mouth: Tensor
    """(…, 3, 16, 32, 32): its inside, by how far across, below the upper lip, above the lower."""

    @classmethod
    def empty(cls) -> "Texture":
        """Gray everywhere."""
        return cls(torch.zeros(3, SKIN_PX, SKIN_PX), torch.zeros(3, ACROSS, DEEP, DEEP))


def texture_of(frames: Iterable[tuple[Tensor, Tensor]]) -> Texture:
    r"""The mean colour of every place, over what frames show of it.

    .. math:: T(u) = \frac{\sum_{t,p} m_t(p) [c_t(p) = u]\, y_t(p)}{\sum_{t,p} m_t(p) [c_t(p) = u]}

    for frame t and pixel p with mask m, picture y and place c. Of the skin that is its NMFC. Where
    a face has no surface, between the lips, it is how far across the mouth the pixel lies and how
    many pixels from the upper and from the lower lip, so that teeth hang from the one and the
    tongue lies on the other. Places that no frame shows take their surroundings' colour.

    What frames have in common need not be learnt: Thies et al., "Deferred neural rendering"
    (SIGGRAPH 2019), learn a texture; this one is counted.

    Args:
        frames: Pairs of (N, 6, H, W) uint8 as from `conditions.draw` and (N, 3, H, W) in [-1, 1].

    >>> images = torch.zeros(1, 6, 1, 2, dtype=torch.uint8)
    >>> images[0, :2, 0, 1], images[0, 5] = torch.tensor([7, 9]), 255
    >>> texture = texture_of([(images, torch.tensor([[[[-1.0, 0.5]]]]).expand(1, 3, 1, 2))])
    >>> texture.skin[:, 9, 7], texture.mouth[:, 8, 0, 0]
    (tensor([0.5000, 0.5000, 0.5000]), tensor([-1., -1., -1.]))
    """
    skin = _Counted(SKIN_PX, SKIN_PX)
    mouth = _Counted(ACROSS, DEEP, DEEP)
    for images, pictures in frames:
        colours = pictures.movedim(1, -1)
        shown = images[:, 5] > 0
        inside = _inside(images[:, :3], images[:, 5:])
        outside = shown & ~inside
        places = images[:, :2].movedim(1, -1)[outside]
        skin.add(places.flip(-1).long(), colours[outside])
        sizes = torch.tensor([ACROSS, DEEP, DEEP])
        places = (_mouth_places(inside)[inside] * sizes).long().minimum(sizes - 1)
        mouth.add(places, colours[inside])
    return Texture(skin.means(), mouth.means())


def look_up(textures: Texture, nmfc: Tensor, mask: Tensor) -> Tensor:
    """What each pixel's place looks like, linear between places.

    Args:
        textures: Of B faces.
        nmfc: (B, 3, H, W) in [0, 1].
        mask: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 3, H, W) in [-1, 1].
    """
    places = 2 * nmfc[:, :2].movedim(1, -1) - 1
    skin = functional.grid_sample(textures.skin, places, align_corners=True)
    inside = _inside(nmfc, mask)
    # Depth, height and width of a volume are told in the other order; its places are cells.
    cells = 2 * _mouth_places(inside).flip(-1)[:, None] - 1
    mouth = functional.grid_sample(
        textures.mouth, cells, padding_mode="border", align_corners=False
    )
    return torch.where(inside[:, None], mouth[:, :, 0], skin)


def _inside(nmfc: Tensor, mask: Tensor) -> Tensor:
    """(B, H, W): within the face, where there is no surface."""
    return (mask[:, 0] > 0) & ~(nmfc > 0).any(1)


def _mouth_places(inside: Tensor) -> Tensor:
    """(B, H, W, 3) in [0, 1]: across, below the upper lip, above the lower; cells' middles."""
    columns = inside.any(1)
    across = (columns.cumsum(1) - 0.5) / columns.sum(1, keepdim=True).clamp(min=1)
    below = inside.cumsum(1) - 0.5
    above = inside.flip(1).cumsum(1).flip(1) - 0.5
    deepest = inside.shape[1] * DEEP / _DEPTHS
    places = torch.stack(
        (across[:, None].expand(below.shape), below / deepest, above / deepest), -1
    )
    return places.clamp(0, 1)


class _Counted:
    """Means of colours by place."""

    def __init__(self, *sides: int) -> None:
        self._sides = sides
        self._sums = torch.zeros(sides).flatten()[:, None].repeat(1, 3)
        self._counts = torch.zeros(sides).flatten()

    def add(self, places: Tensor, colours: Tensor) -> None:
        """(N, K) of K sides, (N, 3)."""
        number = torch.zeros(len(places), dtype=torch.long)
        for side, place in zip(self._sides, places.unbind(-1), strict=True):
            number = number * side + place
        self._sums.index_add_(0, number, colours)
        self._counts.index_add_(0, number, torch.ones(len(number)))

    def means(self) -> Tensor:
        sums = self._sums.T.reshape(1, 3, *self._sides)
        return _filled(sums, self._counts.view(1, 1, *self._sides))[0]


def _filled(sums: Tensor, counts: Tensor) -> Tensor:
    """Sums over counts, blended with the mean of ever larger surroundings where few count."""
    if max(counts.shape) == 1:
        return sums / counts.clamp(min=_UNSEEN)
    smaller = [(side + 1) // 2 for side in counts.shape[2:]]
    around = _filled(_pooled(sums, smaller), _pooled(counts, smaller))
    around = functional.interpolate(around, tuple(counts.shape[2:]))
    return (sums + _UNSEEN * around) / (counts + _UNSEEN)


def _pooled(values: Tensor, sides: list[int]) -> Tensor:
    """Sums over twos along every axis that is longer than 1."""
    pool = functional.avg_pool2d if len(sides) == 2 else functional.avg_pool3d
    twos = [2 if side > 1 else 1 for side in values.shape[2:]]
    total = 1
    for two in twos:
        total *= two
    return total * pool(values, twos)
