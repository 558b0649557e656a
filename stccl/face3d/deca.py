"""DECA: a face's coefficients from one picture, and the face from its coefficients."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from stccl.checkpoint import load_weights, read_weights
from stccl.errors import StcclError
from stccl.face3d.albedo import FlameAlbedo
from stccl.face3d.deca_crop import SIDE_PX
from stccl.face3d.deca_networks import (
    DECA_FILE,
    DECODER_INPUTS,
    DETAILS,
    SIZES,
    DetailDecoder,
    Encoder,
)
from stccl.face3d.flame import FLAME
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.rotation import rotation_matrix
from stccl.face3d.shading import shading
from stccl.render.normals import vertex_normals
from stccl.weights import WEIGHTS

_JAW = slice(3, 6)


class DecaCodes(NamedTuple):
    """What DECA reads off B pictures."""

    shape: Tensor
    """(B, 100) FLAME identity, standard deviations."""
    texture: Tensor
    """(B, 50) albedo, standard deviations."""
    expression: Tensor
    """(B, 50) FLAME expression, standard deviations."""
    pose: Tensor
    """(B, 6) axis-angle of the whole head about FLAME's root, then of the jaw, rad."""
    camera: Tensor
    """(B, 3) scale, shift in x, shift in y (m) of an orthographic camera."""
    light: Tensor
    """(B, 9, 3) RGB per spherical harmonic."""
    detail: Tensor
    """(B, 128) wrinkles of this person."""


class DecaFace(NamedTuple):
    """What DECA's codes look like."""

    vertices: Tensor
    """(B, V, 3), m."""
    projected: Tensor
    """(B, V, 3) in the crop; see `project`."""
    landmarks_2d: Tensor
    """(B, 68, 2) in the crop; the jaw line follows the visible contour."""
    landmarks_3d: Tensor
    """(B, 68, 3) in the crop; all points fixed on the surface."""
    albedo: Tensor
    """(B, 3, 256, 256) over FLAME's texture map, RGB in [0, 1]."""
    shading: Tensor
    """(B, V, 3) RGB: albedo times this is what is seen at a vertex."""
    displacement: Tensor
    """(B, 1, 256, 256) along the normals over FLAME's texture map, m."""


