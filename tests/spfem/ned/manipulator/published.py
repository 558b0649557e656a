"""Keys and shapes of the published networks, written as what they consist of."""

from itertools import pairwise

import torch
from torch import Tensor

Contract = list[tuple[str, list[int]]]

SIZES = {
    "generator": ((67, 512, 512), 512, (1024, 1024, 1024, 51)),
    "style_encoder": ((51, 512, 256), 128, (256, 128, 64, 16)),
    "discriminator": ((51, 512, 256), 128, (256, 128, 64, 7)),
}
"""Widths of the perceptron before the LSTM, of the LSTM, and of the perceptron behind it."""


def contract(name: str) -> Contract:
    """Keys and shapes of a network's state dict, in order."""
    if name == "mapping_network":
        keys = _linear("shared", (4, 64, 64, 64))
        for emotion in range(7):
            keys += _linear(f"unshared.{emotion}", (64, 64, 16))
        return keys
    before, width, after = SIZES[name]
    keys = _linear("seq1", before)
    for layer, inputs in enumerate((before[-1], 2 * width)):
        for way in ("", "_reverse"):
            keys += [
                (f"LSTM.weight_ih_l{layer}{way}", [4 * width, inputs]),
                (f"LSTM.weight_hh_l{layer}{way}", [4 * width, width]),
                (f"LSTM.bias_ih_l{layer}{way}", [4 * width]),
                (f"LSTM.bias_hh_l{layer}{way}", [4 * width]),
            ]
    return keys + _linear("seq2", after)


def _linear(prefix: str, widths: tuple[int, ...]) -> Contract:
    keys: Contract = []
    for number, (fan_in, fan_out) in enumerate(pairwise(widths)):
        keys += [
            (f"{prefix}.{2 * number}.weight", [fan_out, fan_in]),
            (f"{prefix}.{2 * number}.bias", [fan_out]),
        ]
    return keys


def small_noise(name: str) -> dict[str, Tensor]:
    """Weights that anyone can make again, as the published outputs were made with."""
    return {key: 0.05 * noise(shape, 1000 + i) for i, (key, shape) in enumerate(contract(name))}


def noise(shape: list[int] | tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
