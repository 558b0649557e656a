"""Settings of the `extract` stage."""

from pydantic import Field

from stccl.section import Section


class ExtractParams(Section):
    """Pictures and sound."""

    frame_rate_hz: float = Field(gt=0, description="Constant rate of the frames.")
    sample_rate_hz: int = Field(ge=8000, description="Rate of the mono sound.")
    min_side_px: int = Field(ge=1, description="Pictures with a shorter side are rejected.")
    min_frames: int = Field(ge=1, description="Clips with fewer frames are rejected.")
    max_duration_s: float = Field(
        gt=0, description="Longer clips are rejected: they are no single utterance."
    )
    max_sound_gap_s: float = Field(
        ge=0, description="Largest difference between the lengths of picture and sound."
    )
