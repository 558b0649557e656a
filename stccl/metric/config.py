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

    formulation: Literal["disparity"] = Field(
        default="disparity",
        description="Correlations as visual disparities: differences of regions.",
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
    temperature: float = Field(
        default=0.07, gt=0, description="Temperature of the contrastive softmax."
    )
    centres: PerLevel = Field(
        default=(32, 16, 8, 4), description="Spatial: regions drawn per level."
    )
    positions: PerLevel = Field(
        default=(256, 128, 64, 32), description="Temporal: regions per level."
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
    adaptive: bool = Field(
        default=True, description="Weigh regions by their disparity (Eq. 6 and 7)."
    )
    adaptive_scale: float = Field(default=2.0, gt=0, description="λ of Eq. 6.")
    adaptive_power: float = Field(default=2.0, gt=0, description="r of Eq. 6.")
    spatial_weight: float = Field(default=0.3, gt=0, description="Factor of the spatial part.")
    temporal_weight: float = Field(default=1.0, gt=0, description="Factor of the temporal part.")

    @model_validator(mode="after")
    def _something_to_compare(self) -> Self:
        if not (self.spatial or self.temporal):
            raise ValueError("expected spatial or temporal to be true, got both false")
        if any(width % 16 for width in self.widths):
            # torch 2.13 ends the process in the backward pass of a narrower 1×1 convolution.
            raise ValueError(f"widths: expected multiples of 16, got {self.widths}")
        return self
