"""Settings of NED's two stages."""

from pydantic import Field

from stccl.section import Section
from stccl.spfem.ned.manipulator.params import ManipulatorParams
from stccl.spfem.ned.renderer.params import RendererParams


class NedParams(Section):
    """The neural emotion director."""

    manipulator: ManipulatorParams = Field(description="Stage one, on coefficients.")
    renderer: RendererParams = Field(description="Stage two, from coefficients to pictures.")
