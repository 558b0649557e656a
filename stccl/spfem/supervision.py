"""Under which correlation metric a model is trained: the rows of the papers' tables."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Supervision:
    """What STCCL adds to a backbone's own losses.

    Attributes:
        about: What the row shows.
        formulation: Visual disparities (VD) or correlation matrices (CM); None adds nothing.
        trained: The metric learned from pairs; otherwise its weights are those it began with.
        meshes: It compares the shaded 3-D faces of source and result.
        images: It compares the pictures of source and result.
        adaptive: Regions are weighed by their disparity (ASCCL, Eq. 6).
    """

    about: str
    formulation: Literal["disparity", "correlation"] | None = None
    trained: bool = True
    meshes: bool = True
    images: bool = True
    adaptive: bool = True


SUPERVISIONS = {
    "base": Supervision("the backbone alone"),
    "vd": Supervision("visual disparities", "disparity"),
    "cm": Supervision("correlation matrices", "correlation"),
    "vd-untrained": Supervision("a metric that never saw a pair", "disparity", trained=False),
    "vd-3dmm": Supervision("on 3-D faces only", "disparity", images=False),
    "vd-image": Supervision("on pictures only", "disparity", meshes=False),
    "vd-unweighted": Supervision("without the adaptive weight", "disparity", adaptive=False),
}
"""By the name a run is called by. The last four are the ablations of ASCCL, Tables 4 to 6."""
