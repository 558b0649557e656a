"""The `experts` stage: clips of the metric's speakers in, judges out."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stccl.align.faces import read_faces
from stccl.clip import Clip, read_clips
from stccl.errors import StageError, StcclError
from stccl.experts.check import check_emotions, check_identity, check_sync
from stccl.experts.emotion import EmotionJudge
from stccl.experts.experts import EXPERTS_FILE, Experts, lip_sync_judge
from stccl.experts.identity import face_identity
from stccl.experts.lip_sync import LipSyncJudge
from stccl.experts.params import ExpertsParams, SyncNetConfig
from stccl.experts.sync_training import SpokenClip, train_sync
from stccl.experts.windows import SyncWindows, sync_windows
from stccl.extract.sound import read_sound
from stccl.params import Params
from stccl.tables.frames import FrameReader

MODEL = "experts"
"""Folder of the judges below the folder of models."""

Progress = Callable[[int, int], None]


def run(data: Path, models: Path, metrics: Path, params: Params, progress: Progress) -> None:
    """Train the judges on `metric-train`, and say how good they are on `metric-test`.

    The speakers that are judged with them, those of `spfem-…`, have no part in it. Writes
    `<models>/experts/` and `<metrics>/experts.json`; until everything is done, neither is touched.

    Args:
        data: Holds `clips.parquet`, `aligned/`, `landmarks/` and `audio/`.
        models: Folder of models.
        metrics: Folder of metrics.
        params: All parameters.
        progress: Called as (steps done, steps) of the longest part, the training of lip sync.

    Raises:
        StageError: Where there is nothing to learn from, or nothing to check on.
    """
    settings = params.experts
    usable = [clip for clip in read_clips(data) if _usable(data, clip)]
    seen, unseen = (
        [clip for clip in usable if clip.split == split]
        for split in ("metric-train", "metric-test")
    )
    for split, clips in (("metric-train", seen), ("metric-test", unseen)):
        if not clips:
            raise StageError(
                f"experts: no clip of split {split} has aligned faces and sound; give the dataset "
                f"a speaker for {split}"
            )
    rate_hz = params.extract.sample_rate_hz
    left_out: dict[str, str] = {}
    experts = Experts(
        sync=_sync(data, seen, params, left_out, progress),
        emotion=_emotion(data, seen, settings),
        identity=face_identity(Path(settings.arcface) if settings.arcface else None),
    )
    heldout = _windows(data, unseen, experts.sync.network.config, rate_hz, left_out)
    if not heldout:
        raise StageError(f"experts: {next(iter(left_out.values()))}")
    summary = {
        "speakers": {
            "train": sorted({clip.speaker for clip in seen}),
            "heldout": sorted({clip.speaker for clip in unseen}),
        },
        "left_out": left_out,
        "sync": check_sync([experts.sync.embed_windows(windows) for _, windows in heldout]),
        "emotion": check_emotions(_recognised(data, unseen, experts.emotion, settings)),
        "identity": check_identity(_people(data, [*seen, *unseen], experts, settings)),
    }
    _save(experts, settings, models / MODEL)
    metrics.mkdir(parents=True, exist_ok=True)
    _write(metrics / "experts.json", summary)


def _sync(
    data: Path,
    clips: Sequence[Clip],
    params: Params,
    left_out: dict[str, str],
    progress: Progress,
) -> LipSyncJudge:
    settings = params.experts
    if settings.syncnet is not None:
        return lip_sync_judge(Path(settings.syncnet))
    chosen = _spread(clips, settings.sync_training.clips)
    windows = _windows(data, chosen, settings.sync, params.extract.sample_rate_hz, left_out)
    spoken = [SpokenClip(f"{clip.dataset}-{clip.speaker}", found) for clip, found in windows]
    return LipSyncJudge(
        train_sync(
            spoken,
            settings.sync,
            settings.sync_training,
            seed=params.run.seed,
            progress=progress,
        )
    )


def _emotion(data: Path, clips: Sequence[Clip], params: ExpertsParams) -> EmotionJudge:
    images, points, emotions = [], [], []
    for clip in clips:
        faces = read_faces(data, clip.clip, params.emotion.frames_per_clip)
        images += faces.images
        points += faces.points
        emotions += [clip.emotion] * len(faces.images)
    return EmotionJudge.train(images, points, emotions, params.emotion)


def _recognised(
    data: Path, clips: Sequence[Clip], judge: EmotionJudge, params: ExpertsParams
) -> list[tuple[str, str]]:
    """Emotion and recognised emotion of the clips whose emotion the judge has ever seen."""
    found = []
    for clip in clips:
        if clip.emotion in judge.emotions:
            faces = read_faces(data, clip.clip, params.emotion.frames_per_clip)
            found.append((clip.emotion, judge.emotion(judge.embed(*faces))))
    if not found:
        raise StageError(
            "experts: no clip of split metric-test shows an emotion of metric-train "
            f"({', '.join(judge.emotions)}); give its speakers the same emotions"
        )
    return found


def _people(
    data: Path, clips: Sequence[Clip], experts: Experts, params: ExpertsParams
) -> dict[str, Any]:
    """Embeddings by speaker, of frames from as many of their clips as possible."""
    people = {}
    for speaker in sorted({(clip.dataset, clip.speaker) for clip in clips}):
        own = [clip for clip in clips if (clip.dataset, clip.speaker) == speaker]
        own = [own[k] for k in _evenly(len(own), params.identity_frames)]
        each = -(-params.identity_frames // len(own))
        images = [face for clip in own for face in read_faces(data, clip.clip, each).images]
        people["-".join(speaker)] = experts.identity.embed(images)
    return people


def _windows(
    data: Path, clips: Sequence[Clip], config: SyncNetConfig, rate_hz: int, left_out: dict[str, str]
) -> list[tuple[Clip, SyncWindows]]:
    """Clips with their windows; those without enter `left_out`, with the reason."""
    found = []
    for clip in clips:
        with FrameReader(data / "aligned" / f"{clip.clip}.parquet", "aligned") as faces:
            sound = read_sound(data, clip.clip)
            try:
                found.append((clip, sync_windows(list(faces), sound, rate_hz, config)))
            except StcclError as error:
                left_out[clip.clip] = f"{clip.clip}: {error}"
    return found


def _usable(data: Path, clip: Clip) -> bool:
    return all(
        (data / table / f"{clip.clip}.parquet").is_file()
        for table in ("aligned", "landmarks", "audio")
    )


def _spread(clips: Sequence[Clip], most: int) -> list[Clip]:
    """Up to so many clips, as many of each speaker as possible."""
    by_speaker: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault((clip.dataset, clip.speaker), []).append(clip)
    each = -(-most // len(by_speaker))
    return [own[k] for _, own in sorted(by_speaker.items()) for k in _evenly(len(own), each)]


def _evenly(count: int, most: int) -> list[int]:
    at = np.linspace(0, count - 1, min(count, most)).round()
    return [int(k) for k in at]


def _save(experts: Experts, params: ExpertsParams, folder: Path) -> None:
    """Write all judges beside, then put the folder in its place."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if params.syncnet is None:
        experts.sync.save(partial)
    experts.emotion.save(partial)
    _write(partial / EXPERTS_FILE, {"arcface": params.arcface, "syncnet": params.syncnet})
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def _write(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")
