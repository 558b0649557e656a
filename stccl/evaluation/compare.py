"""Two clips, or any two media files, compared under a trained metric."""

from pathlib import Path
from tempfile import TemporaryDirectory

from stccl.align import stage as align
from stccl.clip import Clip
from stccl.errors import StcclError
from stccl.evaluation.score import Score, score
from stccl.extract.picture import at_constant_rate, pictures
from stccl.landmarks import stage as landmarks
from stccl.metric.loss import STCCLLoss
from stccl.params import Params
from stccl.perclip import Outputs
from stccl.tables.frames import FrameReader
from stccl.tables.io import TableWriter
from stccl.tables.png import encode_png


def compare(source: str, generated: str, *, data: Path, metric: str, params: Params) -> Score:
    """Score what was made of a clip.

    Args:
        source: A clip's id in `<data>/aligned/`, or a media file of any format; its sound plays no
            part.
        generated: The same.
        data: The data folder.
        metric: A folder, a file, or the name of a metric on the hub.
        params: How files become aligned faces, as in the pipeline.

    Raises:
        StcclError: For an unknown clip, a file without a face, or a missing metric.
    """
    loss = STCCLLoss.from_pretrained(metric)
    with TemporaryDirectory() as scratch:
        tables = [
            _aligned(name, data, Path(scratch) / side, params)
            for name, side in ((source, "source"), (generated, "generated"))
        ]
        with FrameReader(tables[0], "aligned") as one, FrameReader(tables[1], "aligned") as other:
            return score(one, other, loss)


def _aligned(name: str, data: Path, scratch: Path, params: Params) -> Path:
    known = data / "aligned" / f"{name}.parquet"
    if known.is_file():
        return known
    file = Path(name)
    if not file.is_file():
        raise StcclError(f"{name}: neither a clip in {data / 'aligned'} nor a file")
    try:
        return _prepare(file, scratch, params)
    except StcclError as error:
        raise StcclError(f"{name}: {error}") from None


def _prepare(file: Path, scratch: Path, params: Params) -> Path:
    """Frames, landmarks and aligned faces of one file, as the stages make them."""
    clip = _unlisted(file)
    rate_hz = params.extract.frame_rate_hz
    with TableWriter(scratch / "frames" / f"{clip.clip}.parquet", "frames") as table:
        for frame in at_constant_rate(pictures(file), rate_hz):
            table.append(
                frame=frame.frame,
                time_s=frame.frame / rate_hz,
                source_time_s=frame.source_time_s,
                png=encode_png(frame.image),
            )
    with Outputs(scratch, clip.clip, {}) as out:
        landmarks.process(clip, scratch, params.landmarks, out)
    with Outputs(scratch, clip.clip, {}) as out:
        align.process(clip, scratch, params.align, out)
    return scratch / "aligned" / f"{clip.clip}.parquet"


def _unlisted(file: Path) -> Clip:
    """A clip that is in no table: nothing is known of it but its file."""
    return Clip(
        clip="clip",
        dataset="",
        speaker="",
        emotion="",
        level=1,
        sentence="",
        take="",
        split="unused",
        words="",
        media_path=str(file),
        audio_path=str(file),
        fps=None,
        frames=None,
        duration_s=None,
        sha256="",
    )
