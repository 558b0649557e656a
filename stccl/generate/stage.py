"""The `generate` stage: every manipulation of the plan, as videos with the source's sound."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected, StageError, StcclError
from stccl.fingerprint import code_version, file_sha256, fingerprint
from stccl.fit.identities import speaker_key
from stccl.generate.plan import Manipulation, plan
from stccl.params import Params
from stccl.perclip import Rejection, Summary, upstream
from stccl.runner import Runner
from stccl.spfem.backbone import Example, Spfem, backbone
from stccl.spfem.registry import run_name
from stccl.tables.io import read_provenance, read_table, write_table
from stccl.video import write_video

Row = dict[str, Any]
CODE = (
    "align/warp", "checkpoint", "clip", "face3d", "fit", "generate", "render", "saved", "spfem",
    "tables", "video",
)  # fmt: skip
"""What a manipulated clip depends on, below `stccl/`."""


def run(
    data: Path, models: Path, params: Params, supervision: str, seed: int, runner: Runner
) -> Summary:
    """Manipulate the test clips with one model.

    Writes `<data>/generated/<run>/<source>-to-<emotion>-<setting>.mp4`, with a table of one row
    beside it, and all rows in `clips.parquet`; `rejected.parquet` has those that could not be made.
    Clips made from the same model and inputs are kept, so an interruption costs at most the clips
    being made. Without SPFEM speakers there is none.

    Args:
        data: Holds the clips' tables.
        models: Holds `spfem/<run>/`.
        params: All parameters.
        supervision: Under which the model was trained.
        seed: Of its training.
        runner: Spreads the work.

    Raises:
        StageError: Where too much of it fails.
    """
    name = run_name(params.spfem.backbone, supervision, seed)
    model, folder = models / "spfem" / name, data / "generated" / name
    wanted = plan(read_clips(data), params.run.seed)
    told = file_sha256(*sorted(path for path in model.rglob("*") if path.is_file()))
    marks = {m.name: _mark(m, data, told, params.extract.frame_rate_hz) for m in wanted}
    _remove_strays(folder, marks)
    rows = [row for m in wanted if (row := _kept(folder, m.name, marks[m.name])) is not None]
    kept = {str(row["name"]) for row in rows}
    chunks = []
    for _, same in groupby(
        sorted(
            (m for m in wanted if m.name not in kept), key=lambda m: (speaker_key(m.source), m.name)
        ),
        key=lambda m: speaker_key(m.source),
    ):
        ours = [(m, marks[m.name]) for m in same]
        size = max(1, params.run.chunk_clips)
        chunks += [ours[first : first + size] for first in range(0, len(ours), size)]
    calls = [
        (chunk, data, model, folder, params.spfem.backbone, params.extract.frame_rate_hz)
        for chunk in chunks
    ]
    rejections: list[Rejection] = []
    for made, failed in runner.map(make_chunk, calls, sizes=[len(chunk) for chunk in chunks]):
        rows += made
        rejections += failed
    rows.sort(key=lambda row: str(row["name"]))
    rejections.sort(key=lambda rejection: rejection.clip)
    write_table(folder / "clips.parquet", "generated", rows)
    write_table(folder / "rejected.parquet", "rejected", [vars(r) for r in rejections])
    if len(rejections) > params.run.max_rejected * len(wanted):
        first = rejections[0]
        raise StageError(
            f"generate: {len(rejections)} of {len(wanted)} clips could not be made, more than "
            f"run.max_rejected = {params.run.max_rejected:g} allows ({first.clip}: "
            f"{first.reason}: {first.detail}); see {folder}/rejected.parquet"
        )
    return Summary(f"generate {name}", len(rows) - len(kept), len(kept), tuple(rejections))


def make_chunk(
    chunk: Sequence[tuple[Manipulation, str]], data: Path, model: Path, folder: Path, kind: str,
    frame_rate_hz: float,
) -> tuple[list[Row], list[Rejection]]:  # fmt: skip
    """Make some clips of one speaker; rows of those made, and why others were not.

    With each comes what it is made from, as a hash.
    """
    rows, rejections = [], []
    for wanted, mark in chunk:
        try:
            rows.append(_make(wanted, data, _model(kind, model), folder, frame_rate_hz))
            # Written last: with it the clip is done.
            write_table(
                _table_of(folder, wanted.name), "generated", rows[-1:], {"fingerprint": mark}
            )
        except ClipRejected as error:
            rejections.append(
                Rejection(wanted.name, error.reason, error.detail, error.next_step, mark)
            )
    return rows, rejections


def _mark(wanted: Manipulation, data: Path, model: str, frame_rate_hz: float) -> str:
    """What a clip is made from."""
    sound = data.parent / wanted.source.audio_path
    return fingerprint(
        name=wanted.name,
        code=code_version(CODE),
        model=model,
        faces=[upstream(data, "faces3d", clip.clip) for clip in (wanted.source, wanted.reference)],
        sound=file_sha256(sound) if sound.is_file() else None,
        target=wanted.target.clip if wanted.target else None,
        frame_rate_hz=frame_rate_hz,
    )


def _table_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _kept(folder: Path, name: str, mark: str) -> Row | None:
    """The row of a clip that is there, made from just this."""
    table = _table_of(folder, name)
    if (read_provenance(table) or {}).get("fingerprint") != mark:
        return None
    (row,) = read_table(table, "generated").to_pylist()
    return row if (folder / f"{name}.mp4").is_file() else None


def _remove_strays(folder: Path, names: Collection[str]) -> None:
    """Files of other plans, and what an interruption left."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.stem not in names:
                path.unlink()


def _make(
    wanted: Manipulation, data: Path, model: Spfem, folder: Path, frame_rate_hz: float
) -> Row:
    for clip in (wanted.source, wanted.reference):
        if not (data / "faces3d" / f"{clip.clip}.parquet").is_file():
            raise ClipRejected(
                "no_fit", f"{clip.clip} has no fitted face", "see data/fit/rejected.parquet"
            )
    changed = 0

    def pictures() -> Any:
        nonlocal changed
        for picture, is_changed in model.manipulate(
            data,
            wanted.source.clip,
            speaker_key(wanted.source),
            Example(data, wanted.reference.clip),
        ):
            changed += is_changed
            yield picture

    path = folder / f"{wanted.name}.mp4"
    frames = write_video(path, pictures(), frame_rate_hz, sound_of(wanted.source, data))
    return {
        "name": wanted.name,
        "source": wanted.source.clip,
        "dataset": wanted.source.dataset,
        "speaker": wanted.source.speaker,
        "emotion": wanted.emotion,
        "setting": wanted.setting,
        "reference": wanted.reference.clip,
        "target": wanted.target.clip if wanted.target else None,
        "media_path": path.relative_to(data.parent).as_posix(),
        "frames": frames,
        "frames_changed": changed,
    }


def sound_of(clip: Clip, data: Path) -> Path:
    """The file with a clip's sound.

    Raises:
        StcclError: Where it is gone.
    """
    path = (data.parent / clip.audio_path).absolute()
    if not path.is_file():
        raise StcclError(f"{clip.clip}: its sound {path} is gone; run `dvc repro clips`")
    return path


@lru_cache(maxsize=2)
def _model(kind: str, folder: Path) -> Spfem:
    return backbone(kind).load(folder)
