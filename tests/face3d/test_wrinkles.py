"""Wrinkles from files, against DECA's own decoder and the maps it is laid over."""

import numpy as np
import pytest
import torch

from stccl.errors import StcclError
from stccl.face3d.deca_networks import DetailDecoder
from stccl.face3d.images.details import detail_map, detail_normals
from stccl.face3d.images.seen import see_faces
from stccl.face3d.images.surface import face_surface
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.texture_files import read_texture_layout
from stccl.face3d.wrinkles import Wrinkles
from stccl.render.view import Orthographic
from stccl.tables.png import encode_png
from tests.face3d.published import recipe


@pytest.fixture
def folder(tmp_path, head):
    """DECA's decoder, and a layout in which every triangle of the built-in head has a place."""
    with torch.device("meta"):
        decoder = DetailDecoder(181)
    torch.save({"D_detail": recipe(decoder)}, tmp_path / "deca_model.tar")
    places = (head.template[:, :2] - head.template[:, :2].amin(0)) * 2.0
    lines = [f"vt {x:.6f} {y:.6f}" for x, y in places.clamp(0, 1).tolist()]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (head.surface_triangles + 1).tolist()]
    (tmp_path / "head_template.obj").write_text("\n".join(lines))
    np.save(tmp_path / "fixed_displacement_256.npy", np.zeros((256, 256)))
    mask = np.full((256, 256, 3), 255, np.uint8)
    (tmp_path / "uv_face_eye_mask.png").write_bytes(encode_png(mask))
    return tmp_path


def test_they_are_what_the_decoder_says_of_jaw_expression_and_detail(folder, head):
    wrinkles = Wrinkles.from_folder(head.surface_triangles, folder)
    rest = head.rest(2)
    generator = torch.Generator().manual_seed(0)
    face = FaceCoefficients(*rest[:1], torch.randn(2, 50, generator=generator), *rest[2:])._replace(
        jaw=torch.randn(2, 3, generator=generator)
    )
    detail = torch.randn(2, 128, generator=generator)
    vertices = head.vertices(rest)
    view = Orthographic(torch.tensor([[7.0, 0, 0]]), 48)
    faces = see_faces(face_surface(head), vertices, view, (48, 48))
    found = wrinkles.normals(faces, vertices, face, detail)
    decoder = DetailDecoder(181).eval()
    decoder.load_state_dict(recipe(decoder))
    layout = read_texture_layout(head.surface_triangles, folder)
    with torch.no_grad():
        height = decoder(torch.cat([face.jaw, face.expression, detail], 1))
        expected = detail_normals(faces, layout, detail_map(layout, vertices, height))
    assert torch.equal(found, expected)
    assert (found - faces.normals).abs().max() > 0.05


def test_another_file_is_named(folder, head):
    torch.save({"E_flame": {}}, folder / "deca_model.tar")
    with pytest.raises(StcclError, match="expected a state dict D_detail, found E_flame"):
        Wrinkles.from_folder(head.surface_triangles, folder)
