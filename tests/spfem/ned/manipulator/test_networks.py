import json

import numpy as np
import pytest
import torch

from stccl.spfem.ned.manipulator.networks import (
    Discriminator,
    Generator,
    MappingNetwork,
    Networks,
    StyleEncoder,
)
from stccl.spfem.ned.manipulator.params import ManipulatorConfig
from tests.spfem.ned.manipulator.published import contract, noise, small_noise

NAMES = ("generator", "mapping_network", "style_encoder", "discriminator")
TOLERANCE = 1e-4
"""Of the largest value: what another number of threads or instruction set may change, with room."""


@pytest.mark.parametrize("name", NAMES)
def test_the_compact_contracts_are_the_contracts(contracts, name):
    full = json.loads((contracts / f"ned_{name}.json").read_text())
    assert [[key, shape, "float32"] for key, shape in contract(name)] == full


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_shapes_are_those_of_the_published_networks(name):
    with torch.device("meta"):
        networks = Networks(ManipulatorConfig(), 7)
    state = getattr(networks, name).state_dict()
    assert [(key, list(value.shape)) for key, value in state.items()] == contract(name)
    assert {value.dtype for value in state.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("generator", (noise((7, 10, 51), 7), noise((7, 16), 8))),
        ("mapping_network", (noise((7, 4), 7), torch.arange(7))),
        ("style_encoder", (noise((7, 10, 51), 7),)),
        ("discriminator", (noise((7, 10, 51), 7), torch.arange(7))),
    ],
)
def test_published_outputs_are_met(goldens, name, inputs):
    path = goldens / f"ned_{name}.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the reference outputs at {goldens}")
    golden = np.load(path)
    network = getattr(Networks(ManipulatorConfig(), 7), name)
    network.load_state_dict(small_noise(name))
    with torch.no_grad():
        found = network(*inputs).numpy()
    expected = golden["out"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * abs(expected).max())


def slow_sequence(network, inputs):
    """Perceptron, LSTM both ways, perceptron, frame by frame in double precision."""
    state = {k: v.double().numpy() for k, v in network.state_dict().items()}

    def layers(prefix, x, last_relu):
        numbers = sorted({int(k.split(".")[1]) for k in state if k.startswith(f"{prefix}.")})
        for n in numbers:
            x = state[f"{prefix}.{n}.weight"] @ x + state[f"{prefix}.{n}.bias"]
            if n != numbers[-1] or last_relu:
                x = np.maximum(x, 0)
        return x

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def one_way(frames, suffix):
        width = state[f"LSTM.weight_hh_{suffix}"].shape[1]
        hidden, cell, out = np.zeros(width), np.zeros(width), []
        for x in frames:
            gates = (
                state[f"LSTM.weight_ih_{suffix}"] @ x
                + state[f"LSTM.bias_ih_{suffix}"]
                + state[f"LSTM.weight_hh_{suffix}"] @ hidden
                + state[f"LSTM.bias_hh_{suffix}"]
            )
            take, forget, new, show = np.split(gates, 4)
            cell = sigmoid(forget) * cell + sigmoid(take) * np.tanh(new)
            hidden = sigmoid(show) * np.tanh(cell)
            out.append(hidden)
        return out

    results = []
    for window in inputs.double().numpy():
        frames = [layers("seq1", x, True) for x in window]
        for level in range(2):
            there = one_way(frames, f"l{level}")
            back = one_way(frames[::-1], f"l{level}_reverse")[::-1]
            frames = [np.concatenate(pair) for pair in zip(there, back, strict=True)]
        results.append([layers("seq2", x, False) for x in frames])
    return np.array(results)


def test_the_networks_written_out_frame_by_frame():
    torch.manual_seed(0)
    window, style = torch.randn(3, 6, 5), torch.randn(3, 2)
    generator = Generator(5, 2, 8)
    styled = torch.cat((window, style[:, None].repeat(1, 6, 1)), 2)
    expected = slow_sequence(generator, styled)
    np.testing.assert_allclose(generator(window, style).detach(), expected, atol=1e-6)

    encoder = StyleEncoder(5, 2, 8)
    expected = slow_sequence(encoder, window).mean(1)
    np.testing.assert_allclose(encoder(window).detach(), expected, atol=1e-6)

    discriminator = Discriminator(5, 3, 8)
    label = torch.tensor([2, 0, 2])
    logits = slow_sequence(discriminator, window).mean(1)
    expected = [logits[b, label[b]] for b in range(3)]
    np.testing.assert_allclose(discriminator(window, label).detach(), expected, atol=1e-6)


def test_a_label_chooses_its_own_layers():
    torch.manual_seed(0)
    network = MappingNetwork(4, 8, 2, 3)
    noises = torch.randn(6, 4)
    label = torch.tensor([0, 1, 2, 2, 1, 0])
    hidden = network.shared(noises)
    found = network(noises, label)
    for row, emotion in enumerate(label.tolist()):
        torch.testing.assert_close(found[row], network.unshared[emotion](hidden[row]))
