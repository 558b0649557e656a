"""Eye-gaze images."""

import torch
from torch import Tensor

_EYES = (slice(0, 6), slice(6, 12))


def gaze_image(pupils_px: Tensor, lids_px: Tensor, size: tuple[int, int]) -> Tensor:
    """A filled red disc on each pupil, as large as the eye is open; black around.

    A pixel is red if it is closer to the pupil than r = int((d_1 + d_2) / 4) px, with d_1 and d_2
    the distances of the second and fifth and of the third and sixth point of the eyelids, and all
    points cut to whole pixels: as NED's renderer is trained.

    Args:
        pupils_px: (B, 2, 2) x, y; whole numbers are pixel centres, as in landmarks and crops (a
            `View` counts from the picture's corner: 0.5 less). NaN where there is none.
        lids_px: (B, 12, 2), points 36 to 47 of 300-W: the eye on the image's left, then the other.
        size: Height and width of the pictures, px.

    Returns:
        (B, 3, H, W), 0 or 1, without gradient.

    >>> lids = torch.tensor([[[0, 4], [2, 2], [4, 2], [6, 4], [4, 6], [2, 6]] * 2])
    >>> gaze_image(torch.tensor([[[3, 4], [20, 4]]]), lids, (9, 7))[0, 0].sum()
    tensor(9.)
    """
    height, width = size
    centres, lids = pupils_px.trunc(), lids_px.trunc().to(pupils_px.dtype)
    rows = torch.arange(height, device=pupils_px.device)[:, None]
    columns = torch.arange(width, device=pupils_px.device)
    red = torch.zeros(len(pupils_px), height, width, dtype=torch.bool, device=pupils_px.device)
    for eye, points in enumerate(_EYES):
        _, second, third, _, fifth, sixth = lids[:, points].double().unbind(1)
        opening = (second - fifth).norm(dim=-1) + (third - sixth).norm(dim=-1)
        x, y = centres[:, eye, :, None, None].unbind(1)
        radius = (opening / 4).trunc()[:, None, None]
        red |= (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    image = torch.zeros(len(red), 3, height, width, device=red.device)
    image[:, 0] = red.to(image.dtype)
    return image
