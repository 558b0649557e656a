"""Settings of the `experts` stage."""

from typing import Literal

from pydantic import Field

from stccl.section import Section


class SyncNetConfig(Section):
    """The network's size, and the pictures it takes. The defaults are the published ones."""

    side_px: int = Field(default=224, ge=51, description="Side of the pictures.")
    crop: tuple[float, float, float, float] = Field(
        default=(0.0, 0.0, 1.0, 1.0),
        description="What the pictures show of an aligned face: left, top, right, bottom, in "
        "sides of the face's crop.",
    )
    input: Literal["published", "relative"] = Field(
        default="published",
        description="published: BGR values 0-255 and sound features as they are; relative: "
        "brightness and sound features less their mean over the clip, over their deviation.",
    )
    lip_widths: tuple[int, int, int, int, int, int] = Field(
        default=(96, 256, 256, 256, 256, 512), description="Channels of the picture's layers."
    )
    sound_widths: tuple[int, int, int, int, int, int] = Field(
        default=(64, 192, 384, 256, 256, 512), description="Channels of the sound's layers."
    )
    embedding: int = Field(default=1024, ge=1, description="Values of an embedding.")

    @property
    def channels(self) -> int:
        """Of a picture."""
        return 3 if self.input == "published" else 1


class SyncTrainingParams(Section):
    """How a lip-sync network is trained."""

    clips: int = Field(ge=1, description="Most clips learnt from, spread evenly over speakers.")
    steps: int = Field(ge=1, description="Optimiser steps.")
    batch_runs: int = Field(ge=1, description="Runs of windows per step, each of one clip.")
    run_windows: int = Field(ge=2, description="Windows in a run, one per picture.")
    learning_rate: float = Field(gt=0, description="Largest one of Adam, early in the training.")


class EmotionParams(Section):
    """How emotions are learnt."""

    frames_per_clip: int = Field(ge=1, description="Frames learnt from, spread over a clip.")
    picture_weight: float = Field(
        ge=0, description="Of the features of the picture beside those of the landmarks, 1."
    )
    shrinkage: float = Field(
        gt=0,
        le=1,
        description="How far the covariance is drawn to that of a sphere: the fewer speakers, the "
        "nearer to 1.",
    )


class ExpertsParams(Section):
    """The judges of lip sync, emotion and identity."""

    syncnet: str | None = Field(
        description="File of the published SyncNet; null: a smaller one is trained."
    )
    sync: SyncNetConfig = Field(description="The network that is trained without a published one.")
    sync_training: SyncTrainingParams = Field(description="Its training.")
    emotion: EmotionParams
    arcface: str | None = Field(
        description="ArcFace weights that judge identity; null: dlib's face embedding."
    )
    identity_frames: int = Field(
        ge=2, description="Frames per speaker on which the judge of identity is checked."
    )
