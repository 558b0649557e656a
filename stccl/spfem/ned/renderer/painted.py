"""The frames of a clip with their faces painted over, one after the other."""

from collections.abc import Iterator
from itertools import repeat, tee
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.align.warp import Matrix, apply
from stccl.face3d.model import FaceCoefficients
from stccl.spfem.blend import into_frame
from stccl.spfem.eyes import lid_moves, steadied, with_moved_lids, without_eyes
from stccl.spfem.ned.renderer.conditions import conditions, covering, draw, to_pictures
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.track import FaceTrack
from stccl.tables.png import Image

Array = NDArray[np.float32]
Points = NDArray[np.float64]

_DRAWN_TOGETHER = 32


class Painted(NamedTuple):
    """A face as it goes over its frame."""

    picture: Image
    """(h, w, 3)."""
    mask: Array
    """(h, w) in [0, 1]: where it shows a face."""
    texture: Image | None
    """(h, w, 3), what the picture began with; None where it began with nothing."""
    lids: Array | None
    """Of `lid_moves`; None where nobody knows."""

    def into(self, frame: Image, to_picture: Matrix, eyes_px: Points | None, crop_px: int) -> Image:
        """The frame with this face.

        Args:
            frame: (H, W, 3).
            to_picture: (2, 3) from the frame to the picture.
            eyes_px: (2, 12, 2) points of the eyes that stay the frame's, as from
                `with_usual_eyes`; None where they are painted.
            crop_px: Side of a whole face crop, in pixels of the picture.
        """
        mask = self.mask
        if eyes_px is not None:
            if self.texture is not None and self.lids is not None:
                frame, eyes_px = with_moved_lids(
                    frame, self.texture, to_picture, eyes_px, self.lids
                )
            mask = without_eyes(mask, apply(to_picture, eyes_px))
        to_frame = np.asarray(cv2.invertAffineTransform(to_picture), np.float64)
        return into_frame(self.picture, mask, frame, to_frame, crop_px)


class _Drawn(NamedTuple):
    """A frame: what the renderer is told, and its texture as filmed and as shown, where asked."""

    condition: Tensor
    landmarks_px: Tensor
    textures: tuple[Image, Image] | None


def painted(
    track: FaceTrack, shown: FaceCoefficients, renderer: Renderer, eyes_px: Points | None
) -> Iterator[Painted]:
    """The faces of all frames of a track; every run of them begins anew.

    Args:
        track: The face as it was filmed.
        shown: With the wanted expression, of as many frames.
        renderer: Of the speaker.
        eyes_px: (N, 2, 12, 2) in the frames, as from `with_usual_eyes`, where eyes are kept; their
            lids then move as the renderer's texture has it.
    """
    matrices = to_pictures(track, renderer.config).numpy()
    for first, stop in track.runs():
        own = FaceCoefficients(*(values[first:stop] for values in shown))
        known = eyes_px is not None and renderer.config.textured
        told, drawn, seen = tee(_drawn(track.part(first, stop), own, renderer, known), 3)
        pictures = renderer.frames((each.condition, each.landmarks_px) for each in told)
        lids: Iterator[Array | None] = (None for _ in seen)
        if eyes_px is not None and known:
            places = map(apply, matrices[first:stop], eyes_px[first:stop])
            lids = steadied(
                lid_moves(*each.textures, eyes)
                for each, eyes in zip(seen, places, strict=True)
                if each.textures is not None
            )
        for each, picture, moves in zip(drawn, pictures, lids, strict=True):
            texture = None if each.textures is None else each.textures[1]
            yield Painted(_image(picture), each.condition[-1].numpy(), texture, moves)


def _drawn(
    track: FaceTrack, shown: FaceCoefficients, renderer: Renderer, textured: bool
) -> Iterator[_Drawn]:
    for start in range(0, len(track.frames), _DRAWN_TOGETHER):
        end = min(start + _DRAWN_TOGETHER, len(track.frames))
        part = track.part(start, end)
        filmed = draw(part, renderer.config)
        wanted = FaceCoefficients(*(values[start:end] for values in shown))
        changed = covering(draw(part, renderer.config, wanted), filmed)
        told = conditions(changed.images)
        textures: Iterator[tuple[Image, Image] | None] = repeat(None, end - start)
        if textured:
            was = renderer.begun(conditions(filmed.images), filmed.landmarks_px)
            now = renderer.begun(told, changed.landmarks_px)
            assert was is not None
            assert now is not None
            textures = zip(map(_image, was), map(_image, now), strict=True)
        for each in zip(told, changed.landmarks_px, textures, strict=True):
            yield _Drawn(*each)


def _image(picture: Tensor) -> Image:
    """(3, H, W) in [-1, 1] to (H, W, 3) uint8."""
    image = ((picture + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(image.movedim(0, -1).numpy())
