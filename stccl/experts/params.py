"""Settings of the `experts` stage."""

from pydantic import Field

from stccl.experts.emotion import EmotionParams
from stccl.experts.sync_training import SyncTrainingParams
from stccl.experts.syncnet import SyncNetConfig
from stccl.section import Section


class ExpertsParams(Section):
    """The judges of lip sync, emotion and identity."""

    syncnet: str | None = Field(
        description="File of the published SyncNet; null: a smaller one is trained."
    )
    sync: SyncNetConfig = Field(description="The network that is trained without a published one.")
    sync_training: SyncTrainingParams = Field(description="Its training.")
    emotion: EmotionParams
    arcface: str | None = Field(
        description="ArcFace weights that judge identity; null: dlib's face embedding."
    )
    identity_frames: int = Field(
        ge=2, description="Frames per speaker on which the judge of identity is checked."
    )
