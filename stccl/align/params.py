"""Settings of the `align` stage."""

from pydantic import Field

from stccl.section import Section


class AlignParams(Section):
    """The warp onto the canonical face."""

    size_px: int = Field(ge=32, description="Side of the square crop.")
    smoothing_frames: int = Field(
        ge=1,
        description="Window over which points are smoothed before the warp is fitted; 1 is none.",
    )
