"""Generator and discriminators: the published keys, the published arithmetic."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from stccl.spfem.ned.renderer.discriminator import Discriminator
from stccl.spfem.ned.renderer.generator import Generator, with_own_statistics
from stccl.spfem.ned.renderer.norm import InstanceNorm
from tests.metric.test_published import recipe_b
from tests.spfem.ned.renderer import contract

NETWORKS = {"generator": Generator, "discriminator": Discriminator}


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_published_keys_in_order(name):
    with torch.device("meta"):
        state = NETWORKS[name]().state_dict()
    own = [(k, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in state.items()]
    assert own == getattr(contract, name)()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pattern_of_the_keys_is_the_published_one(contracts, name):
    published = json.loads((contracts / f"ned_renderer_{name}.json").read_text())
    assert [(k, tuple(s), t) for k, s, t in published] == getattr(contract, name)()


def test_the_discriminator_meets_the_published_arithmetic(goldens):
    golden = np.load(goldens / "ned_renderer_discriminator_trainmode_recipeB.npz")
    network = Discriminator()
    network.load_state_dict(recipe_b(contract.discriminator()))
    with torch.no_grad():
        levels = network.train()(noise(1, 13, 256, 256, seed=7))
    assert [len(scale) for scale in levels] == [5, 5]
    for scale, layers in enumerate(levels):
        for layer, found in enumerate(layers):
            expected = golden[f"s{scale}_l{layer}_first1000"]
            start = found.flatten()[: len(expected)].numpy()
            np.testing.assert_allclose(start, expected, atol=1e-4 * np.abs(expected).max())
            spread = [float(found.double().mean()), float(found.double().std(correction=0))]
            np.testing.assert_allclose(spread, golden[f"s{scale}_l{layer}_mean_std"], atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_instance_norm_is_torchs(training):
    ours, theirs = InstanceNorm(3), nn.InstanceNorm2d(3, track_running_stats=True)
    for norm in (ours, theirs):
        norm.running_mean += 0.2
        norm.train(training)
    for seed in range(3):
        x = 2 * noise(4, 3, 5, 6, seed=seed) + 1
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        torch.testing.assert_close(ours(a), theirs(b), atol=2e-6, rtol=1e-5)
        weight = noise(4, 3, 5, 6, seed=9)
        (ours(a) * weight).sum().backward()
        (theirs(b) * weight).sum().backward()
        torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))


def test_own_statistics_are_those_of_training_and_leave_the_running_ones():
    norm = InstanceNorm(2)
    x = noise(2, 2, 4, 4, seed=0)
    trained = norm(x)
    kept = norm.running_mean.clone()
    norm.eval()
    assert not torch.equal(norm(x), trained)
    with_own_statistics(norm)
    assert torch.equal(norm(x), trained)
    assert torch.equal(norm.running_mean, kept)


def functional_generator(state: dict[str, Tensor], told: Tensor, previous: Tensor) -> Tensor:
    """The generator of two halvings and three blocks, in evaluation, from its keys alone."""

    def convolve(x, key, stride=1, pad=0, reflect=0):
        if reflect:
            x = functional.pad(x, (reflect,) * 4, mode="reflect")
        weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
        return functional.conv2d(x, weight, bias, stride, pad)

    def norm(x, key):
        mean, var = (state[f"{key}.running_{what}"][:, None, None] for what in ("mean", "var"))
        return (x - mean) / (var + 1e-5).sqrt()

    def block(x, key):
        name = f"{key}.conv_block"
        inner = norm(convolve(x, f"{name}.1", reflect=1), f"{name}.2").clamp(min=0)
        return x + norm(convolve(inner, f"{name}.5", reflect=1), f"{name}.6")

    def encode(x, name):
        x = norm(convolve(x, f"{name}.1", reflect=3), f"{name}.2").clamp(min=0)
        for place in (4, 7):
            x = norm(convolve(x, f"{name}.{place}", 2, 1), f"{name}.{place + 1}").clamp(min=0)
        return block(block(x, f"{name}.10"), f"{name}.11")

    kept = [channel for channel in range(30) if channel % 10 != 9]
    x = encode(told[:, kept], "model_down_seg") + encode(previous, "model_down_img")
    x = block(x, "model_res_img.0")
    for place in (0, 3):
        weight, bias = (state[f"model_up_img.{place}.{what}"] for what in ("weight", "bias"))
        x = functional.conv_transpose2d(x, weight, bias, 2, 1, 1)
        x = norm(x, f"model_up_img.{place + 1}").clamp(min=0)
    picture = torch.tanh(convolve(x, "model_final_img.1", reflect=3))
    mask = told[:, 29:]
    return torch.where(mask > 0, picture, -1.0)


def test_the_generator_is_what_its_keys_say():
    network = Generator(16, 2, 3)
    names = [[k, list(v.shape), str(v.dtype)[6:]] for k, v in network.state_dict().items()]
    state = recipe_b(names)
    network.load_state_dict(state)
    told = noise(2, 30, 24, 16, seed=1).sigmoid()
    told[:, 9::10] = (told[:, 9::10] > 0.5).float()
    previous = noise(2, 6, 24, 16, seed=2)
    with torch.no_grad():
        found = network.eval()(told, previous)
    torch.testing.assert_close(
        found, functional_generator(state, told, previous), atol=1e-4, rtol=1e-4
    )


def test_of_the_two_copies_of_a_residual_block_the_later_one_counts():
    network = Generator(16, 1, 2)
    state = {k: v.clone() for k, v in network.state_dict().items()}
    state["model_res_img.0.resnetblock_sequential.1.bias"] += 1
    state["model_res_img.0.conv_block.1.bias"] += 2
    network.load_state_dict(state)
    for name in ("conv_block", "resnetblock_sequential"):
        key = f"model_res_img.0.{name}.1.bias"
        assert torch.equal(network.state_dict()[key], state["model_res_img.0.conv_block.1.bias"])


def test_masks_of_earlier_frames_and_what_is_outside_of_it_do_not_count():
    network = Generator(16, 1, 2)
    told, previous = noise(1, 30, 16, 16, seed=1), noise(1, 6, 16, 16, seed=2)
    told[:, 29] = 0
    told[:, 29, 4:8, 4:8] = 1
    found = network(told, previous)
    assert (found[:, :, :4] == -1).all()
    told[:, [9, 19]] += 1
    assert torch.equal(network(told, previous), found)
    told[:, 0] += 1
    assert not torch.equal(network(told, previous), found)


def test_a_textured_one_begins_with_the_texture_and_can_leave_it():
    told, previous = noise(1, 30, 16, 16, seed=1).sigmoid(), noise(1, 6, 16, 16, seed=2)
    told[:, 29] = (told[:, 29] > 0.5).float()
    begun = noise(1, 3, 16, 16, seed=3)
    plain, textured = Generator(16, 1, 2), Generator(16, 1, 2, textured=True)
    added = textured.state_dict().keys() - plain.state_dict().keys()
    assert added == {"model_texture.weight", "model_texture.bias"}
    last = textured.model_final_img[1]
    torch.nn.init.zeros_(last.weight)
    for added in (0.0, 2.0):
        torch.nn.init.constant_(last.bias, added)
        expected = torch.tanh(torch.atanh(begun.clamp(-0.97, 0.97)) + 0.3 * added)
        expected = torch.where(told[:, 29:] > 0, expected, -1)
        torch.testing.assert_close(textured(told, previous, begun), expected)
    # What it adds depends on the texture, too.
    seen = []
    textured.model_up_img.register_forward_hook(lambda *_: seen.append(_[2]))
    textured(told, previous, begun)
    textured(told, previous, -begun)
    assert not torch.equal(*seen)


def test_waves_reach_the_picture_and_add_no_key_without_them():
    told, previous = noise(1, 30, 16, 16, seed=1).sigmoid(), noise(1, 6, 16, 16, seed=2)
    told[:, 29] = 1
    plain, waving = Generator(16, 1, 2), Generator(16, 1, 2, octaves=3)
    added = waving.state_dict().keys() - plain.state_dict().keys()
    assert added == {"model_waves.weight", "model_waves.bias"}
    waving.load_state_dict(plain.state_dict(), strict=False)
    torch.nn.init.zeros_(waving.model_waves.weight)
    torch.nn.init.zeros_(waving.model_waves.bias)
    torch.testing.assert_close(waving(told, previous), plain(told, previous))
    told[:, :20] = 0  # all but the current frame's
    waves = []
    waving.model_waves.register_forward_pre_hook(lambda _, inputs: waves.append(inputs[0]))
    waving(told, previous)
    nmfc = told[0, 20:23]
    for octave in range(3):
        for kind, wave in enumerate((torch.sin, torch.cos)):
            start = 6 * octave + 3 * kind
            expected = wave(2 ** (octave + 1) * torch.pi * nmfc)
            torch.testing.assert_close(waves[0][0, start : start + 3], expected)
