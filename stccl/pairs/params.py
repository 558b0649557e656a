"""Settings of the `pairs` stage."""

from pydantic import Field

from stccl.section import Section


class PairsParams(Section):
    """Dynamic time warping between two readings of one sentence.

    How the limit of the cost was chosen, on 12 neutral recordings of four MEAD speakers: other
    sentences of the same speaker cost 0.73 to 0.92 (14 pairs, and no less with a second of room
    noise added at both ends); the same sentence read by another speaker 0.58 to 0.62 (4 pairs); a
    recording beside itself at 0.85 to 1.2 times the tempo and up to 4 semitones away at most
    0.69; beside itself 0. White noise in only one of two equal recordings raises their cost to
    0.49 to 0.65 where it is 20 dB below the sound, to 0.57 to 0.72 at 15 dB.
    """

    hop_s: float = Field(gt=0, description="Step between feature vectors; at most one frame.")
    coefficients: int = Field(ge=2, le=25, description="Mel-frequency cepstral coefficients.")
    band: float = Field(
        gt=0,
        le=1,
        description="Half-width of the Sakoe-Chiba band as a fraction of the shorter utterance.",
    )
    max_cost: float = Field(
        gt=0,
        description="Pairs with a higher path cost are rejected as different words; 1 is chance.",
    )
