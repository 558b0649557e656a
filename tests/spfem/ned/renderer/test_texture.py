"""What every place of a face looks like with which expression, and what is looked up of it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.spfem.ned.renderer import texture as module
from stccl.spfem.ned.renderer.footage import as_pictures
from stccl.spfem.ned.renderer.texture import Texture, look_up, texture_of

SEEDS = st.integers(0, 2**32 - 1)
STEADY = [*range(27, 36), 36, 39, 42, 45]
SIDE, COMPONENTS = 12, 3


@pytest.fixture(autouse=True)
def smaller(monkeypatch):
    monkeypatch.setattr(module, "SIDE", SIDE)
    monkeypatch.setattr(module, "COMPONENTS", COMPONENTS)


def faces(random, frames):
    """(T, 68, 2) px: one face whose mouth moves in three ways, in a head that moves."""
    rest = random.uniform(-1, 1, (68, 2)) * [6, 8]
    rest[36], rest[45] = [-5, -2], [5, -2]
    ways = np.zeros((3, 68, 2))
    ways[:, 48:] = random.normal(0, 0.5, (3, 20, 2))
    turned = []
    for amounts in random.normal(0, 1, (frames, 3)):
        matrix = np.eye(2) + random.normal(0, 0.05, (2, 2))
        points = rest + np.tensordot(amounts, ways, 1)
        turned.append(points @ matrix + [10, 9] + random.normal(0, 1, 2))
    return np.array(turned, np.float32)


def made(seed, frames=6, height=20, width=18):
    """Landmarks, and noise of few places with black amid it."""
    random = np.random.default_rng(seed)
    images = np.zeros((frames, 6, height, width), np.uint8)
    images[:, :3] = random.choice([3, 40, 41, 200], (frames, 3, height, width))
    images[:, :3] *= random.random((frames, 1, height, width)) < 0.7
    images[:, 5] = random.choice([0, 255], (frames, height, width), p=[0.2, 0.8])
    pictures = random.uniform(-1, 1, (frames, 3, height, width)).astype(np.float32)
    return torch.from_numpy(faces(random, frames)), list(
        zip(torch.from_numpy(images), torch.from_numpy(pictures), strict=True)
    )


def steady_map(points, rest):
    """(3, 2) by NumPy's least squares."""
    known = np.c_[points[STEADY], np.ones(len(STEADY))]
    return np.linalg.lstsq(known, rest[STEADY], rcond=None)[0]


def told_of(points, texture):
    rest, moves = texture.rest.double().numpy(), texture.moves.double().numpy()
    steadied = np.c_[points, np.ones(68)] @ steady_map(points, rest)
    components = [((steadied - rest) * move).sum() for move in moves]
    return np.array([1, *np.clip(components, -3, 3)])


def place_of(x, y, image, points, rest):
    """By hand: the part that a pixel shows, and where in it, as column and row in cells."""
    if image[:3, y, x].any():
        return "skin", image[:2, y, x].double().numpy() / 255 * SIDE
    column, row = np.array([x, y, 1.0]) @ steady_map(points, rest)
    return "behind", np.array([column + 1, (row - 0.3) / 1.3 + 1]) / 2 * SIDE


def test_components_are_the_principal_ones_of_steadied_landmarks():
    landmarks, frames = made(0, frames=40)
    texture = texture_of(landmarks, frames)
    mean = landmarks.double().numpy().mean(0)
    rest = (mean - mean[STEADY].mean(0)) / np.linalg.norm(mean[45] - mean[36])
    np.testing.assert_allclose(texture.rest, rest, atol=1e-5)
    steadied = [np.c_[p, np.ones(68)] @ steady_map(p, rest) for p in landmarks.double().numpy()]
    flat = np.array(steadied).reshape(40, -1)
    flat -= flat.mean(0)
    strength = np.linalg.svd(flat, full_matrices=False)[1] / np.sqrt(40)
    told = np.array([told_of(p, texture) for p in landmarks.double().numpy()])[:, 1:]
    spread = told - told.mean(0)
    np.testing.assert_allclose(spread.T @ spread / 40, np.eye(3), atol=0.05)
    axes = texture.moves.double().numpy().reshape(3, -1)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1 / strength[:3], rtol=1e-3)


def test_what_moves_nothing_is_no_component():
    landmarks, frames = made(1)
    still = landmarks[:1].expand(len(frames), -1, -1) + torch.arange(len(frames))[:, None, None]
    assert not texture_of(still, frames).moves.any()


