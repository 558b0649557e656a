"""What a lip-sync network is shown of a clip: windows of pictures and of the sound beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stccl.errors import StcclError
from stccl.experts.mfcc import COEFFICIENTS, mfcc
from stccl.experts.params import SyncNetConfig
from stccl.experts.syncnet import WINDOW_FRAMES, WINDOW_STEPS
from stccl.tables.png import Image

STEPS_PER_FRAME = 4
"""Steps of sound features in a picture's time, at 25 pictures a second."""


@dataclass(frozen=True)
class SyncWindows:
    """A clip's N windows of 0.2 s, one starting with every picture.

    Attributes:
        pictures: (C, N + 4, side, side) of the faces; window n shows pictures n … n + 4.
        sound: (N, 1, 13, 20) features.
        seen: (N,) whether every picture of a window shows a face.
    """

    pictures: Tensor
    sound: Tensor
    seen: npt.NDArray[np.bool_]


def sync_windows(
    faces: Sequence[Image | None],
    sound: npt.NDArray[np.floating],
    sample_rate_hz: int,
    config: SyncNetConfig,
) -> SyncWindows:
    """Windows of a clip of 25 pictures a second, as far as both pictures and sound go.

    Args:
        faces: T aligned faces (square, RGB), None where a frame has none.
        sound: Samples in [-1, 1], from the time of the first picture on.
        sample_rate_hz: Samples per second.
        config: Of the network.

    Raises:
        StcclError: Where there is no window of 0.2 s, or no face in any.
    """
    features = mfcc(sound, sample_rate_hz)
    if config.input == "relative":
        features = _relative(features, whole=False)
    count = min(
        len(faces) - WINDOW_FRAMES + 1, (len(features) - WINDOW_STEPS) // STEPS_PER_FRAME + 1
    )
    if count < 1:
        raise StcclError(
            f"{len(faces)} pictures and {len(sound) / sample_rate_hz:.2f} s of sound have no "
            "window of 0.2 s in common; give a longer clip"
        )
    faces = faces[: count + WINDOW_FRAMES - 1]
    there = np.array([face is not None for face in faces])
    runs = np.lib.stride_tricks.sliding_window_view(there, WINDOW_FRAMES)
    seen = np.asarray(runs.all(axis=1), np.bool_)
    if not seen.any():
        raise StcclError(f"no 5 of {len(faces)} pictures in a row show a face; look at the clip")
    windows = np.lib.stride_tricks.sliding_window_view(features, WINDOW_STEPS, axis=0)
    windows = windows[::STEPS_PER_FRAME][:count].astype(np.float32)
    assert windows.shape == (count, COEFFICIENTS, WINDOW_STEPS)
    return SyncWindows(lip_pictures(faces, config), torch.from_numpy(windows)[:, None], seen)


def lip_pictures(faces: Sequence[Image | None], config: SyncNetConfig) -> Tensor:
    """(C, T, side, side): pictures as the network takes them; 0 where there is no face."""
    shape = (config.side_px, config.side_px, config.channels)
    pictures = np.zeros((len(faces), *shape), np.float32)
    there = [k for k, face in enumerate(faces) if face is not None]
    for k in there:
        face = faces[k]
        assert face is not None
        pictures[k] = _cut(face, config).reshape(shape)
    if config.input == "relative" and there:
        pictures[there] = _relative(pictures[there], whole=True)
    return torch.from_numpy(pictures).permute(3, 0, 1, 2)


def _relative(values: npt.NDArray[Any], *, whole: bool) -> npt.NDArray[Any]:
    """Values less their mean over time, over their deviation: of all together, or of each."""
    centred = values - values.mean(axis=0)
    deviation = centred.std() if whole else centred.std(axis=0)
    # What never changes says nothing, and stays 0.
    return np.asarray(centred / np.where(deviation > 0, deviation, 1.0), values.dtype)


def _cut(face: Image, config: SyncNetConfig) -> Image:
    height, width = face.shape[:2]
    left, top, right, bottom = (
        round(share * side)
        for share, side in zip(config.crop, (width, height, width, height), strict=True)
    )
    part = face[top:bottom, left:right]
    size = (config.side_px, config.side_px)
    if part.shape[:2] != size:
        smaller = part.shape[0] > config.side_px
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        part = cv2.resize(part, size, interpolation=method).astype(np.uint8, copy=False)
    code = cv2.COLOR_RGB2BGR if config.input == "published" else cv2.COLOR_RGB2GRAY
    return cv2.cvtColor(part, code).astype(np.uint8, copy=False)
