"""The three judges together, as the `experts` stage leaves them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stccl.errors import StageError
from stccl.experts.emotion import EmotionJudge
from stccl.experts.identity import FaceIdentity, face_identity
from stccl.experts.lip_sync import LipSyncJudge
from stccl.experts.syncnet import SyncNet

EXPERTS_FILE = "experts.json"


@dataclass(frozen=True)
class Experts:
    """Frozen judges of generated clips.

    Attributes:
        sync: Are lips and sound in step?
        emotion: Which emotion is it?
        identity: Who is it?
    """

    sync: LipSyncJudge
    emotion: EmotionJudge
    identity: FaceIdentity

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The judges in `models/experts/`, published ones from the files named there.

        Raises:
            StcclError: Where a judge or a published file is missing or damaged.
        """
        try:
            published = json.loads((folder / EXPERTS_FILE).read_text("utf-8"))
        except (OSError, ValueError):
            raise StageError(f"{folder}: no judges; run `dvc repro experts` to make them") from None
        sync, arcface = (published[name] for name in ("syncnet", "arcface"))
        return cls(
            sync=lip_sync_judge(Path(sync)) if sync else LipSyncJudge.load(folder),
            emotion=EmotionJudge.load(folder),
            identity=face_identity(Path(arcface) if arcface else None),
        )


def lip_sync_judge(published: Path) -> LipSyncJudge:
    """The judge by the published network's file."""
    return LipSyncJudge(SyncNet.from_published(published))
