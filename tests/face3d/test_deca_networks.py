import json

import numpy as np
import pytest
import torch
from torch.nn import functional as f

from stccl.face3d.deca_networks import DETAILS, SIZES, DetailDecoder, Encoder
from tests.face3d.published import recipe

TOLERANCE = 1e-4
"""Of the largest value: what another number of threads or instruction set may change, with room."""


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("deca_e_flame", lambda: Encoder(sum(SIZES.values()))),
        ("deca_e_detail", lambda: Encoder(DETAILS)),
        ("deca_d_detail", lambda: DetailDecoder(3 + SIZES["expression"] + DETAILS)),
    ],
)
def test_keys_and_shapes_are_those_of_the_published_networks(contracts, name, make):
    expected = json.loads((contracts / f"{name}.json").read_text())
    with torch.device("meta"):
        state = make().state_dict()
    found = [[k, list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in state.items()]
    assert found == expected


@pytest.mark.parametrize(
    ("name", "make", "shape"),
    [
        ("deca_e_flame", lambda: Encoder(236), (1, 3, 224, 224)),
        ("deca_e_detail", lambda: Encoder(128), (1, 3, 224, 224)),
        ("deca_d_detail", lambda: DetailDecoder(181), (1, 181)),
    ],
)
def test_published_outputs_are_met(goldens, name, make, shape):
    path = goldens / f"{name}_recipeB.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the reference outputs at {goldens}")
    golden = np.load(path)
    network = make().eval()
    network.load_state_dict(recipe(network))
    given = torch.randn(shape, generator=torch.Generator().manual_seed(7))
    np.testing.assert_allclose(given.flatten()[:8], golden["input0_first8"], rtol=1e-6)
    with torch.no_grad():
        found = network(given).numpy()
    np.testing.assert_allclose(
        found, golden["out"], rtol=0, atol=TOLERANCE * abs(golden["out"]).max()
    )
    np.testing.assert_allclose(
        [found.mean(), found.std()], golden["out_mean_std"], rtol=1e-3, atol=1e-6
    )


def test_the_encoder_written_out_with_functions():
    encoder = Encoder(5).eval()
    state = recipe(encoder)
    encoder.load_state_dict(state)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    def norm(x, name):
        mean, var, weight, bias = (
            state[f"encoder.{name}.{key}"][:, None, None]
            for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def conv(x, name, stride=1):
        weight = state[f"encoder.{name}.weight"]
        return f.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    x = norm(conv(images, "conv1", 2), "bn1").relu()
    x = f.unfold(x, 3, padding=1, stride=2).reshape(64, 9, 16, 16).amax(1)[None]
    for level, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            at, stride = f"layer{level}.{block}", 2 if level > 1 and block == 0 else 1
            inner = norm(conv(x, f"{at}.conv1"), f"{at}.bn1").relu()
            inner = norm(conv(inner, f"{at}.conv2", stride), f"{at}.bn2").relu()
            inner = norm(conv(inner, f"{at}.conv3"), f"{at}.bn3")
            if block == 0:
                x = norm(conv(x, f"{at}.downsample.0", stride), f"{at}.downsample.1")
            x = (inner + x).relu()
    assert x.shape == (1, 2048, 2, 2)
    hidden = (x.mean((2, 3)) @ state["layers.0.weight"].T + state["layers.0.bias"]).relu()
    expected = hidden @ state["layers.2.weight"].T + state["layers.2.bias"]
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-5)


def test_the_detail_decoder_written_out_with_functions():
    decoder = DetailDecoder(181).eval()
    state = recipe(decoder)
    decoder.load_state_dict(state)
    latent = torch.randn(2, 181, generator=torch.Generator().manual_seed(0))

    def norm(x, number, eps):
        mean, var, weight, bias = (
            state[f"conv_blocks.{number}.{key}"][:, None, None]
            for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + eps).sqrt() * weight + bias

    def conv(x, number):
        weight, bias = (state[f"conv_blocks.{number}.{key}"] for key in ("weight", "bias"))
        return f.conv2d(x, weight, bias, padding=1)

    x = (latent @ state["l1.0.weight"].T + state["l1.0.bias"]).reshape(2, 128, 8, 8)
    x = norm(x, 0, 1e-5)
    for number in (2, 6, 10, 14, 18):
        x = f.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = norm(conv(x, number), number + 1, 0.8)
        x = torch.where(x > 0, x, 0.2 * x)
    expected = torch.tanh(conv(x, 21)) * 0.01
    assert expected.shape == (2, 1, 256, 256)
    torch.testing.assert_close(decoder(latent), expected, atol=1e-7, rtol=1e-4)
