"""Settings of the manipulator."""

from typing import Annotated, Literal

from pydantic import Field

from stccl.section import Section

Width = Annotated[int, Field(ge=1)]


class Architecture(Section):
    """Sizes of the four networks; the defaults are the published ones."""

    style: Width = Field(default=16, description="Numbers that describe a style.")
    latent: Width = Field(default=4, description="Numbers a style of an emotion is drawn from.")
    mapping_width: Width = Field(default=64, description="Units per layer of the mapping network.")
    generator_width: Width = Field(
        default=512, description="Units of the generator's LSTM, each way."
    )
    critic_width: Annotated[int, Field(ge=2)] = Field(
        default=128, description="Units of the style encoder's and discriminator's LSTM, each way."
    )
    window_frames: Annotated[int, Field(ge=3)] = Field(
        default=10, description="Frames the networks see at a time."
    )


class ManipulatorConfig(Architecture):
    """What a manipulator is made of and for which faces; saved beside its weights."""

    face_model: str = Field(default="deca", description="The `fit.model` of its coefficients.")
    expressions: Width = Field(default=50, description="Expression coefficients of that model.")

    @property
    def coefficients(self) -> int:
        """Numbers per frame: the jaw's opening and the expression."""
        return 1 + self.expressions


class TrainingParams(Section):
    """How the manipulator is trained."""

    steps: int = Field(ge=1, description="Steps, of two updates of each side.")
    batch_windows: int = Field(ge=1, description="Windows per step, and as many references.")
    learning_rate: float = Field(gt=0, description="Of Adam, at first.")
    mapping_rate: float = Field(
        gt=0,
        le=1,
        description="The mapping network's learning rate over that of the others (published: 1). "
        "A slow one keeps the emotions' styles apart while the others learn to tell them.",
    )
    decay_fraction: float = Field(
        gt=0, le=1, description="Last part of the steps, in which the rate falls linearly to 0."
    )
    style_weight: float = Field(ge=0, description="Of recognising the style in what it made.")
    label_weight: float = Field(
        ge=0,
        description="Of recognising in real windows the style drawn for their emotion (published: "
        "0). Without it a short training leaves some emotions, others with every seed, with a "
        "style that none of their clips has.",
    )
    cycle_weight: float = Field(ge=0, description="Of finding the way back to the source.")
    mouth_weight: float = Field(ge=0, description="Of the jaw moving as the source's.")
    accelerator: Literal["auto", "cpu", "cuda"] = Field(description="Where to train.")
    checkpoint_every_steps: int = Field(ge=1, description="Most steps an interruption costs.")


class SpatialFactor(Section):
    """Of the spatial part of the STCCL loss on meshes, by the metric's formulation.

    Its gradients are ten to thirty times smaller there than the temporal part's.
    """

    disparity: float = Field(ge=0, description="VD, whose both parts lead to the true movement.")
    correlation: float = Field(
        ge=0,
        description="CM, whose spatial part alone does: a matrix over time says how far frames are "
        "apart, not which way. With too little of it some seeds keep the lips and some do not.",
    )


class SupervisionParams(Section):
    """The STCCL loss on renderings of source and manipulated faces."""

    weight: float = Field(
        ge=0,
        description="Of the STCCL loss: more keeps more of what the mouth does and shows less of "
        "the emotion.",
    )
    spatial_factor: SpatialFactor
    every_steps: int = Field(
        ge=1, description="Only every so many steps are supervised: drawing takes time."
    )
    region: Literal["face", "mouth"] = Field(
        description="What the renderings show. Small pictures of the mouth show it as large as "
        "the metric knows it, and gradients then lead towards its true movement more surely."
    )
    size_px: int = Field(ge=33, description="Side of the renderings.")
    windows: int = Field(ge=1, description="Windows per batch that are rendered.")
    frames: int = Field(ge=1, description="Frames of each, spread over the window.")


class ManipulatorParams(Architecture):
    """The manipulator, its training and its supervision."""

    training: TrainingParams
    supervision: SupervisionParams

    def config(self, face_model: str, expressions: int) -> ManipulatorConfig:
        """The manipulator of these sizes for a face model."""
        sizes = self.model_dump(exclude={"training", "supervision"})
        return ManipulatorConfig(face_model=face_model, expressions=expressions, **sizes)
