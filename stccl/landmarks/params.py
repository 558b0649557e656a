"""Settings of the `landmarks` stage."""

from typing import Literal

from pydantic import Field

from stccl.section import Section


class LandmarksParams(Section):
    """Face boxes and points."""

    detector: Literal["dlib", "fan"] = Field(
        description="`fan` (face-alignment) as published, `dlib` offline."
    )
    redetect_every_frames: int = Field(
        ge=1, description="The detector runs at least this often; between, the face is tracked."
    )
    box_smoothing_frames: int = Field(ge=1, description="Window over which boxes are smoothed.")
    max_gap_frames: int = Field(
        ge=0, description="Longest run of frames without a face that is interpolated."
    )
    min_face_fraction: float = Field(
        ge=0, le=1, description="Clips with a face in fewer of their frames are rejected."
    )
