"""The `judge` stage: every generated clip measured, and what STCCL brought."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stccl.clip import Clip, read_clips
from stccl.errors import StcclError
from stccl.evaluation.emotion_similarity import EmotionSimilarity
from stccl.evaluation.frechet_face_distance import FrechetFaceDistance
from stccl.evaluation.identity_similarity import IdentitySimilarity
from stccl.evaluation.lip_sync import LipSync
from stccl.evaluation.measures import MEASURES
from stccl.evaluation.mouth_distance import MouthDistance
from stccl.evaluation.mouth_movement import MouthMovement
from stccl.evaluation.mouth_opening import MouthOpening
from stccl.evaluation.seen import Seen, see
from stccl.evaluation.statistics import paired_gain
from stccl.evaluation.target_error import TargetError
from stccl.evaluation.temporal_jitter import TemporalJitter
from stccl.extract.sound import read_sound
from stccl.judge.clip import experts, pictures_of, see_file
from stccl.params import Params
from stccl.runner import Runner
from stccl.spfem.registry import run_name
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table, write_table

BASE = "base"
SOURCE = "source"
"""In place of a supervision: the source as it is, to compare with."""
FACE_FOUND = "face found"
"""A measure of its own: 1 for a clip in which the landmarks' detector finds a face, 0 for others,
which have no other value."""
TARGET_EVERY_FRAMES = 3
"""Frames from one that is laid beside the true result to the next: neighbours differ by as much,
and looking at all of them would take half of the judge's time."""
_ABOUT = ("run", "supervision", "seed", "name", "setting", "emotion", "speaker")
Row = dict[str, Any]


class Judged(NamedTuple):
    """A clip's numbers, and who is seen in it.

    Attributes:
        rows: One per measure.
        faces: (N, D) identity embeddings of some frames; None where no face is found.
        real: (M, D) those of a real clip of the emotion; none where there is no such clip.
    """

    rows: list[Row]
    faces: Tensor | None
    real: Tensor | None


def run(data: Path, models: Path, metrics: Path, params: Params, runner: Runner) -> None:
    """Measure all generated clips, and their sources as they are.

    Writes `<data>/judgements.parquet`, a row per clip and measure, and `<metrics>/judge.json`:
    means by supervision, setting and emotion, and what each supervision gained over the backbone
    alone, with paired intervals over clips and seeds.

    Source: ASCCL (CVPR 2024), Section 5.2, for FAD, CSIM and LSE-D.

    Args:
        data: Holds `generated/`, `targets/` and the sources' tables.
        models: Holds `experts/`.
        metrics: Folder of metrics.
        params: All parameters.
        runner: Spreads the work.
    """
    made = sorted(_made(data, params), key=lambda row: str(row["name"]))
    # What all models made of one source, together: they have the source and true result in common.
    chunks = [list(same) for _, same in groupby(made, key=lambda row: row["name"])]
    calls = [(chunk, data, models / "experts", params) for chunk in chunks]
    judged = [
        clip
        for found in runner.map(judge_manipulation, calls, sizes=[len(chunk) for chunk in chunks])
        for clip in found
    ]
    judged.sort(key=lambda clip: (clip.rows[0]["run"], clip.rows[0]["name"]))
    rows = [row for clip in judged for row in clip.rows]
    write_table(data / "judgements.parquet", "judgements", rows)
    summary = summarise(pd.DataFrame(rows), _realism(judged), params)
    metrics.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=2) + "\n"
    (metrics / "judge.json").write_text(text, encoding="utf-8")


def judge_manipulation(
    made: Sequence[Row], data: Path, judges: Path, params: Params
) -> list[Judged]:
    """Measure what all models made of one source in one emotion."""
    clips = {clip.clip: clip for clip in read_clips(data)}
    targets = {
        (row["source"], row["emotion"]): data.parent / row["media_path"]
        for row in read_table(data / "targets" / "clips.parquet", "targets").to_pylist()
    }
    file = targets.get((made[0]["source"], made[0]["emotion"]))
    target = file and (see_file(file, params), pictures_of(file, params))
    return [_judge(row, clips, target, data, judges, params) for row in made]


