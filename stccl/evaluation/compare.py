"""Two clips, or any two media files, compared under a trained metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from stccl.errors import ClipRejected, StcclError
from stccl.evaluation.identity_similarity import IdentitySimilarity
from stccl.evaluation.lip_sync import SyncScore, sync_score
from stccl.evaluation.mouth_distance import MouthDistance
from stccl.evaluation.picture_speed import PictureSpeed, mouth_openings, picture_speed
from stccl.evaluation.score import Score, score
from stccl.evaluation.seen import Seen, see
from stccl.evaluation.temporal_jitter import TemporalJitter
from stccl.experts.experts import Experts
from stccl.experts.identity import face_identity
from stccl.extract.sound import decode_sound, read_sound
from stccl.metric.loss import STCCLLoss
from stccl.params import Params
from stccl.prepare import CLIP, prepare_picture
from stccl.tables.frames import FrameReader

_FACES_COMPARED = 8


@dataclass(frozen=True)
class Comparison(Score):
    """A score, and whether the lips of both clips move at the same time.

    Where the pictures of one clip run at another speed than those of the other, everything that a
    `Score` holds is taken where they show the same moment; what a viewer sees is in `*_as_played`.

    Attributes:
        picture_speed: Of the generated clip relative to the source; 1 where they are in step.
        picture_offset_frames: Source frame shown by the generated clip's first.
        score_as_played: The score frame k with frame k.
        mouth_correlation_as_played: Correlation of the mouth openings frame k with frame k, in
            [-1, 1]; None where a mouth never moves.
        mouth_correlation: The same at that speed.
        mouth_distance: Of the mouth's landmarks from the source's, over the distance of the eyes;
            see `MouthDistance`. NaN where no frame shows both faces.
        jitter: How much more the landmarks shake than the source's; see `TemporalJitter`. NaN where
            the source's do not move.
        identity: Cosine of face embeddings with the source's, by dlib; see `IdentitySimilarity`.
        lse_d: Distance of the generated clip's lips from the source's sound, by the pipeline's own
            judge or the published SyncNet; see `LipSync`. None without a judge or a sound.
        lse_c: How much the true offset stands out. None like `lse_d`.
        lse_d_source: The same distance for the source's own lips.
    """

    picture_speed: float
    picture_offset_frames: float
    score_as_played: float
    mouth_correlation_as_played: float | None
    mouth_correlation: float | None
    mouth_distance: float
    jitter: float
    identity: float
    lse_d: float | None
    lse_c: float | None
    lse_d_source: float | None

    @property
    def warning(self) -> str | None:
        """What is out of step, in one line."""
        if self.picture_speed == 1:
            return None
        return (
            f"picture_speed {self.picture_speed:.2f}: the generated pictures run at that speed "
            "next to the source's, so as played the lips are out of step "
            f"(mouth correlation {_shown(self.mouth_correlation_as_played)} as played, "
            f"{_shown(self.mouth_correlation)} at that speed); the score is taken at that speed, "
            f"as played it is {self.score_as_played:.3f}; one clip's pictures do not run at the "
            "speed of their sound"
        )

    def __str__(self) -> str:
        """A table to read."""
        mouth = f"mouth opening correlation {_shown(self.mouth_correlation_as_played)} as played"
        if self.picture_speed != 1:
            mouth += f", {_shown(self.mouth_correlation)} at picture speed {self.picture_speed:.2f}"
        rest = (
            f"mouth distance {self.mouth_distance:.3f} of that of the eyes, "
            f"jitter {self.jitter:.2f} of the source's, identity {self.identity:.3f}"
        )
        if self.lse_d is not None:
            mouth += (
                f"\nlips and sound: LSE-D {self.lse_d:.2f} (the source's own "
                f"{_shown(self.lse_d_source)}), LSE-C {_shown(self.lse_c)}"
            )
        return f"{super().__str__()}\n{rest}\n{mouth}"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def compare(
    source: str, generated: str, *, data: Path, metric: str, judges: Path, params: Params
) -> Comparison:
    """Score what was made of a clip.

    Both have the same sound, so frame k belongs to frame k, save where the mouths say that the
    pictures run at another speed (`picture_speed`).

    Args:
        source: A clip's id in `<data>/aligned/`, or a media file of any format.
        generated: The same; its sound plays no part.
        data: The data folder.
        metric: A folder, a file, or the name of a metric on the hub.
        judges: The folder of the `experts` stage; where there is none, lips and sound are not
            judged.
        params: How files become aligned faces, as in the pipeline.

    Raises:
        StcclError: For an unknown clip, a file without a face, or a missing metric.
    """
    loss = STCCLLoss.from_pretrained(metric)
    with TemporaryDirectory() as scratch:
        sides = [
            _found(name, data, Path(scratch) / side, params)
            for name, side in ((source, "source"), (generated, "generated"))
        ]
        speed = picture_speed(*(mouth_openings(*side) for side in sides))
        tables = [folder / "aligned" / f"{clip}.parquet" for folder, clip in sides]
        with FrameReader(tables[0], "aligned") as one, FrameReader(tables[1], "aligned") as other:
            as_played = found = score(one, other, loss)
            if speed.speed != 1:
                shown = speed.frames(len(other))
                found = score(
                    (one[i] if 0 <= i < len(one) else None for i in shown), iter(other), loss
                )
        seen = [see(*side) for side in sides]
        about = _faces(seen[0], seen[1], speed)
        sync = _lip_sync(seen, _sound(source, data, params), judges)
    return Comparison(
        **vars(found),
        picture_speed=speed.speed,
        picture_offset_frames=speed.offset_frames,
        score_as_played=as_played.score,
        mouth_correlation_as_played=speed.as_played,
        mouth_correlation=speed.corrected,
        mouth_distance=about[0],
        jitter=about[1],
        identity=about[2],
        lse_d=None if sync[1] is None else sync[1].distance,
        lse_c=None if sync[1] is None else sync[1].confidence,
        lse_d_source=None if sync[0] is None else sync[0].distance,
    )


def _faces(source: Seen, generated: Seen, speed: PictureSpeed) -> tuple[float, float, float]:
    """Mouth distance and jitter, frame by frame at that speed, and identity."""
    at = np.array(speed.frames(len(generated.points)))
    there = (at >= 0) & (at < len(source.points))
    points, original = generated.points[there], source.points[at[there]]
    who = face_identity(None)
    faces = [who.embed(*seen.spread(_FACES_COMPARED)) for seen in (generated, source)]
    return (
        float(MouthDistance()(points, original)),
        float(TemporalJitter()(points, original)),
        float(IdentitySimilarity()(*faces)),
    )


def _sound(name: str, data: Path, params: Params) -> NDArray[np.float32] | None:
    """What is heard in a clip, or a file; None where nothing is."""
    if (data / "audio" / f"{name}.parquet").is_file():
        return read_sound(data, name)
    file, extract = Path(name), params.extract
    try:
        return decode_sound(file, file, extract.sample_rate_hz, extract.max_duration_s).values
    except ClipRejected:
        return None


def _lip_sync(
    clips: Sequence[Seen], sound: NDArray[np.float32] | None, judges: Path
) -> list[SyncScore | None]:
    """Of the lips of clips with one sound, picture k with moment k."""
    if sound is None or not judges.is_dir():
        return [None for _ in clips]
    judge = Experts.load(judges).sync
    found: list[SyncScore | None] = []
    for seen in clips:
        try:
            found.append(sync_score(*judge.embed(seen.crops, sound)))
        except StcclError:  # a face is never seen for as long as it takes to judge
            found.append(None)
    return found


def _found(name: str, data: Path, scratch: Path, params: Params) -> tuple[Path, str]:
    """The folder of tables that holds a clip, and the clip's id."""
    if (data / "aligned" / f"{name}.parquet").is_file():
        return data, name
    file = Path(name)
    if not file.is_file():
        raise StcclError(f"{name}: neither a clip in {data / 'aligned'} nor a file")
    prepare_picture(file, scratch, params)
    return scratch, CLIP
