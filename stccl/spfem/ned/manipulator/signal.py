"""What the manipulator changes of a face: the jaw's opening and the expression."""

from typing import NamedTuple

import torch
from torch import Tensor

from stccl.face3d.model import FaceCoefficients

_LEAST_SPREAD = 0.1
"""Of the expression's: what varies less is noise, and would be as loud as the rest."""


def signal_of(coefficients: FaceCoefficients) -> Tensor:
    """(T, 1 + E): the jaw's rotation about x, rad, then the expression coefficients."""
    return torch.cat((coefficients.jaw[:, :1], coefficients.expression), 1)


def with_signal(coefficients: FaceCoefficients, signal: Tensor) -> FaceCoefficients:
    """The same faces (identity, pose, gaze) with another signal, (T, 1 + E)."""
    jaw = torch.cat((signal[:, :1], coefficients.jaw[:, 1:]), 1)
    return coefficients._replace(expression=signal[:, 1:], jaw=jaw)


class Scale(NamedTuple):
    """Between coefficients and numbers that networks like; (N,) each."""

    mean: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def identity(cls, coefficients: int) -> "Scale":
        """Coefficients as they are: what the published checkpoints know, FLAME's."""
        zero = torch.zeros(coefficients)
        return cls(zero, zero + 1, zero - torch.inf, zero + torch.inf)

    @classmethod
    def of(cls, signal: Tensor) -> "Scale":
        r"""From (T, N) frames: mean, standard deviation and range.

        The spread of an expression coefficient is at least a tenth of the root mean square of
        all of theirs.
        """
        spread = signal.std(0, correction=0)
        spread[1:].clamp_(min=_LEAST_SPREAD * float(spread[1:].square().mean().sqrt()))
        spread = torch.where(spread > 0, spread, 1)
        return cls(signal.mean(0), spread, signal.amin(0), signal.amax(0))

    def normalise(self, signal: Tensor) -> Tensor:
        """(x - mean) / spread."""
        return (signal - self.mean) / self.spread

    def restore(self, normalised: Tensor) -> Tensor:
        """The way back, without bounds, so that gradients pass."""
        return normalised * self.spread + self.mean

    def bound(self, signal: Tensor) -> Tensor:
        """Within what was seen; faces beyond it are no faces."""
        return torch.minimum(torch.maximum(signal, self.low), self.high)
