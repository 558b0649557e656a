"""A renderer saved, loaded, and used."""

import json

import pytest
import torch

from stccl.errors import ParamsError, StcclError
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.texture import Texture, look_up
from tests.metric.test_published import recipe_b
from tests.spfem.ned.renderer import contract


@pytest.fixture(scope="module")
def renderer(config) -> Renderer:
    """As one that has seen someone: at first they have no texture."""
    renderer = Renderer.initial(config, 3)
    torch.manual_seed(3)
    for part in renderer.texture:
        part.uniform_(-0.3, 0.3)
    return renderer


@pytest.fixture(scope="module")
def points_px():
    random = torch.Generator().manual_seed(1)
    return 40 * torch.rand(5, 68, 2, generator=random)


@pytest.fixture(scope="module")
def told(config):
    random = torch.Generator().manual_seed(0)
    told = torch.rand(5, 10, *config.picture_px, generator=random)
    told[:, 9] = (told[:, 9] > 0.3).float()
    return told


def test_frame_by_frame_with_two_before_and_own_statistics(renderer, told, points_px):
    """The same by a loop over positions, in training mode, as the published program runs."""
    found = renderer.render(told, points_px)
    copy = Renderer(renderer.config)
    copy.load_state_dict(renderer.state_dict())
    copy.train()
    texture = Texture(*(part[None] for part in renderer.texture))
    pictures: dict[int, torch.Tensor] = {}
    for place in range(5):
        window = torch.cat([told[max(0, place - back)] for back in (2, 1, 0)])
        zeros = torch.zeros_like(told[0, :3])
        before = torch.cat([pictures.get(place - back, zeros) for back in (2, 1)])
        with torch.no_grad():
            now = told[place][None]
            begun = look_up(texture, now[:, :3], now[:, 9:], points_px[place][None])
            pictures[place] = copy.generator(window[None], before[None], begun)[0]
        torch.testing.assert_close(found[place], pictures[place], atol=1e-4, rtol=1e-4)
    assert (found.movedim(1, -1)[told[:, 9] == 0] == -1).all()


def test_using_it_changes_nothing_in_it(renderer, told, points_px):
    before = {k: v.clone() for k, v in renderer.state_dict().items()}
    first = renderer.render(told, points_px)
    assert torch.equal(renderer.render(told, points_px), first)
    assert all(torch.equal(v, before[k]) for k, v in renderer.state_dict().items())
    none = renderer.render(told[:0], points_px[:0])
    assert none.shape == (0, 3, *renderer.config.picture_px)


def test_another_shape_is_refused(renderer, told, points_px):
    with pytest.raises(ValueError, match=r"conditions: expected \(T, 10, 48, 40\), got \(5, 9, "):
        renderer.render(told[:, :9], points_px)
    with pytest.raises(ValueError, match=r"landmarks_px: expected \(5, 68, 2\), got \(4, 68, 2\)"):
        renderer.render(told, points_px[1:])


def test_saved_and_loaded_it_is_the_same(renderer, told, points_px, tmp_path):
    renderer.save(tmp_path / "a")
    loaded = Renderer.load(tmp_path / "a")
    assert loaded.config == renderer.config
    assert loaded.state_dict().keys() == renderer.state_dict().keys()
    assert all(torch.equal(v, loaded.state_dict()[k]) for k, v in renderer.state_dict().items())
    assert torch.equal(loaded.render(told, points_px), renderer.render(told, points_px))
    loaded.save(tmp_path / "b")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    weights = (tmp_path / "a" / "model.safetensors").stat().st_size
    numbers = sum(each.numel() for each in (*renderer.parameters(), *renderer.texture))
    assert weights < 4.3 * numbers + 50_000


def test_initial_weights_are_a_function_of_the_seed(config):
    state = torch.random.get_rng_state()
    one, same, other = (Renderer.initial(config, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    key = "generator.model_final_img.1.weight"
    assert torch.equal(one.state_dict()[key], same.state_dict()[key])
    assert not torch.equal(one.state_dict()[key], other.state_dict()[key])


def damaged(folder, how):
    if how == "absent":
        (folder / "model.safetensors").unlink()
    elif how == "half":
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:1000])
    elif how == "foreign":
        (folder / "config.json").write_text('{"blocks": [1, 1, 1, 1]}')
    elif how == "no json":
        (folder / "config.json").write_text("{")
    elif how == "wider":
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(values | {"width": 32}))


@pytest.mark.parametrize("how", ["absent", "half", "foreign", "no json", "wider"])
def test_a_damaged_folder_is_a_line(renderer, tmp_path, how):
    renderer.save(tmp_path)
    damaged(tmp_path, how)
    with pytest.raises(StcclError, match=str(tmp_path)) as error:
        Renderer.load(tmp_path)
    assert "\n" not in str(error.value)


def test_settings_that_cannot_be_are_refused():
    for values in ({"width": 24}, {"window": [0.5, 0, 0.6, 1]}, {"size_px": 16}):
        with pytest.raises(ParamsError):
            RendererConfig.parse(values, where="here")


@pytest.mark.slow
def test_published_checkpoints_load_and_are_written_again(tmp_path):
    state = recipe_b(contract.generator())
    for key in list(state):
        if ".resnetblock_sequential." in key:  # the file holds both; they are the same tensors
            state[key] = state[key.replace("resnetblock_sequential", "conv_block")]
    mouth = recipe_b(contract.discriminator())
    torch.save(state, tmp_path / "15_net_G.pth")
    torch.save(mouth, tmp_path / "15_net_Dm.pth")
    renderer = Renderer.from_published(
        tmp_path / "15_net_G.pth", {"mouth": tmp_path / "15_net_Dm.pth"}
    )
    again = renderer.generator.state_dict()
    assert list(again) == list(state)
    assert all(torch.equal(again[key], state[key]) for key in state)
    kept = renderer.discriminators["mouth"].state_dict()
    assert all(torch.equal(kept[key], mouth[key]) for key in mouth)
    with pytest.raises(StcclError, match=r"net_Dm\.pth: not a published network of NED: 337 miss"):
        Renderer.from_published(tmp_path / "15_net_Dm.pth")
