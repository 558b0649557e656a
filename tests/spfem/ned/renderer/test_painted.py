"""Faces painted over their frames, against the same put together by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from stccl.align.warp import apply
from stccl.spfem.blend import into_frame
from stccl.spfem.eyes import lid_moves, steadied, with_moved_lids, without_eyes
from stccl.spfem.ned.renderer import painted as module
from stccl.spfem.ned.renderer.conditions import conditions, covering, draw, to_pictures
from stccl.spfem.ned.renderer.painted import Painted, painted
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.texture import Texture, look_up
from stccl.spfem.ned.renderer.track import read_track
from tests.spfem.ned.renderer.conftest import FRAMES, GAP

EYES = np.array([[(70.0, 100), (78, 94), (86, 94), (94, 100), (86, 106), (78, 106)]] * 2)
EYES[1] += (60, 0)


@pytest.fixture(scope="module")
def track(made):
    return read_track(made, "made-B")


@pytest.fixture(scope="module")
def shown(track):
    jaw = track.coefficients.jaw + torch.tensor([0.2, 0, 0])
    return track.coefficients._replace(jaw=jaw, expression=track.coefficients.expression + 0.3)


@pytest.fixture(scope="module")
def renderer(config) -> Renderer:
    renderer = Renderer.initial(config, 0)
    random = torch.Generator().manual_seed(0)
    assert renderer.texture is not None
    for part in renderer.texture:
        part.copy_(0.3 * torch.randn(part.shape, generator=random))
    return renderer.eval()


@pytest.fixture(scope="module")
def eyes_px(track) -> np.ndarray:
    """(N, 2, 12, 2): they drift."""
    both = np.concatenate((EYES, EYES), axis=1)
    return both + np.arange(len(track.frames))[:, None, None, None]


def image(picture: torch.Tensor) -> np.ndarray:
    return ((picture + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def by_hand(track, shown, renderer) -> list[tuple[np.ndarray, ...]]:
    """Picture, mask, texture as filmed and as shown, of every frame."""
    filmed = draw(track, renderer.config)
    changed = covering(draw(track, renderer.config, shown), filmed)
    told, was = conditions(changed.images), conditions(filmed.images)
    texture = Texture(*(part[None] for part in renderer.texture))
    pictures = [renderer.render(told[a:b], changed.landmarks_px[a:b]) for a, b in track.runs()]
    found = []
    for k, picture in enumerate(torch.cat(pictures)):
        begun = [
            look_up(texture, t[k : k + 1, :3], t[k : k + 1, -1:], d.landmarks_px[k : k + 1])[0]
            for t, d in ((was, filmed), (told, changed))
        ]
        found.append((image(picture), told[k, -1].numpy(), *map(image, begun)))
    return found


def test_every_frame_is_painted_and_every_run_begins_anew(track, shown, renderer, monkeypatch):
    monkeypatch.setattr(module, "_DRAWN_TOGETHER", 4)  # fewer than a run has
    found = list(painted(track, shown, renderer, None))
    assert len(found) == FRAMES - 1
    for face, (picture, mask, *_) in zip(found, by_hand(track, shown, renderer), strict=True):
        np.testing.assert_array_equal(face.picture, picture)
        np.testing.assert_array_equal(face.mask, mask)
        assert face.texture is None
        assert face.lids is None
    assert all((a.picture != b.picture).any() for a, b in pairwise(found))


def test_lids_move_from_the_texture_as_filmed_to_that_as_shown(track, shown, renderer, eyes_px):
    found = list(painted(track, shown, renderer, eyes_px))
    hand = by_hand(track, shown, renderer)
    matrices = to_pictures(track, renderer.config).numpy()
    places = [apply(m, eyes) for m, eyes in zip(matrices, eyes_px, strict=True)]
    moves = [lid_moves(was, now, e) for (*_, was, now), e in zip(hand, places, strict=True)]
    expected = [*steadied(moves[:GAP]), *steadied(moves[GAP:])]
    for face, lids, (*_, now) in zip(found, expected, hand, strict=True):
        np.testing.assert_array_equal(face.texture, now)
        np.testing.assert_array_equal(face.lids, lids)
    assert np.abs(expected).max() > 1


def test_without_a_texture_nobody_knows_how_lids_move(track, shown, config, eyes_px):
    plain = Renderer.initial(config.model_copy(update={"textured": False}), 0)
    assert all(face.lids is None for face in painted(track, shown, plain, eyes_px))


def test_a_face_goes_over_its_frame_and_its_eyes_stay():
    random = np.random.default_rng(0)
    frame, picture, texture = random.integers(0, 255, (3, 220, 220, 3), np.uint8)
    mask = np.zeros((220, 220), np.float32)
    mask[40:180, 50:170] = 1
    both = np.concatenate((EYES, EYES), axis=1)
    lids = np.full((2, 128, 160, 2), 3.0, np.float32)
    whole = into_frame(picture, mask, frame, np.eye(2, 3), 220)
    face = Painted(picture, mask, None, None)
    np.testing.assert_array_equal(face.into(frame, np.eye(2, 3), None, 220), whole)
    kept = into_frame(picture, without_eyes(mask, both), frame, np.eye(2, 3), 220)
    np.testing.assert_array_equal(face.into(frame, np.eye(2, 3), both, 220), kept)
    moved, places = with_moved_lids(frame, texture, np.eye(2, 3), both, lids)
    expected = into_frame(picture, without_eyes(mask, places), moved, np.eye(2, 3), 220)
    found = Painted(picture, mask, texture, lids).into(frame, np.eye(2, 3), both, 220)
    np.testing.assert_array_equal(found, expected)
    assert (found != kept).any()
