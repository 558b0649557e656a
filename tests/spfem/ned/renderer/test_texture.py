"""What every place of a face looks like on average, and what is looked up of it."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.spfem.ned.renderer.footage import as_pictures
from stccl.spfem.ned.renderer.texture import Texture, look_up, texture_of

SEEDS = st.integers(0, 2**32 - 1)


def made(seed, frames=3, height=12, width=6):
    """Noise with a mouth: columns of black, each of its own height."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (frames, 6, height, width), np.uint8)
    images[:, :2] = random.choice([0, 3, 4, 200], (frames, 2, height, width))
    images[:, 2] = 9
    images[:, 5] = random.choice([0, 255], (frames, height, width))
    for frame in range(frames):
        for x in range(1, width - 1):
            top, rows = random.integers(1, 4), random.integers(0, 5)
            images[frame, :3, top : top + rows, x] = 0
            images[frame, 5, top : top + rows, x] = 255
    images[:, :, -1] = 0  # beyond the face
    pictures = random.uniform(-1, 1, (frames, 3, height, width)).astype(np.float32)
    return torch.from_numpy(images), torch.from_numpy(pictures)


def places_of(images):
    """By loops: of each pixel within the mask, which place of which part it shows."""
    frames, _, height, width = images.shape
    for frame in range(frames):
        image = images[frame].tolist()
        black = [
            [image[5][y][x] > 0 and not (image[0][y][x] or image[1][y][x] or image[2][y][x])
             for x in range(width)] for y in range(height)
        ]  # fmt: skip
        columns = [x for x in range(width) if any(row[x] for row in black)]
        for y in range(height):
            for x in range(width):
                if not image[5][y][x]:
                    continue
                if black[y][x]:
                    rows = [row for row in range(height) if black[row][x]]
                    across = (columns.index(x) + 0.5) / len(columns)
                    # An eighth of an inside of 32 depths is 1/4 of the picture's height.
                    below, above = rows.index(y) + 0.5, len(rows) - rows.index(y) - 0.5
                    cells = [min(31, int(depth * 128 / height)) for depth in (below, above)]
                    yield frame, y, x, "mouth", (int(across * 16), *cells)
                else:
                    yield frame, y, x, "skin", (image[1][y][x], image[0][y][x])


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_a_place_has_the_mean_of_the_colours_it_was_seen_in(seed):
    images, pictures = made(seed)
    # However the frames come.
    texture = texture_of([(images[:1], pictures[:1]), (images[1:], pictures[1:])])
    seen: dict[str, dict[tuple[int, ...], list[torch.Tensor]]] = {"skin": {}, "mouth": {}}
    for frame, y, x, part, place in places_of(images):
        seen[part].setdefault(place, []).append(pictures[frame, :, y, x])
    for name, part in texture._asdict().items():
        means = {place: torch.stack(colours).mean(0) for place, colours in seen[name].items()}
        for place, mean in means.items():
            # Surroundings count as a thousandth of a pixel.
            torch.testing.assert_close(part[(slice(None), *place)], mean, atol=2.1e-3, rtol=0)
        if means:
            every = torch.stack(list(means.values()))
            assert part.min() >= every.min() - 2.1e-3
            assert part.max() <= every.max() + 2.1e-3


def test_places_never_seen_look_like_those_nearby():
    images = torch.zeros(1, 6, 1, 2, dtype=torch.uint8)
    images[0, :2, 0] = torch.tensor([[10, 240], [10, 240]])
    images[0, 5] = 255
    pictures = torch.tensor([[[[-0.5, 0.5]]]]).expand(1, 3, 1, 2)
    skin = texture_of([(images, pictures)]).skin
    torch.testing.assert_close(skin[:, 12, 12], torch.full((3,), -0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(skin[:, 250, 250], torch.full((3,), 0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(skin[:, 10, 240], torch.zeros(3), atol=0.01, rtol=0)


def test_nothing_seen_is_grey():
    for part, empty in zip(texture_of([]), Texture.empty(), strict=True):
        assert torch.equal(part, empty)
        assert not part.any()


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_what_is_looked_up_is_the_place_that_is_shown(seed):
    images, _ = made(seed, frames=2, height=128)
    random = torch.Generator().manual_seed(seed % 2**31)
    textures = Texture(
        torch.rand(2, 3, 256, 256, generator=random),
        torch.rand(2, 3, 16, 32, 32, generator=random),
    )
    found = look_up(textures, images[:, :3] / 255.0, images[:, 5:] / 255.0)
    for frame, y, x, part, place in places_of(images):
        expected = getattr(textures, part)[(frame, slice(None), *place)]
        if part == "mouth":
            # A picture of 128 rows has whole depths; across, four columns lie between cells.
            columns = images[frame, :3].sum(0).eq(0) & (images[frame, 5] > 0)
            count = int(columns.any(0).sum())
            rank = int(columns.any(0)[: x + 1].sum())
            cell = (rank - 0.5) / count * 16 - 0.5
            low, share = int(cell), cell - int(cell)
            high = min(low + 1, 15)
            volume = textures.mouth[frame, :, :, place[1], place[2]]
            expected = (1 - share) * volume[:, low] + share * volume[:, high]
        torch.testing.assert_close(found[frame, :, y, x], expected, atol=2e-4, rtol=0)


def test_between_places_colours_are_linear():
    texture = Texture(*(part[None] for part in Texture.empty()))
    texture.skin[0, :, 20, 10], texture.skin[0, :, 20, 11] = -1, 1
    texture.skin[0, :, 21, 10], texture.skin[0, :, 21, 11] = 1, 1
    nmfc = torch.tensor([10.25, 20.5, 99.0]).view(1, 3, 1, 1) / 255
    found = look_up(texture, nmfc, torch.ones(1, 1, 1, 1))
    # 3/4 · (-1 + 1)/2 + 1/4 · (1 + 1)/2
    torch.testing.assert_close(found.flatten(), torch.full((3,), 0.25))


def test_a_speakers_texture_is_of_its_own_clips(footage):
    found = footage.textures()
    assert list(found) == [*dict.fromkeys(footage.speakers)] == ["made-A", "made-B"]
    for track, speaker in enumerate(footage.speakers):
        frames = range(len(footage.tracks[track].frames))
        shots = footage._frames(track, list(frames))
        expected = texture_of(
            [(shot.images[None], as_pictures(shot.targets[None])) for shot in shots]
        )
        for part, own in zip(found[speaker], expected, strict=True):
            torch.testing.assert_close(part, own)
    assert not torch.equal(found["made-A"].skin, found["made-B"].skin)
