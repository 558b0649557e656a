"""Settings of the `fit` stage."""

from typing import Literal, Self

from pydantic import Field, model_validator

from stccl.section import Section


class FitParams(Section):
    """The 3-D face behind the landmarks."""

    model: Literal["head", "flame", "deca"] = Field(
        description="`head` is built in; `flame`, fitted to the landmarks, and `deca`, read off "
        "the pictures, need their published files, see `stccl doctor`."
    )
    identity_frames: int = Field(
        ge=1, description="Frames of a speaker that the identity is estimated from."
    )
    camera_distance_m: float = Field(
        ge=0.3,
        le=10,
        description="How far the camera is taken to be; clips do not tell their focal length.",
    )
    prior_weight: float = Field(
        gt=0, description="Pull towards the usual face; 1 suits dlib's points."
    )
    smoothing: float = Field(ge=0, description="Pull towards steady motion; 0 fits frame by frame.")
    refine: Literal["landmarks", "photometric"] = Field(
        description="What expression, jaw and pose come from: the landmarks alone, or then also "
        "the colours of the skin in the aligned frames, with albedo and light; that takes many "
        "times as long, and suits faces that look like the model's."
    )
    max_residual: float = Field(
        gt=0,
        description="Frames whose landmarks the fit misses by more on average are left empty; "
        "fraction of the distance between the outer corners of the eyes.",
    )
    min_fitted_fraction: float = Field(
        ge=0, le=1, description="Clips with fewer of their faces fitted are rejected."
    )

    @model_validator(mode="after")
    def _deca_is_not_refined(self) -> Self:
        if self.model == "deca" and self.refine != "landmarks":
            raise ValueError(
                "refine: expected landmarks where model is deca, whose coefficients are left as "
                f"they are, got {self.refine}"
            )
        return self
