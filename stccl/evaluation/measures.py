"""Every measure of generated clips, by name."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from torchmetrics import Metric

from stccl.evaluation.emotion_similarity import EmotionSimilarity
from stccl.evaluation.frechet_face_distance import FrechetFaceDistance
from stccl.evaluation.identity_similarity import IdentitySimilarity
from stccl.evaluation.lip_sync import LipSync
from stccl.evaluation.mouth_distance import MouthDistance
from stccl.evaluation.mouth_movement import MouthMovement
from stccl.evaluation.mouth_opening import MouthOpening
from stccl.evaluation.target_error import TargetError
from stccl.evaluation.temporal_jitter import TemporalJitter


@dataclass(frozen=True)
class Measure:
    """One number of an evaluation.

    Attributes:
        metric: The class that computes it.
        better: Which values are better.
        output: Its name among those that the class computes, where there are several.
    """

    metric: type[Metric]
    better: Literal["higher", "lower"]
    output: str | None = None


MEASURES = MappingProxyType(
    {
        "FAD": Measure(FrechetFaceDistance, "lower"),
        "CSIM": Measure(EmotionSimilarity, "higher"),
        "LSE-D": Measure(LipSync, "lower", "lse_d"),
        "LSE-C": Measure(LipSync, "higher", "lse_c"),
        "sync offset": Measure(LipSync, "lower", "offset"),
        "mouth opening": Measure(MouthOpening, "higher"),
        "mouth distance": Measure(MouthDistance, "lower"),
        "mouth movement": Measure(MouthMovement, "lower"),
        "identity": Measure(IdentitySimilarity, "higher"),
        "jitter": Measure(TemporalJitter, "lower"),
        "PSNR": Measure(TargetError, "higher", "psnr_db"),
        "SSIM": Measure(TargetError, "higher", "ssim"),
        "landmark error": Measure(TargetError, "lower", "landmark_error"),
    }
)
