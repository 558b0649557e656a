"""What a fit found in a clip, before anyone has looked how well it fits."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.fit.equations import split
from stccl.render.camera import Camera

Array = NDArray[Any]


class Found(NamedTuple):
    """The face in T frames of a clip, and the camera.

    Attributes:
        shape: (T, S).
        expression: (T, E).
        jaw: (T, 3) rad.
        rotation: (T, 3) rad.
        translation: (T, 3) m.
        camera: Of all T frames.
        light: (T, 27) RGB for each spherical harmonic, where pictures told it.
        photometric_residual: (T,) what colours are missed by, where pictures were fitted.
        texture: (T, 50) albedo by DECA.
        detail: (T, 128) wrinkles by DECA.
    """

    shape: Array
    expression: Array
    jaw: Array
    rotation: Array
    translation: Array
    camera: Camera
    light: Array | None = None
    photometric_residual: Array | None = None
    texture: Array | None = None
    detail: Array | None = None


def same_person(shape: Array, unknowns: Array, camera: Camera) -> Found:
    """One shape (S,) in all T frames with their (T, P) unknowns of `fit_clip`."""
    return Found(np.tile(shape, (len(unknowns), 1)), *split(unknowns), camera)
