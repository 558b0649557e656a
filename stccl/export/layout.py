"""Aligned faces and pairs in the layout of the published ASCCL and STCCL code.

```
<out>/<speaker>/align_img/<emotion>/<sentence>/<frame>.png    frames from 000000
<out>/aligned_path36.json
```

The JSON maps speaker, then emotion, then `<neutral sentence>_<emotional sentence>` to two lists of
the same length: the neutral and the emotional frames that belong together.

The layout has no place for datasets, levels and takes. A speaker's name may therefore come from one
dataset only, and every (speaker, emotion, sentence) shows one clip: one that is in a pair before
one that is not, then the highest level, then the first take. Neutral clips are chosen first, and an
emotional clip counts as paired where its partner was chosen.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stccl.clip import Clip, read_clips
from stccl.errors import StageError
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table

PATHS_FILE = "aligned_path36.json"

Pairs = dict[tuple[str, str], tuple[list[int], list[int]]]
"""By (source clip, target clip): source frames and target frames."""


@dataclass(frozen=True)
class ExportCounts:
    """What an export wrote."""

    clips: int
    pictures: int
    pairs: int
    frame_pairs: int


def export(data: Path, out: Path, *, pictures: bool = True) -> ExportCounts:
    """Write aligned faces and pairs as the reference implementations read them.

    A clip's folder appears whole or not at all, and the JSON last, so its presence marks an export
    that is finished; after an interruption the same call finishes it.

    Args:
        data: The data folder.
        out: Where to; made if need be. Folders of clips in it are replaced.
        pictures: Whether to write the faces too; without them only the JSON is written.

    Raises:
        StageError: Where `pairs` has not run or two datasets share a speaker's name.
    """
    clips = [clip for clip in read_clips(data) if _aligned(data, clip).exists()]
    _refuse_shared_names(clips)
    pairs = _read_pairs(data)
    chosen = _choose(clips, pairs)
    paths_file = out / PATHS_FILE
    paths_file.unlink(missing_ok=True)
    written = 0
    if pictures:
        written = sum(_write_pictures(_aligned(data, clip), _folder(out, clip)) for clip in chosen)
    paths: defaultdict[str, dict[str, dict[str, tuple[list[int], list[int]]]]] = defaultdict(dict)
    by_id = {clip.clip: clip for clip in chosen}
    shown = {ids: frames for ids, frames in pairs.items() if by_id.keys() >= set(ids)}
    for (source_id, target_id), frames in sorted(shown.items()):
        source, target = by_id[source_id], by_id[target_id]
        emotion = paths[target.speaker].setdefault(target.emotion, {})
        emotion[f"{source.sentence}_{target.sentence}"] = frames
    out.mkdir(parents=True, exist_ok=True)
    partial = paths_file.with_name(f".{PATHS_FILE}.partial")
    partial.write_text(json.dumps(paths, sort_keys=True), encoding="utf-8")
    partial.replace(paths_file)
    return ExportCounts(
        clips=len(chosen) if pictures else 0,
        pictures=written,
        pairs=len(shown),
        frame_pairs=sum(len(source_frames) for source_frames, _ in shown.values()),
    )


def _read_pairs(data: Path) -> Pairs:
    columns = ["source", "target", "source_frame", "target_frame"]
    table = read_table(data / "pairs.parquet", "pairs", columns)
    pairs: Pairs = {}
    for source, target, source_frame, target_frame in zip(
        *(table[name].to_pylist() for name in columns), strict=True
    ):
        source_frames, target_frames = pairs.setdefault((source, target), ([], []))
        source_frames.append(source_frame)
        target_frames.append(target_frame)
    return pairs


def _choose(clips: list[Clip], pairs: Pairs) -> list[Clip]:
    """One clip for every (speaker, emotion, sentence), sorted."""
    sources = {source for source, _ in pairs}
    neutral = _best(
        (clip for clip in clips if clip.emotion == "neutral"), lambda clip: clip.clip in sources
    )
    shown = {clip.clip for clip in neutral}
    targets = {target for source, target in pairs if source in shown}
    emotional = _best(
        (clip for clip in clips if clip.emotion != "neutral"), lambda clip: clip.clip in targets
    )
    return sorted(neutral + emotional, key=lambda clip: clip.clip)


def _best(clips: Iterable[Clip], paired: Callable[[Clip], bool]) -> list[Clip]:
    best: dict[tuple[str, str, str], Clip] = {}
    # The best comes last and stays.
    for clip in sorted(
        clips, key=lambda clip: (not paired(clip), -clip.level, clip.take, clip.clip), reverse=True
    ):
        best[clip.speaker, clip.emotion, clip.sentence] = clip
    return list(best.values())


def _refuse_shared_names(clips: list[Clip]) -> None:
    dataset_of: dict[str, str] = {}
    for clip in clips:
        other = dataset_of.setdefault(clip.speaker, clip.dataset)
        if other != clip.dataset:
            raise StageError(
                f"export: {other} and {clip.dataset} both have a speaker {clip.speaker}, which "
                "the published layout cannot tell apart; leave one of them out of `datasets`"
            )


def _write_pictures(aligned: Path, folder: Path) -> int:
    """Write the frames that have a face; their file names are their numbers."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    written = 0
    with FrameReader(aligned, "aligned") as frames:
        for frame in range(len(frames)):
            if (png := frames.png(frame)) is not None:
                (partial / f"{frame:06d}.png").write_bytes(png)
                written += 1
    if folder.exists():
        shutil.rmtree(folder)
    partial.replace(folder)
    return written


def _aligned(data: Path, clip: Clip) -> Path:
    return data / "aligned" / f"{clip.clip}.parquet"


def _folder(out: Path, clip: Clip) -> Path:
    return out / clip.speaker / "align_img" / clip.emotion / clip.sentence