def summarise(table: pd.DataFrame, realism: Iterable[Row], params: Params) -> dict[str, Any]:
    """Means and gains.

    Args:
        table: Rows of `judgements`.
        realism: FAD by supervision, seed, setting and emotion.
        params: Of the intervals.

    Returns:
        `means`: supervision, setting, measure, then emotion (and `average`, the mean over
        emotions, as in the papers' tables) to the mean over clips and seeds; `gains`: the same
        without emotion, of every supervision over `base`: mean difference, interval, p, clips.
    """
    if table.empty:
        return {"better": {}, "means": {}, "gains": {}}
    every = pd.concat([table, pd.DataFrame(list(realism))], ignore_index=True)
    means: dict[str, Any] = {}
    for (row, setting, measure), part in every.groupby(["supervision", "setting", "measure"]):
        by_emotion = part.groupby("emotion")["value"].mean()
        values = {str(emotion): _number(value) for emotion, value in by_emotion.items()}
        values["average"] = _number(by_emotion.mean())
        means.setdefault(str(row), {}).setdefault(str(setting), {})[str(measure)] = values
    gains: dict[str, Any] = {}
    for (setting, measure), part in table.groupby(["setting", "measure"]):
        wide = {
            str(row): own.pivot(index="name", columns="seed", values="value")
            for row, own in part.groupby("supervision")
        }
        for row in sorted(wide.keys() - {BASE, SOURCE}) if BASE in wide else ():
            both = pd.concat([wide[BASE], wide[row]], axis=1, join="inner").dropna()
            if both.empty:
                continue
            seeds = wide[BASE].shape[1]
            gain = paired_gain(
                both.iloc[:, :seeds].to_numpy(),
                both.iloc[:, seeds:].to_numpy(),
                seed=params.run.seed,
                samples=params.evaluate.bootstrap_samples,
                confidence=params.evaluate.confidence,
            )
            gains.setdefault(row, {}).setdefault(str(setting), {})[str(measure)] = vars(gain)
    return {
        "better": {FACE_FOUND: "higher"}
        | {name: measure.better for name, measure in MEASURES.items()},
        "means": means,
        "gains": gains,
    }


def _made(data: Path, params: Params) -> list[Row]:
    """Every generated clip; a row of `generated` with its run."""
    made: list[Row] = []
    sources: dict[str, Row] = {}
    for supervision in params.spfem.supervisions:
        for seed in params.spfem.seeds:
            name = run_name(params.spfem.backbone, supervision, seed)
            table = read_table(data / "generated" / name / "clips.parquet", "generated")
            for row in table.to_pylist():
                made.append({**row, "run": name, "supervision": supervision, "seed": seed})
                sources[row["name"]] = {
                    **row, "run": SOURCE, "supervision": SOURCE, "seed": 0, "media_path": None,
                }  # fmt: skip
    return [*sources.values(), *made]


