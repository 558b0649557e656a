"""The `pairs` stage: every candidate warped, the good ones in one table."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected, StageError
from stccl.extract.sound import read_sound
from stccl.fingerprint import fingerprint
from stccl.pairs.candidates import Candidate, candidates
from stccl.pairs.params import PairsParams
from stccl.pairs.path import Warp, align_speech
from stccl.perclip import Item, ItemStage, Outputs, upstream
from stccl.tables.io import read_provenance, read_table, write_table

LEAST_FRAME_PAIRS = 9
"""Frame pairs a pair must have: one window of the published temporal metric."""


def items(data: Path) -> list[Item]:
    """Every candidate whose two clips came through the earlier stages."""
    clips = read_clips(data)
    found = candidates(clips)
    if not found:
        raise StageError(
            f"pairs: none of {len(clips)} clips is an emotional reading of what a neutral clip of "
            "the same speaker and split says; give the datasets' cards the words of their sentences"
        )
    work = []
    for candidate in found:
        source = _inputs("source", candidate.source, data)
        target = _inputs("target", candidate.target, data)
        if source and target:
            work.append(Item(candidate.key, candidate, source | target))
    return work


def process(candidate: Candidate, data: Path, params: PairsParams, out: Outputs) -> None:
    """Warp one pair and write the frames that belong together and have a face in both clips.

    Raises:
        ClipRejected: Where the two say different words, a sound never changes, or hardly a frame
            is left.
    """
    source, target = candidate.source, candidate.target
    path = _warp_clips(source, target, data, params)
    if path.cost > params.max_cost:
        raise ClipRejected(
            "different_words",
            f"path cost {path.cost:.3f}, more than pairs.max_cost = {params.max_cost:g}",
            "listen to both clips; give them different words in the card if they differ, "
            "raise pairs.max_cost if not",
        )
    seen = _has_face(source, data)[path.steps[:, 0]] & _has_face(target, data)[path.steps[:, 1]]
    if seen.sum() < LEAST_FRAME_PAIRS:
        raise ClipRejected(
            "too_few_frame_pairs",
            f"{seen.sum()} of {len(seen)} frame pairs have a face in both clips, "
            f"expected {LEAST_FRAME_PAIRS} at least",
            "see the faces found in data/landmarks",
        )
    table = out.table("pairs")
    for step in np.flatnonzero(seen):
        table.append(
            pair=candidate.key,
            source=source.clip,
            target=target.clip,
            dataset=source.dataset,
            speaker=source.speaker,
            words=source.words,
            source_emotion=source.emotion,
            target_emotion=target.emotion,
            split=source.split,
            step=int(step),
            source_frame=int(path.steps[step, 0]),
            target_frame=int(path.steps[step, 1]),
            step_cost=float(path.distances[step]),
            cost=path.cost,
        )


STAGE = ItemStage(
    name="pairs",
    outputs=("pairs",),
    process=process,
    items=items,
    code=("pairs", "clip", "extract/sound"),
)


def merge(data: Path) -> int:
    """Join all pairs into `data/pairs.parquet`, by pair and step, and return their number.

    Raises:
        StageError: Where no pair is left, with the reasons why.
    """
    folder = data / "pairs"
    paths = sorted(
        (path for path in folder.glob("*.parquet") if path.stem != "rejected"),
        key=lambda path: path.stem,
    )
    if not paths:
        raise StageError(f"pairs: no pair is left{_reasons(folder)}; see {folder}/rejected.parquet")

    def rows() -> Iterator[dict[str, Any]]:
        for path in paths:
            yield from read_table(path, "pairs").to_pylist()

    marks = [(read_provenance(path) or {}).get("fingerprint") for path in paths]
    provenance = {"stage": "pairs", "fingerprint": fingerprint(pairs=marks)}
    write_table(data / "pairs.parquet", "pairs", rows(), provenance)
    return len(paths)


def _warp_clips(source: Clip, target: Clip, data: Path, params: PairsParams) -> Warp:
    rates = [_sample_rate_hz(clip, data) for clip in (source, target)]
    if rates[0] != rates[1]:
        raise StageError(
            f"pairs: {source.clip} has {rates[0]} samples a second and {target.clip} {rates[1]}; "
            "run `dvc repro extract` to bring them to one rate"
        )
    return align_speech(
        _sound(source, data),
        _sound(target, data),
        sample_rate_hz=rates[0],
        source_times_s=_frame_times_s(source, data),
        target_times_s=_frame_times_s(target, data),
        params=params,
    )


def _sound(clip: Clip, data: Path) -> npt.NDArray[np.float32]:
    sound = read_sound(data, clip.clip)
    if not sound.size or np.ptp(sound) == 0:
        raise ClipRejected(
            "constant_sound",
            f"none of the {sound.size} samples of {clip.clip} differs from the others",
            "check that the clip's sound track is not muted",
        )
    return sound


def _sample_rate_hz(clip: Clip, data: Path) -> int:
    provenance = read_provenance(data / "audio" / f"{clip.clip}.parquet") or {}
    try:
        return int(provenance["params"]["sample_rate_hz"])
    except KeyError:
        raise StageError(
            f"{data}/audio/{clip.clip}.parquet does not say its sample rate; "
            "delete it and run `dvc repro`"
        ) from None


def _frame_times_s(clip: Clip, data: Path) -> npt.NDArray[np.float64]:
    table = read_table(data / "frames" / f"{clip.clip}.parquet", "frames", ["time_s"])
    return np.asarray(table["time_s"].to_numpy(), dtype=np.float64)


def _has_face(clip: Clip, data: Path) -> npt.NDArray[np.bool_]:
    table = read_table(data / "landmarks" / f"{clip.clip}.parquet", "landmarks", ["source"])
    return np.array([source != "missing" for source in table["source"].to_pylist()])


def _inputs(side: str, clip: Clip, data: Path) -> dict[str, str] | None:
    # Fingerprints of landmarks contain those of the frames they were found in.
    audio = upstream(data, "audio", clip.clip)
    landmarks = upstream(data, "landmarks", clip.clip)
    if audio is None or landmarks is None:
        return None
    names = ("clip", "dataset", "speaker", "words", "emotion", "split")
    columns = {name: getattr(clip, name) for name in names}
    parts = audio | landmarks | {"clip": fingerprint(**columns)}
    return {f"{side} {name}": mark for name, mark in parts.items()}


def _reasons(folder: Path) -> str:
    try:
        rejected = read_table(folder / "rejected.parquet", "rejected", ["reason"])
    except StageError:
        return ""
    counted = Counter(rejected["reason"].to_pylist()).most_common(3)
    return ": " + ", ".join(f"{count} {reason}" for reason, count in counted) if counted else ""
