import numpy as np
import pytest
import torch

from stccl.errors import StcclError
from stccl.experts.params import SyncNetConfig
from stccl.experts.syncnet import SyncNet
from tests.face3d.published import recipe

CONVOLUTIONS = {
    "netcnnaud": [
        (64, 1, 3, 3), (192, 64, 3, 3), (384, 192, 3, 3),
        (256, 384, 3, 3), (256, 256, 3, 3), (512, 256, 5, 4),
    ],
    "netcnnlip": [
        (96, 3, 5, 7, 7), (256, 96, 1, 5, 5), (256, 256, 1, 3, 3),
        (256, 256, 1, 3, 3), (256, 256, 1, 3, 3), (512, 256, 1, 6, 6),
    ],
}  # fmt: skip
NUMBERS = (0, 4, 8, 11, 14, 18)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Every key of the published file, in its order."""
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(stack: str, number: int, weight: tuple[int, ...]) -> None:
        shapes[f"{stack}.{number}.weight"] = weight
        shapes[f"{stack}.{number}.bias"] = weight[:1]

    def norm(stack: str, number: int, width: int) -> None:
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{stack}.{number}.{kind}"] = (width,)
        shapes[f"{stack}.{number}.num_batches_tracked"] = ()

    for stack in ("netcnnaud", "netfcaud", "netfclip", "netcnnlip"):
        if stack in CONVOLUTIONS:
            for number, weight in zip(NUMBERS, CONVOLUTIONS[stack], strict=True):
                layer(stack, number, weight)
                norm(stack, number + 1, weight[0])
        else:
            layer(stack, 0, (512, 512))
            norm(stack, 1, 512)
            layer(stack, 3, (1024, 512))
    return shapes


@pytest.fixture(scope="module")
def network() -> SyncNet:
    net = SyncNet()
    net.load_state_dict(recipe(net))
    return net.freeze()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def test_the_keys_are_the_published_ones():
    with torch.device("meta"):
        own = SyncNet().state_dict()
    assert [(k, tuple(v.shape)) for k, v in own.items()] == list(published_shapes().items())


def test_the_outputs_are_the_published_ones(network, goldens):
    golden = np.load(goldens / "syncnet_recipeB.npz")
    pictures = noise(1, 3, 5, 224, 224)
    found = {
        "aud": network.sound(noise(2, 1, 13, 20)),
        "lip": network.lips(pictures)[0],
        "lipfeat": network.lip_features(pictures)[0],
    }
    for name, value in found.items():
        expected = golden[name]
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, atol=1e-4 * np.abs(expected).max())


def test_a_run_is_its_windows_one_by_one(small):
    net = SyncNet(small).freeze()
    run = noise(2, 1, 9, 52, 52)
    single = [net.netfclip(net.netcnnlip(run[:, :, n : n + 5]).flatten(1)) for n in range(5)]
    torch.testing.assert_close(net.lips(run), torch.stack(single, 1), rtol=1e-5, atol=1e-6)


def test_the_published_file_loads_and_is_frozen(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "syncnet.model")
    loaded = SyncNet.from_published(tmp_path / "syncnet.model")
    sound = noise(1, 1, 13, 20)
    assert torch.equal(loaded.sound(sound), network.sound(sound))
    assert not any(p.requires_grad for p in loaded.parameters())


def test_another_file_names_the_keys(tmp_path):
    torch.save({"netcnnaud.0.weight": torch.zeros(1)}, tmp_path / "a.model")
    with pytest.raises(StcclError, match=r"a\.model: not the published SyncNet: .*missing keys"):
        SyncNet.from_published(tmp_path / "a.model")


@pytest.mark.parametrize("side_px", [51, 64, 96, 112])
def test_smaller_pictures_make_smaller_networks(side_px):
    config = SyncNetConfig(side_px=side_px, lip_widths=(16,) * 6, embedding=8)
    assert SyncNet(config).eval().lips(torch.zeros(1, 3, 5, side_px, side_px)).shape == (1, 1, 8)
