"""Settings of the `report` stage."""

from pydantic import Field

from stccl.section import Section


class ReportParams(Section):
    """What the page shows."""

    pairs_shown: int = Field(ge=1, description="Clip pairs shown with their faces.")
    frames_shown: int = Field(ge=1, description="Frames shown of each.")
