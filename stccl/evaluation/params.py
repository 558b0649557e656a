"""Settings of the `evaluate` and `judge` stages."""

from pydantic import Field

from stccl.section import Section


class EvaluateParams(Section):
    """Judging the metric on speakers it has never seen, and the clips that models made."""

    frames_per_pair: int = Field(ge=2, description="Aligned frame pairs looked at per clip pair.")
    bootstrap_samples: int = Field(ge=10, description="Resamples behind each confidence interval.")
    confidence: float = Field(gt=0, lt=1, description="Coverage of the intervals.")
    faces_per_clip: int = Field(
        ge=2, description="Frames of a clip that the judges of identity and emotion see."
    )
