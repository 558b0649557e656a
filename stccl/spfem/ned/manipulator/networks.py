"""The four networks; parameters have the names of the published checkpoints."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from stccl.spfem.ned.manipulator.params import ManipulatorConfig

_LSTM_LAYERS = 2


class _Sequence(nn.Module):
    """Perceptron, bidirectional LSTM over the frames, perceptron: (B, T, N) to (B, T, M)."""

    def __init__(self, before: tuple[int, ...], width: int, after: tuple[int, ...]) -> None:
        super().__init__()
        self.seq1 = nn.Sequential(*_perceptron(*before), nn.ReLU())
        self.LSTM = nn.LSTM(before[-1], width, _LSTM_LAYERS, batch_first=True, bidirectional=True)
        self.seq2 = nn.Sequential(*_perceptron(2 * width, *after))

    def _frames(self, inputs: Tensor) -> Tensor:
        hidden, _ = self.LSTM(self.seq1(inputs))
        outputs: Tensor = self.seq2(hidden)
        return outputs


class Generator(_Sequence):
    """G(x, s): a window of coefficients in another style.

    Args:
        coefficients: N per frame.
        style: S numbers of a style.
        width: Units of the LSTM, each way.
    """

    def __init__(self, coefficients: int, style: int, width: int) -> None:
        super().__init__(
            (coefficients + style, width, width), width, (2 * width, 2 * width, coefficients)
        )

    def forward(self, window: Tensor, style: Tensor) -> Tensor:
        """(B, T, N) in the style (B, S), of any number of frames T."""
        styles = style[:, None].expand(-1, window.shape[1], -1)
        return self._frames(torch.cat((window, styles), 2))


class StyleEncoder(_Sequence):
    """E(x): the style of a window.

    Args:
        coefficients: N per frame.
        style: S numbers of a style.
        width: Units of the LSTM, each way.
    """

    def __init__(self, coefficients: int, style: int, width: int) -> None:
        super().__init__(*_critic(coefficients, width, style))

    def forward(self, window: Tensor) -> Tensor:
        """(B, S), the mean over the frames of (B, T, N)."""
        return self._frames(window).mean(1)


class Discriminator(_Sequence):
    """D(x, y): how much a window looks like real ones of an emotion, which is 1.

    Args:
        coefficients: N per frame.
        emotions: How many there are.
        width: Units of the LSTM, each way.
    """

    def __init__(self, coefficients: int, emotions: int, width: int) -> None:
        super().__init__(*_critic(coefficients, width, emotions))

    def forward(self, window: Tensor, label: Tensor) -> Tensor:
        """(B,), the mean over the frames of (B, T, N), for emotions (B,) int64."""
        return _own(self._frames(window).mean(1), label)


class MappingNetwork(nn.Module):
    """F(z, y): a style of an emotion, drawn with Gaussian noise z.

    Args:
        latent: Numbers of noise.
        width: Units per layer.
        style: S numbers of a style.
        emotions: How many there are; each has layers of its own at the end.
    """

    def __init__(self, latent: int, width: int, style: int, emotions: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(*_perceptron(latent, width, width, width), nn.ReLU())
        self.unshared = nn.ModuleList(
            nn.Sequential(*_perceptron(width, width, style)) for _ in range(emotions)
        )

    @property
    def last_layers(self) -> list[nn.Linear]:
        """What gives the style, of each emotion."""
        return [cast(nn.Linear, list(head.children())[-1]) for head in self.unshared]

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """(B, S) of (B, Z) noise for emotions (B,) int64."""
        hidden = self.shared(latent)
        return _own(torch.stack([head(hidden) for head in self.unshared], 1), label)


class Networks(nn.Module):
    """All four, for one face model and a list of emotions.

    Args:
        config: Sizes.
        emotions: How many there are.
    """

    def __init__(self, config: ManipulatorConfig, emotions: int) -> None:
        super().__init__()
        numbers, style = config.coefficients, config.style
        self.generator = Generator(numbers, style, config.generator_width)
        self.mapping_network = MappingNetwork(config.latent, config.mapping_width, style, emotions)
        self.style_encoder = StyleEncoder(numbers, style, config.critic_width)
        self.discriminator = Discriminator(numbers, emotions, config.critic_width)


def _perceptron(*widths: int) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.ReLU(), nn.Linear(fan_in, fan_out)]
    return layers[1:]


def _critic(
    coefficients: int, width: int, outputs: int
) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    return (coefficients, 4 * width, 2 * width), width, (width, width // 2, outputs)


def _own(values: Tensor, label: Tensor) -> Tensor:
    """Of every row (B, Y, ...) the entry of its label."""
    return values[torch.arange(len(label), device=label.device), label]
