"""Settings of the `metric` stage."""

from typing import Literal

from pydantic import Field

from stccl.metric.config import STCCLConfig
from stccl.section import Section


class TrainingParams(Section):
    """How the metric is trained."""

    steps: int = Field(ge=1, description="Optimiser steps.")
    batch_windows: int = Field(ge=1, description="Pairs of windows per step.")
    window_frames: int = Field(ge=1, description="Frames per window.")
    frame_stride: int = Field(
        ge=1,
        description="Steps from a window's frame to its next; at 25 Hz neighbours differ by noise.",
    )
    learning_rate: float = Field(gt=0, description="Of Adam.")
    arcface: str | None = Field(description="Backbone weights to begin with; null: random ones.")
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        description="auto: bf16-mixed where the hardware computes in it, 32-true elsewhere."
    )
    accelerator: Literal["auto", "cpu", "cuda"] = Field(description="Where to train.")
    eval_every_steps: int = Field(ge=1, description="Steps between looks at held-out speakers.")
    heldout_windows: int = Field(ge=1, description="Held-out windows in such a look.")
    checkpoint_every_steps: int = Field(ge=1, description="Most steps an interruption costs.")


class MetricParams(STCCLConfig):
    """The metric and its training."""

    training: TrainingParams

    @property
    def config(self) -> STCCLConfig:
        """The metric alone, as it is saved beside its weights."""
        return STCCLConfig(**self.model_dump(exclude={"training"}))
