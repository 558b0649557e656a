"""The pipeline's books: what came into each stage, what went through, and what was rejected."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from stccl.clip import read_clips
from stccl.download.params import DatasetParams
from stccl.pairs.candidates import candidates
from stccl.tables.io import open_table, read_table

SOURCES = ("detected", "tracked", "interpolated", "missing")
"""Where a frame's points come from, best first."""


@dataclass(frozen=True)
class Refusal:
    """A row of a `rejected` table."""

    item: str
    reason: str
    detail: str
    next_step: str


@dataclass(frozen=True)
class Entry:
    """One stage's line in the books.

    Attributes:
        came_in, went_through: Items, by id, with how often each occurs.
        refusals: What the stage recorded as unusable.
    """

    stage: str
    unit: str
    came_in: Counter[str]
    went_through: Counter[str]
    refusals: tuple[Refusal, ...]

    @property
    def astray(self) -> list[str]:
        """Items for which came in = went through + rejected does not hold."""
        ended = self.went_through + Counter(refusal.item for refusal in self.refusals)
        return sorted(i for i in self.came_in | ended if self.came_in[i] != ended[i])

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Rejections counted by reason, most frequent first."""
        counted = Counter(refusal.reason for refusal in self.refusals)
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


@dataclass(frozen=True)
class Landmarks:
    """Where the points of all frames come from, as counts by source; and frames that lack a row."""

    counts: dict[str, int]
    frames: int

    @property
    def balanced(self) -> bool:
        """Whether every frame of every clip that went through has exactly one row."""
        return sum(self.counts.values()) == self.frames


def read_entries(data: Path, datasets: Mapping[str, DatasetParams]) -> list[Entry]:
    """The lines of the index, of the per-clip stages, of the pairs and of the evaluation.

    Every stage's input is what the stage before let through, read from the files that exist, and
    not from what any stage says of itself.
    """
    indexed = Counter(read_table(data / "clips.parquet", "clips").column("clip").to_pylist())
    unusable = _refusals(data / "clips_rejected.parquet")
    entries = [Entry("clips", "clips", _downloaded(data, datasets), indexed, unusable)]
    per_clip = (
        ("extract", "frames"), ("landmarks", "landmarks"), ("align", "aligned"), ("fit", "faces3d"),
    )  # fmt: skip
    for stage, table in per_clip:
        before = entries[-1].went_through
        refusals = _refusals(data / stage / "rejected.parquet")
        entries.append(Entry(stage, "clips", before, _keys(data / table), refusals))
    pairs = read_table(data / "pairs.parquet", "pairs", ["pair", "split"]).to_pandas()
    merged = Counter(pairs["pair"].unique().tolist())
    refusals = _refusals(data / "pairs" / "rejected.parquet")
    entries.append(Entry("pairs", "clip pairs", _comparable(data), merged, refusals))
    unseen = Counter(pairs.loc[pairs["split"] == "metric-test", "pair"].unique().tolist())
    evaluation = read_table(data / "evaluation.parquet", "evaluation", ["pair"])
    judged = Counter(set(evaluation.column("pair").to_pylist()))
    entries.append(Entry("evaluate", "unseen clip pairs", unseen, judged & unseen, ()))
    return entries


def read_landmark_sources(data: Path, clips: Iterable[str]) -> Landmarks:
    """How many frames of these clips were detected, tracked, interpolated or are missing."""
    counts: Counter[str] = Counter(dict.fromkeys(SOURCES, 0))
    frames = 0
    for clip in sorted(clips):
        table = read_table(data / "landmarks" / f"{clip}.parquet", "landmarks", ["source"])
        counts.update(table.column("source").to_pylist())
        frames += rows(data / "frames" / f"{clip}.parquet", "frames")
    return Landmarks(dict(counts), frames)


def rows(path: Path, schema: str) -> int:
    """Rows of a table, from its footer alone."""
    with open_table(path, schema) as file:
        assert isinstance(file, pq.ParquetFile)
        return int(file.metadata.num_rows)


def _comparable(data: Path) -> Counter[str]:
    """The pairs that the clips with landmarks make; these have sound too."""
    ready = _keys(data / "landmarks").keys()
    return Counter(
        pair.key
        for pair in candidates(read_clips(data))
        if {pair.source.clip, pair.target.clip} <= ready
    )


def _downloaded(data: Path, datasets: Mapping[str, DatasetParams]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, dataset in datasets.items():
        raw = read_table(data / "index" / f"{name}.parquet", "clips", ["clip", "speaker"])
        found.update(
            row["clip"]
            for row in raw.to_pylist()
            if dataset.speakers == "all" or row["speaker"] in dataset.speakers
        )
    return found


def _keys(folder: Path) -> Counter[str]:
    found = (path.stem for path in folder.glob("[!.]*.parquet"))
    return Counter(key for key in found if key != "rejected")


def _refusals(path: Path) -> tuple[Refusal, ...]:
    if not path.exists():
        return ()
    table = read_table(path, "rejected").to_pylist()
    found = (Refusal(r["clip"], r["reason"], r["detail"], r["next_step"]) for r in table)
    return tuple(sorted(found, key=lambda refusal: (refusal.item, refusal.reason)))
