"""DECA's wrinkles: the decoder and where its map lies on the head, read from published files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from stccl.checkpoint import read_weights
from stccl.face3d.deca import decoder_input, fill
from stccl.face3d.deca_networks import DECA_FILE, DECODER_INPUTS, DetailDecoder
from stccl.face3d.images.details import detail_map, detail_normals
from stccl.face3d.images.seen import SeenFaces
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.texture_files import TextureLayout, read_texture_layout
from stccl.weights import WEIGHTS


@dataclass(frozen=True)
class Wrinkles:
    """What makes normals of a person's detail code.

    Attributes:
        decoder: To displacements of the surface.
        layout: Of FLAME's texture.
    """

    decoder: DetailDecoder
    layout: TextureLayout

    @classmethod
    def from_folder(cls, triangles: Tensor, folder: Path = WEIGHTS) -> Self:
        """From `deca_model.tar` and the three files of the texture's layout.

        Args:
            triangles: (F, 3) of FLAME.
            folder: Holds the files.

        Raises:
            StcclError: Where a file is absent, damaged or another one.
        """
        decoder = DetailDecoder(DECODER_INPUTS)
        path = folder / DECA_FILE
        fill(decoder, "D_detail", read_weights(path), path)
        return cls(decoder.eval(), read_texture_layout(triangles, folder))

    @torch.no_grad()
    def normals(
        self, faces: SeenFaces, vertices: Tensor, face: FaceCoefficients, detail: Tensor
    ) -> Tensor:
        """(B, 3, H, W) for `shape_image`: wrinkles come and go with jaw and expression.

        Args:
            faces: What is seen of the faces.
            vertices: (B, V, 3) they were drawn from.
            face: Their coefficients.
            detail: (B, 128) wrinkles of the person, by DECA.
        """
        displacement = self.decoder(decoder_input(face.jaw, face.expression, detail))
        return detail_normals(faces, self.layout, detail_map(self.layout, vertices, displacement))
