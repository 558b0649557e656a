"""What a coherent correlation metric is made of; saved beside its weights."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stccl.section import Section

Positive = Annotated[int, Field(ge=1)]
PerLevel = tuple[Positive, Positive, Positive, Positive]


class STCCLConfig(Section):
    """Architecture and arithmetic of the metric. The defaults are the published setting.

    Source: ASCCL (CVPR 2024), Section 4; the joint spatial and temporal form after STCCL.
    """

    formulation: Literal["disparity", "correlation"] = Field(
        default="disparity",
        description="What regions mean to each other: their differences (VD), or the matrix of "
        "their inner products (CM).",
    )
    spatial: bool = Field(default=True, description="Compare neighbouring regions within a frame.")
    temporal: bool = Field(
        default=True, description="Compare a region with itself in other frames."
    )
    size_px: int = Field(default=224, ge=33, description="Side of the face crops it is trained on.")
    blocks: PerLevel = Field(
        default=(3, 4, 14, 3), description="Residual blocks per backbone level."
    )
    widths: PerLevel = Field(
        default=(64, 128, 256, 512), description="Channels per backbone level."
    )
    mapping: bool = Field(
        default=True,
        description="Map by the two layers of Eq. 3; off: compare the backbone's own features.",
    )
    temperature: float = Field(
        default=0.07, gt=0, description="Temperature of the contrastive softmax."
    )
    centres: PerLevel = Field(
        default=(32, 16, 8, 4), description="Regions drawn per level with all their neighbours."
    )
    positions: PerLevel = Field(
        default=(256, 128, 64, 32), description="Regions drawn per level by themselves."
    )
    negatives: Literal["all", "neighbours"] = Field(
        default="all",
        description="What a region is told apart from: all others (the published code), or those "
        "around it (Eq. 4).",
    )
    inner_fraction: float = Field(
        default=0.45,
        ge=0,
        lt=0.5,
        description="Regions come from a centred square of side H//2 + this×H.",
    )
    frame_pairs: Literal["all", "adjacent"] = Field(
        default="all", description="Temporal: which two frames of a window are compared."
    )
    temporal_window_frames: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Temporal: length of the windows a clip is cut into; null: the clip is one.",
    )
    centred: bool = Field(
        default=False,
        description="Correlation: of vectors less the mean of their matrix, as in a covariance.",
    )
    adaptive: bool = Field(
        default=True, description="Weigh regions by their disparity (Eq. 6 and 7)."
    )
    adaptive_form: Literal["equation", "published"] = Field(
        default="equation",
        description="Per region as Eq. 6 says, or as the published code computes it.",
    )
    adaptive_scale: float = Field(default=2.0, gt=0, description="λ of Eq. 6.")
    adaptive_power: float = Field(default=2.0, gt=0, description="r of Eq. 6.")
    spatial_weight: float = Field(default=0.3, gt=0, description="Factor of the spatial part.")
    temporal_weight: float = Field(default=1.0, gt=0, description="Factor of the temporal part.")
    supervision_precision: Literal["auto", "32-true"] = Field(
        default="auto",
        description="What a frozen metric supervises in; auto: bf16 where the device is faster in "
        "it. Under autocast in what that says.",
    )
    check_range: bool = Field(default=True, description="Refuse images that leave [-1, 1].")

    @classmethod
    def reference(cls) -> Self:
        """The arithmetic of the published code for given regions, its defects apart.

        It differs from the default in the adaptive weight, which it gives to the spatial part
        alone and as one number per level (`PublishedWeight`), in taking values of any range, and
        in supervising in single precision.
        Not reproduced: gradients through the weight, gradients to the source instead of the
        generated side, regions drawn repeatedly or across the border, and the time transformers
        of the joint model, which are in no checkpoint.

        Source: the published repositories of ASCCL and STCCL.
        """
        return cls(adaptive_form="published", check_range=False, supervision_precision="32-true")

    @model_validator(mode="after")
    def _something_to_compare(self) -> Self:
        if not (self.spatial or self.temporal):
            raise ValueError("expected spatial or temporal to be true, got both false")
        if any(width % 16 for width in self.widths):
            # torch 2.13 ends the process in the backward pass of a narrower 1×1 convolution.
            raise ValueError(f"widths: expected multiples of 16, got {self.widths}")
        return self
