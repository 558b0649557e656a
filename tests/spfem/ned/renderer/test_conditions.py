"""What the renderer is told, against pictures drawn and mapped another way."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stccl.errors import ClipRejected
from stccl.face3d.images.warp import warp_images
from stccl.face3d.model import FaceCoefficients
from stccl.spfem.ned.renderer import conditions as module
from stccl.spfem.ned.renderer.conditions import conditions, covering, draw, to_pictures
from stccl.spfem.ned.renderer.noise import jitter
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.track import FaceTrack, read_track
from stccl.tables.io import TableWriter, read_table
from tests.spfem.ned.renderer.conftest import CROP_PX, FRAMES, GAP, MATRIX


@pytest.fixture
def track(made) -> FaceTrack:
    return read_track(made, "made-B")


def test_frames_without_a_fit_are_left_out(made, track):
    assert track.frames.tolist() == [frame for frame in range(FRAMES) if frame != GAP]
    assert track.runs() == [(0, GAP), (GAP, FRAMES - 1)]
    rows = read_table(made / "faces3d" / "made-B.parquet", "faces3d").to_pylist()
    for name, found in track.coefficients._asdict().items():
        expected = np.float32([rows[frame][name] for frame in track.frames])
        np.testing.assert_array_equal(found.flatten(1).numpy(), expected)


def test_a_clip_without_any_fit_says_so(made, tmp_path):
    empty = ("shape", "expression", "jaw", "eyes", "rotation", "translation", "residual")
    empty += ("light", "photometric_residual", "texture", "detail")
    with TableWriter(tmp_path / "faces3d" / "made-A.parquet", "faces3d") as table:
        for frame in range(FRAMES):
            table.append(
                frame=frame, focal_px=1.0, centre_px=[1.0, 1.0], distance_m=1.0,
                **dict.fromkeys(empty),
            )  # fmt: skip
    (tmp_path / "aligned").symlink_to(made / "aligned")
    with pytest.raises(ClipRejected, match="no_fit: none of 12 frames"):
        read_track(tmp_path, "made-A")


def test_pictures_are_those_of_the_crop_scaled(track):
    """A place of the frame, by the crop's matrix, the scale of sides, and the window's corner."""
    config = RendererConfig(size_px=2 * CROP_PX, window=(0.25, 0.125, 1, 1), width=16)
    place = np.array([100.0, 150.0])
    in_crop = MATRIX[:, :2] @ place + MATRIX[:, 2]
    from_corner = (in_crop + 0.5) / CROP_PX * config.size_px
    expected = from_corner - 0.5 - np.array([32, 16])
    matrix = to_pictures(track, config)[0].numpy()
    np.testing.assert_allclose(matrix[:, :2] @ place + matrix[:, 2], expected)


def test_a_window_shows_the_same_as_the_whole(track):
    whole = RendererConfig(size_px=64)
    part = RendererConfig(size_px=64, window=(0.25, 0.125, 0.75, 0.875))
    (x, y), (height, width) = part.corner_px, part.picture_px
    drawn = draw(track.part(0, 2), whole).images[:, :, y : y + height, x : x + width]
    assert torch.equal(drawn, draw(track.part(0, 2), part).images)
    assert drawn[:, -1].float().mean() > 50


def test_the_crop_is_drawn_where_the_frame_shows_it(track):
    """Drawn in the frame and then mapped, as the published program does."""
    config = RendererConfig(size_px=64)
    identity = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64).expand(2, 2, 3)
    frame = replace(track.part(0, 2), matrices=identity, crop_px=256)
    frames = conditions(draw(frame, RendererConfig(size_px=256)).images)
    mapped = warp_images(frames, to_pictures(track.part(0, 2), config), (64, 64))
    found = conditions(draw(track.part(0, 2), config).images)
    error = (mapped - found).abs().mean((0, 2, 3))
    assert error.max() < 0.03, error
    moved = (mapped.roll(8, -1) - found).abs().mean((0, 2, 3))
    assert (moved > 2 * error)[:3].all()


def test_frames_are_drawn_alike_alone_and_together(track):
    config = RendererConfig(size_px=64)
    together = draw(track, config)
    alone = draw(track.part(4, 5), config)
    assert torch.equal(together.images[4:5], alone.images)
    assert torch.equal(together.landmarks_px[4:5], alone.landmarks_px)


def test_a_changed_face_covers_the_place_where_it_was(track):
    config = RendererConfig(size_px=64)
    part = track.part(0, 3)
    opened = part.coefficients._replace(jaw=part.coefficients.jaw + torch.tensor([0.3, 0, 0]))
    was, shown = draw(part, config), draw(part, config, opened)
    again = draw(replace(part, coefficients=opened), config)
    assert torch.equal(shown.images, again.images)
    assert torch.equal(shown.landmarks_px, again.landmarks_px)
    both = covering(shown, was)
    mask = torch.maximum(was.images[:, -1], shown.images[:, -1])
    assert torch.equal(both.images[:, -1], mask)
    assert torch.equal(both.images[:, :-1], shown.images[:, :-1])
    assert (mask > was.images[:, -1]).any()
    assert (mask > shown.images[:, -1]).any()


@given(st.floats(0, 0.2), st.integers(0, 9))
def test_noise_of_nothing_but_shift_moves_all_alike(shift, seed):
    image = torch.zeros(2, 6, 16, 16)
    image[..., 6:10, 6:10] = 1
    moved = jitter(image, shift, 0.0, np.random.default_rng(seed))
    assert torch.equal(moved[:, 5], image[:, 5])
    for kind in (moved[:, :3], moved[:, 3:4], moved[:, 4:5]):
        assert torch.allclose(kind, kind[:, :1].expand_as(kind))
        centre = (kind[:, 0].sum(1) * torch.arange(16)).sum(1) / kind[:, 0].sum((1, 2))
        assert ((centre - 7.5).abs() <= 16 * shift + 1e-3).all()


def test_noise_differs_from_image_to_image_and_kind_to_kind():
    image = torch.rand(3, 1, 16, 16).expand(3, 6, 16, 16).clone()
    moved = jitter(image, 0.05, 0.05, np.random.default_rng(0))
    assert not torch.allclose(moved[:, 0], moved[:, 3])
    assert not torch.allclose(moved[:, 3], moved[:, 4])
    still = jitter(image, 0.0, 0.0, np.random.default_rng(0))
    assert torch.equal(still, image)


def test_wrinkles_are_part_of_the_shape_where_the_fit_knows_them(track, monkeypatch):
    """Of this frame's person, and as the face that is drawn moves them."""
    config = RendererConfig(size_px=64)
    detail = torch.arange(len(track.frames), dtype=torch.float32)[:, None].expand(-1, 128)
    told = []

    class Bent:
        def normals(self, faces, vertices, face, detail):
            told.append((face, detail))
            return faces.normals * 0.5

    monkeypatch.setattr(module, "wrinkles", Bent)
    changed = FaceCoefficients(*(part[:3].clone() for part in track.coefficients))
    changed.expression[:] += 0.1
    drawn = draw(replace(track, detail=detail).part(0, 3), config, changed).images
    ((face, of_part),) = told
    assert torch.equal(face.expression, changed.expression)
    assert of_part[:, 0].tolist() == [0, 1, 2]
    bare = draw(track.part(0, 3), config, changed).images
    shape = 4
    kept = [channel for channel in range(6) if channel != shape]
    assert torch.equal(drawn[:, kept], bare[:, kept])
    assert (drawn[:, shape].float() - bare[:, shape].float() / 2).abs().max() <= 1
    assert bare[:, shape].any()
