"""Settings of the `pairs` stage."""

from pydantic import Field

from stccl.section import Section


class PairsParams(Section):
    """Dynamic time warping between two readings of one sentence."""

    hop_s: float = Field(gt=0, description="Step between feature vectors.")
    coefficients: int = Field(ge=2, description="Mel-frequency cepstral coefficients.")
    band: float = Field(
        gt=0, le=1, description="Half-width of the Sakoe-Chiba band as a fraction of the utterance."
    )
    max_cost: float = Field(
        gt=0, description="Pairs with a higher mean path cost are rejected as different sentences."
    )