class DECA(nn.Module):
    """Detailed expression capture and animation.

    Source: Feng, Feng, Black & Bolkart, "Learning an animatable detailed 3D face model from
    in-the-wild images" (SIGGRAPH 2021), Sections 3 and 4.

    Args:
        flame: The head, with 100 shapes and 50 expressions.
        albedo: Its colours, with 50 components.
    """

    def __init__(self, flame: FLAME, albedo: FlameAlbedo) -> None:
        super().__init__()
        self.E_flame = Encoder(sum(SIZES.values()))
        self.E_detail = Encoder(DETAILS)
        self.D_detail = DetailDecoder(DECODER_INPUTS)
        self.flame = flame
        self.flametex = albedo

    @classmethod
    def from_folder(cls, folder: Path = WEIGHTS) -> Self:
        """DECA from its published files, ready to be used; nothing in them is executed.

        Args:
            folder: Holds `deca_model.tar`, `generic_model.pkl`, `landmark_embedding.npy` and
                `FLAME_albedo_from_BFM.npz`.

        Raises:
            StcclError: Where a file is absent, damaged or another one; naming file and cause.
        """
        path = folder / DECA_FILE
        state = read_weights(path)
        flame = FLAME.from_folder(folder, shapes=SIZES["shape"], expressions=SIZES["expression"])
        deca = cls(flame, FlameAlbedo.from_folder(folder, components=SIZES["texture"]))
        for name in ("E_flame", "E_detail", "D_detail"):
            fill(deca.get_submodule(name), name, state, path)
        return deca.eval()

    def encode(self, images: Tensor) -> DecaCodes:
        """What is seen in pictures.

        Args:
            images: (B, 3, 224, 224), RGB in [0, 1], cropped by `stccl.face3d.deca_crop`.

        Raises:
            ValueError: Where the pictures have another size or are no floats.
        """
        if images.ndim != 4 or images.shape[1:] != (3, SIDE_PX, SIDE_PX):
            raise ValueError(
                f"images: expected (B, 3, {SIDE_PX}, {SIDE_PX}), got {tuple(images.shape)}"
            )
        if not images.is_floating_point():
            raise ValueError(f"images: expected floats in [0, 1], got {images.dtype}")
        parts = dict(zip(SIZES, self.E_flame(images).split(list(SIZES.values()), 1), strict=True))
        parts["light"] = parts["light"].unflatten(1, (9, 3))
        return DecaCodes(**parts, detail=self.E_detail(images))

    def decode(self, codes: DecaCodes) -> DecaFace:
        """The face in space, in the crop and in colour."""
        face = self.flame(codes.shape, codes.expression, codes.pose)
        latent = decoder_input(codes.pose[:, _JAW], codes.expression, codes.detail)
        return DecaFace(
            vertices=face.vertices,
            projected=project(face.vertices, codes.camera),
            landmarks_2d=project(face.landmarks_2d, codes.camera)[..., :2],
            landmarks_3d=project(face.landmarks_3d, codes.camera),
            albedo=cast(Tensor, self.flametex(codes.texture)),
            shading=shading(vertex_normals(face.vertices, self.flame.triangles), codes.light),
            displacement=cast(Tensor, self.D_detail(latent)),
        )

    def coefficients(self, codes: DecaCodes) -> FaceCoefficients:
        """The same face for `FLAME.vertices`, which turns the head about the origin."""
        rotation = codes.pose[:, :3]
        root = self.flame.root(codes.shape, codes.expression)
        turned = (rotation_matrix(rotation) @ root[..., None])[..., 0]
        return FaceCoefficients(
            shape=codes.shape,
            expression=codes.expression,
            rotation=rotation,
            translation=root - turned,
            jaw=codes.pose[:, _JAW],
            eyes=codes.pose.new_zeros(len(rotation), 2, 3),
        )


def fill(network: nn.Module, name: str, state: Mapping[str, Any], path: Path) -> None:
    """Fill one of DECA's networks, `E_flame`, `E_detail` or `D_detail`.

    Args:
        network: What is filled.
        name: Which it is.
        state: What `deca_model.tar` holds.
        path: Where that came from.

    Raises:
        StcclError: Where it holds no such network; naming file and cause.
    """
    part = state.get(name)
    if not isinstance(part, dict):
        raise StcclError(
            f"{path}: no DECA: expected a state dict {name}, found "
            f"{', '.join(sorted(state)) or 'nothing'}; get it again"
        )
    load_weights(network, part, f"{path}: {name} is not DECA's")


def decoder_input(jaw: Tensor, expression: Tensor, detail: Tensor) -> Tensor:
    """(B, 181) for `D_detail`, of (B, 3), (B, 50) and (B, 128)."""
    return torch.cat((jaw, expression, detail), 1)


def project(points: Tensor, camera: Tensor) -> Tensor:
    """Points seen by DECA's orthographic camera: scale · (x + shift, y + shift, z), y and z turned.

    Args:
        points: (B, N, 3), m.
        camera: (B, 3) scale, shift in x, shift in y.

    Returns:
        (B, N, 3): x to the right and y down, -1 to 1 over the crop (112 · x + 112 px), z away
        from the camera in the same unit.

    >>> project(torch.tensor([[[0.1, 0.2, 0.3]]]), torch.tensor([[5.0, 0.1, 0.0]])).tolist()
    [[[1.0, -1.0, -1.5]]]
    """
    scale, shift = camera[:, None, :1], camera[:, None, 1:]
    x, y = ((points[..., :2] + shift) * scale).unbind(-1)
    return torch.stack((x, -y, -points[..., 2] * scale[..., 0]), -1)
