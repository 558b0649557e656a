"""DECA's networks: encoders from a picture to coefficients, a decoder to displacements."""

from typing import cast

from torch import Tensor, nn

from stccl.face3d.resnet import WIDTH, ResNet50

DECA_FILE = "deca_model.tar"
SIZES = {"shape": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "light": 27}
"""What the 236 numbers of the coarse encoder are, in their order."""
DETAILS = 128
"""Numbers of the detail encoder."""
DECODER_INPUTS = 3 + SIZES["expression"] + DETAILS
"""Jaw, expression and detail."""

_LATENT_SIDE = 8
_LARGEST_DISPLACEMENT_M = 0.01


class Encoder(nn.Module):
    """A picture to `outputs` numbers: ResNet-50 and a perceptron of one hidden layer.

    Source: Feng, Feng, Black & Bolkart, "Learning an animatable detailed 3D face model from
    in-the-wild images" (SIGGRAPH 2021), Section 4.1.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(WIDTH, 1024), nn.ReLU(), nn.Linear(1024, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, 224, 224), RGB in [0, 1], to (B, outputs)."""
        return cast(Tensor, self.layers(self.encoder(images)))


class DetailDecoder(nn.Module):
    """Jaw, expression and detail to a map of displacements along the normals.

    Source: as `Encoder`, Section 4.2.

    Args:
        inputs: How many numbers describe the detail and what moves it.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.l1 = nn.Sequential(nn.Linear(inputs, 128 * _LATENT_SIDE**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128),
            *_doubled(128, 128),
            *_doubled(128, 64),
            *_doubled(64, 64),
            *_doubled(64, 32),
            *_doubled(32, 16),
            nn.Conv2d(16, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, inputs) to (B, 1, 256, 256), m in [-0.01, 0.01], over FLAME's texture map."""
        start = self.l1(latent).reshape(len(latent), -1, _LATENT_SIDE, _LATENT_SIDE)
        return cast(Tensor, self.conv_blocks(start)) * _LARGEST_DISPLACEMENT_M


def _doubled(in_channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    return (
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        # The published weights were trained with this epsilon; it was meant as the momentum.
        nn.BatchNorm2d(out_channels, eps=0.8),
        nn.LeakyReLU(0.2),
    )
