"""Settings of the `pairs` stage."""

from pydantic import Field

from stccl.section import Section


class PairsParams(Section):
    """Dynamic time warping between two readings of one sentence."""

    hop_s: float = Field(gt=0, description="Step between feature vectors; at most one frame.")
    coefficients: int = Field(ge=2, le=25, description="Mel-frequency cepstral coefficients.")
    band: float = Field(
        gt=0,
        le=1,
        description="Half-width of the Sakoe-Chiba band as a fraction of the shorter utterance.",
    )
    max_cost: float = Field(
        gt=0,
        description="Pairs with a higher path cost are rejected as different words: 0 is the same "
        "sound, about 0.6 the same words read again, above 0.7 other words.",
    )
