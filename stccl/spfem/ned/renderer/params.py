"""Settings of the neural face renderer."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stccl.section import Section

Width = Annotated[int, Field(ge=16, multiple_of=16)]
Share = Annotated[float, Field(ge=0, le=1)]
Region = Literal["mouth", "eyes"]

PUBLISHED_SIDE_PX = 256
PUBLISHED_REGION_PX = 72


class RendererConfig(Section):
    """Architecture of the renderer, saved beside its weights. The defaults are the published one.

    Widths are multiples of 16: torch 2.13 ends the process in the backward pass of some narrower
    convolutions.
    """

    size_px: int = Field(
        default=PUBLISHED_SIDE_PX, ge=32, description="Side of the face crop, as it sees it."
    )
    window: tuple[Share, Share, Share, Share] = Field(
        default=(0.0, 0.0, 1.0, 1.0),
        description="What of the crop it paints: left, top, right, bottom, in sides. A face fills "
        "less than half of it.",
    )
    width: Width = Field(default=64, description="Channels of the generator at full resolution.")
    downsamplings: int = Field(default=3, ge=1, description="Halvings of the side inside of it.")
    blocks: int = Field(default=9, ge=2, description="Residual blocks, from input to output.")
    octaves: int = Field(
        default=0,
        ge=0,
        description="Wavelengths in which it is told the NMFC besides; learns textures sooner.",
    )
    textured: bool = Field(
        default=False,
        description="It begins with the speaker's texture, what every place of the face looks like "
        "with that expression, and learns the rest; the published one learns all in days.",
    )
    keeps_eyes: bool = Field(
        default=False,
        description="Eyes stay those of the source, with its gaze and blinks; a renderer that is "
        "trained for minutes draws none that look alive. A texture tells how far lids open.",
    )
    discriminator_width: Width = Field(default=64, description="Channels of its first layer.")
    discriminator_layers: int = Field(default=3, ge=1, description="Layers that halve the side.")
    discriminator_scales: int = Field(default=2, ge=1, description="Resolutions it looks at.")
    regions: tuple[Region, ...] = Field(
        default=("mouth",), description="Parts of the face with a discriminator of their own."
    )

    @property
    def region_px(self) -> int:
        """Side of what such a discriminator sees: 72 of 256 px, in proportion."""
        return round(self.size_px * PUBLISHED_REGION_PX / PUBLISHED_SIDE_PX)

    @property
    def picture_px(self) -> tuple[int, int]:
        """Height and width of its pictures: the window, in whole steps of the halvings.

        >>> RendererConfig(size_px=192, window=(0.2, 0.1, 0.8, 0.9)).picture_px
        (152, 112)
        """
        left, top, right, bottom = self.window
        step = 2**self.downsamplings
        return tuple(
            max(1, round(extent * self.size_px / step)) * step
            for extent in (bottom - top, right - left)
        )

    @property
    def corner_px(self) -> tuple[int, int]:
        """Where the pictures' first pixel lies in the crop: x, y."""
        return round(self.window[0] * self.size_px), round(self.window[1] * self.size_px)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.picture_px) < self.region_px:
            raise ValueError(
                f"window: expected a part of the crop of at least {self.region_px} px, got "
                f"{self.picture_px[1]} x {self.picture_px[0]}"
            )
        return self


class RendererTrainingParams(Section):
    """How a renderer learns. Published: one sequence, chunks of 4, 12 to 48 frames, Adam 2e-4."""

    meta_steps: int = Field(ge=1, description="Optimiser steps over many speakers.")
    speaker_steps: int = Field(ge=1, description="Further steps for one speaker.")
    learning_rate: float = Field(gt=0, description="Of Adam, betas 0.5 and 0.999.")
    decay: float = Field(
        ge=0,
        le=1,
        description="Share of the steps, at the end, in which the learning rate falls to zero; "
        "published: 0.",
    )
    batch_sequences: int = Field(ge=1, description="Sequences per step.")
    chunk_frames: int = Field(ge=1, description="Frames of each sequence per step.")
    sequence_frames: int = Field(ge=1, description="Frames of a sequence at first.")
    longest_sequence_frames: int = Field(ge=1, description="Frames of a sequence at last.")
    double_every_steps: int = Field(ge=1, description="Steps until sequences are twice as long.")
    adversarial_weight: float = Field(ge=0, description="Of all least-squares GAN terms.")
    feature_weight: float = Field(ge=0, description="Of feature matching; published: 10.")
    perceptual_weight: float = Field(ge=0, description="Of the perceptual term; published: 10.")
    pixel_weight: float = Field(ge=0, description="Of the mean absolute error; published: 0.")
    supervision_weight: float = Field(ge=0, description="Of the STCCL loss, where there is one.")
    vgg19: str | None = Field(
        description="Weights of torchvision's vgg19 for the perceptual term; null: the metric's "
        "backbone."
    )
    shift: float = Field(
        ge=0, description="Noise: largest shift of a condition, in sides; published: 0.01."
    )
    scale: float = Field(
        ge=0, lt=1, description="Noise: largest change of a condition's size; published: 0.01."
    )
    cached_frames: int = Field(ge=1, description="Most frames kept drawn in memory.")
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        description="auto: bf16-mixed where the hardware computes in it, 32-true elsewhere."
    )
    accelerator: Literal["auto", "cpu", "cuda"] = Field(description="Where to train.")
    checkpoint_every_steps: int = Field(ge=1, description="Most steps an interruption costs.")
    pictures_every_steps: int = Field(ge=1, description="Steps between sample pictures.")


class RendererParams(RendererConfig):
    """The renderer and its training."""

    training: RendererTrainingParams

    @property
    def config(self) -> RendererConfig:
        """The renderer alone, as it is saved beside its weights."""
        return RendererConfig(**self.model_dump(exclude={"training"}))