def _judge(
    made: Row, clips: dict[str, Clip], target: tuple[Seen, Tensor] | None, data: Path,
    judges: Path, params: Params,
) -> Judged:  # fmt: skip
    about = {key: made[key] for key in _ABOUT}
    source = see(data, made["source"])
    file = made["media_path"] and data.parent / made["media_path"]
    try:
        seen = see_file(file, params) if file else source
    except StcclError:  # no picture of a face, then, which is the worst that can be said of it
        return Judged([{**about, "measure": FACE_FOUND, "value": 0.0}], None, None)
    values = {
        FACE_FOUND: 1.0,
        "mouth opening": float(MouthOpening()(seen.points, source.points)),
        "mouth distance": float(MouthDistance()(seen.points, source.points)),
        "mouth movement": float(MouthMovement()(seen.points, source.points)),
        "jitter": float(TemporalJitter()(seen.points, source.points)),
    }
    who, frames = experts(judges), params.evaluate.faces_per_clip
    known = _recognise_clip(data, made["source"], judges, frames)
    faces, feelings = _recognise(seen, judges, frames) if file else known
    values["identity"] = float(IdentitySimilarity()(faces, known[0]))
    sync = LipSync()
    sync.update(*who.sync.embed(seen.crops, read_sound(data, made["source"])))
    found = sync.compute()
    values |= {"LSE-D": float(found["lse_d"]), "LSE-C": float(found["lse_c"])}
    example = _real(made, clips, data)
    real = None
    if example is not None:
        real, shown = _recognise_clip(data, example, judges, frames)
        values["CSIM"] = float(EmotionSimilarity()(feelings, shown))
    if target is not None:
        pictures = pictures_of(file, params) if file else _frames(data, made["source"])
        values |= _to_target(seen, pictures, *target)
    rows = [{**about, "measure": name, "value": value} for name, value in values.items()]
    return Judged(rows, faces, real)


def _recognise(seen: Seen, judges: Path, frames: int) -> tuple[Tensor, Tensor]:
    """Who is seen and what is felt, as embeddings of some frames."""
    who, faces = experts(judges), seen.spread(frames)
    return who.identity.embed(*faces), who.emotion.embed(*faces)


@lru_cache(maxsize=256)
def _recognise_clip(data: Path, clip: str, judges: Path, frames: int) -> tuple[Tensor, Tensor]:
    return _recognise(see(data, clip), judges, frames)


def _to_target(seen: Seen, shown: Tensor, true: Seen, true_shown: Tensor) -> dict[str, float]:
    """How far a clip is from the known result."""
    count = min(len(true.points), len(seen.points))
    points, true_points = seen.points[:count], true.points[:count]
    error = TargetError()
    some = slice(0, count, TARGET_EVERY_FRAMES)
    error.update(shown[some], true_shown[some], points[some], true_points[some])
    found = error.compute()
    return {
        "mouth distance to target": float(MouthDistance()(points, true_points)),
        "mouth movement to target": float(MouthMovement()(points, true_points)),
        "mouth opening to target": float(MouthOpening()(points, true_points)),
        "PSNR": float(found["psnr_db"]),
        "SSIM": float(found["ssim"]),
        "landmark error": float(found["landmark_error"]),
    }


def _frames(data: Path, clip: str) -> Tensor:
    with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as reader:
        frames = np.stack([frame for frame in reader if frame is not None])
    return torch.from_numpy(frames).movedim(-1, 1).float() / 127.5 - 1


def _real(made: Row, clips: dict[str, Clip], data: Path) -> str | None:
    """The speaker really showing the emotion with these words, or else the example."""
    for clip in (made["target"], made["reference"]):
        if clip in clips and (data / "aligned" / f"{clip}.parquet").is_file():
            return str(clip)
    return None


def _realism(judged: Sequence[Judged]) -> list[Row]:
    """FAD of the clips of a run that show one emotion in one setting."""
    groups: dict[tuple[Any, ...], list[Judged]] = {}
    for clip in judged:
        row = clip.rows[0]
        key = (row["supervision"], row["seed"], row["setting"], row["emotion"])
        if clip.real is not None and clip.faces is not None:
            groups.setdefault(key, []).append(clip)
    rows = []
    for (supervision, seed, setting, emotion), clips in sorted(groups.items()):
        distance = FrechetFaceDistance()
        for clip in clips:
            assert clip.real is not None
            assert clip.faces is not None
            distance.update(clip.faces, real=False)
            distance.update(clip.real, real=True)
        rows.append(
            {"supervision": supervision, "seed": seed, "setting": setting, "emotion": emotion,
             "measure": "FAD", "value": float(distance.compute())}
        )  # fmt: skip
    return rows


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
