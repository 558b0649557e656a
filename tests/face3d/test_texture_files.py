"""Texture layouts from files made here."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stccl.errors import StcclError
from stccl.face3d.texture_files import read_texture_layout
from stccl.tables.png import encode_png

OBJ = """# a square of two triangles, the second one in another place of the texture
mtllib none.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0.1 0.2
vt 0.4 0.2
vt 0.4 0.6
vt 0.5 0.5
vt 0.9 0.9
vt 0.5 0.9
f 1/1 2/2 3/3
f 1/4 3/5 4/6
"""
TRIANGLES = torch.tensor([[3, 0, 2], [0, 1, 2]])  # other order, other first corner


def write(folder: Path, obj: str = OBJ) -> None:
    (folder / "head_template.obj").write_text(obj)
    np.save(folder / "fixed_displacement_256.npy", np.full((256, 256), 0.25))
    mask = np.zeros((256, 256, 3), np.uint8)
    mask[:128, :, 0] = 255
    mask[..., 2] = 9  # only red counts
    (folder / "uv_face_eye_mask.png").write_bytes(encode_png(mask))


def test_every_corner_gets_its_own_place(tmp_path):
    write(tmp_path)
    layout = read_texture_layout(TRIANGLES, tmp_path)
    expected = [[[0.5, 0.9], [0.5, 0.5], [0.9, 0.9]], [[0.1, 0.2], [0.4, 0.2], [0.4, 0.6]]]
    torch.testing.assert_close(layout.corners, torch.tensor(expected))
    assert layout.fixed.dtype == torch.float32
    assert (layout.fixed == 0.25).all()
    assert (layout.mask[:128] == 1).all()
    assert (layout.mask[128:] == 0).all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: write(f, OBJ.replace("f 1/4 3/5 4/6", "f 1/4 3/5 2/6")), "of another mesh"),
        (lambda f: write(f, OBJ.replace("vt 0.9 0.9", "vt 0.9 x")), "could not convert"),
        (lambda f: write(f, OBJ.replace("1/1 2/2 3/3", "1 2 3")), "cannot be read"),
        (lambda f: write(f, OBJ.replace("3/5", "3/55")), "cannot be read"),
        (lambda f: write(f, ""), "of another mesh"),
        (lambda f: (f / "head_template.obj").unlink(), "head_template.obj"),
        (lambda f: np.save(f / "fixed_displacement_256.npy", np.zeros((8, 8))), "256 × 256"),
        (lambda f: np.save(f / "fixed_displacement_256.npy", np.array([{}])), "cannot be read"),
        (lambda f: (f / "uv_face_eye_mask.png").write_bytes(b"nothing"), "uv_face_eye_mask.png"),
    ],
)
def test_files_that_will_not_do_are_named(tmp_path, spoil, says):
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(StcclError, match=says) as raised:
        read_texture_layout(TRIANGLES, tmp_path)
    assert "\n" not in str(raised.value)
