"""Pictures as the metric takes them."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from stccl.tables.png import Image


def as_input(images: Sequence[Image], size_px: int) -> Tensor:
    """T pictures (H×W×3, RGB, 0–255) as (T, 3, size, size), RGB in [-1, 1].

    >>> as_input([np.full((50, 40, 3), 255, np.uint8)], 33).unique()
    tensor([1.])
    """
    sized = [
        image
        if image.shape[:2] == (size_px, size_px)
        # Averages over what falls into a pixel; a bilinear sample would skip most of it.
        else cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_AREA)
        for image in images
    ]
    return torch.from_numpy(np.stack(sized)).permute(0, 3, 1, 2).float() / 127.5 - 1