@settings(deadline=None, max_examples=5)
@given(seed=SEEDS)
def test_a_place_has_the_least_squares_of_the_colours_it_was_seen_in(seed):
    """Every place by a loop over pixels, from the whole face down to itself."""
    landmarks, frames = made(seed)
    texture = texture_of(landmarks, frames)
    sides = [SIDE]
    while sides[-1] > 1:
        sides.append((sides[-1] + 1) // 2)
    for part in ("skin", "behind"):
        rows, weights, colours, cells = [], [], [], []
        for points, (image, picture) in zip(landmarks.double().numpy(), frames, strict=True):
            told = told_of(points, texture)
            for y, x in zip(*np.nonzero(image[5].numpy()), strict=True):
                where, place = place_of(x, y, image, points, texture.rest.double().numpy())
                weight = 1.0
                if where != part:
                    if part == "skin":
                        continue
                    hidden = image.clone()
                    hidden[:3] = 0
                    weight = 1e-3
                    place = place_of(x, y, hidden, points, texture.rest.double().numpy())[1]
                rows.append(told)
                weights.append(weight)
                colours.append(picture[:, y, x].double().numpy())
                cells.append(np.clip(np.floor(place), 0, SIDE - 1).astype(int))
        rows, weights, colours, cells = map(np.array, (rows, weights, colours, cells))
        pull = np.diag([1e-3, 10.0, 10.0, 10.0])
        found = np.zeros((1, 1, 4, 3))
        for level in reversed(range(len(sides))):
            side, finer = sides[level], np.zeros((sides[level], sides[level], 4, 3))
            for row in range(side):
                for column in range(side):
                    mine = (cells // 2**level == [column, row]).all(1)
                    seen, share = rows[mine], weights[mine, None]
                    # Nearest of the coarser places, as far along.
                    around = found[row * len(found) // side, column * len(found) // side]
                    if level == len(sides) - 1:
                        around = np.zeros((4, 3))
                    finer[row, column] = np.linalg.solve(
                        seen.T @ (share * seen) + pull,
                        seen.T @ (share * colours[mine]) + pull @ around,
                    )
            found = finer
        own = getattr(texture, part).movedim((0, 1), (2, 3))
        np.testing.assert_allclose(own, found, atol=2e-3)


def test_nothing_seen_is_grey():
    for part, empty in zip(texture_of(torch.zeros(0, 68, 2), []), Texture.empty(), strict=True):
        assert torch.equal(part, empty)
        assert not part.any()


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS)
def test_what_is_looked_up_is_the_place_that_is_shown(seed):
    landmarks, frames = made(seed, frames=2)
    images = torch.stack([image for image, _ in frames])
    random = torch.Generator().manual_seed(seed % 2**31)
    one = texture_of(*made(seed + 1))
    colours = torch.rand(4, 4, 3, SIDE, SIDE, generator=random)
    textures = Texture(
        colours[:2],
        colours[2:],
        torch.stack((one.rest, 1.1 * one.rest)),
        torch.stack((one.moves, one.moves.flip(0))),
    )
    found = look_up(textures, images[:, :3] / 255, images[:, 5:] / 255, landmarks)
    for frame, points in enumerate(landmarks.double().numpy()):
        own = Texture(*(part[frame] for part in textures))
        told = told_of(points, own)
        blended = {
            part: np.tensordot(told, getattr(own, part).double().numpy(), 1)
            for part in ("skin", "behind")
        }
        for y in range(images.shape[2]):
            for x in range(images.shape[3]):
                expected = np.zeros(3)
                if images[frame, 5, y, x]:
                    part, place = place_of(x, y, images[frame], points, own.rest.double().numpy())
                    # Colours are those of cells' middles.
                    column, row = np.clip(place - 0.5, 0, SIDE - 1)
                    left, top = min(int(column), SIDE - 2), min(int(row), SIDE - 2)
                    right, down = column - left, row - top
                    four = blended[part][:, top : top + 2, left : left + 2]
                    expected = four @ [1 - right, right] @ [1 - down, down]
                np.testing.assert_allclose(found[frame, :, y, x], expected, atol=2e-3)


def test_colours_follow_the_expression():
    """A place whose colour goes with an opening mouth does so in frames never seen."""
    landmarks, frames = made(7, frames=80)
    opened = torch.from_numpy(np.random.default_rng(0).normal(0, 1, 80).astype(np.float32))
    still = landmarks[:1].repeat(80, 1, 1)
    still[:, 57, 1] += opened
    images = [image for image, _ in frames]
    for image in images:
        image[5] = 255
    shown = [(i, (0.2 * o).expand(3, 20, 18)) for i, o in zip(images, opened, strict=True)]
    texture = texture_of(still[:60], shown[:60])
    textures = Texture(*(part.expand(20, *part.shape) for part in texture))
    new = torch.stack(images[60:])
    found = look_up(textures, new[:, :3] / 255, new[:, 5:] / 255, still[60:])
    expected = (0.2 * opened[60:]).view(-1, 1, 1, 1)
    assert (found - expected).abs().mean() < 0.02


def test_a_speakers_texture_is_of_its_own_clips(footage):
    found = footage.textures()
    assert list(found) == [*dict.fromkeys(footage.speakers)] == ["made-A", "made-B"]
    for track, speaker in enumerate(footage.speakers):
        frames = range(len(footage.tracks[track].frames))
        shots = footage._frames(track, list(frames))
        expected = texture_of(
            torch.stack([shot.landmarks_px for shot in shots]),
            [(shot.images, as_pictures(shot.targets)) for shot in shots],
        )
        for part, own in zip(found[speaker], expected, strict=True):
            torch.testing.assert_close(part, own)
    assert not torch.equal(found["made-A"].skin, found["made-B"].skin)
