"""What SPFEM models made: videos side by side, the papers' tables, and what STCCL brought."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from stccl.clip import read_clips
from stccl.extract.picture import at_constant_rate, pictures
from stccl.generate.stage import sound_of
from stccl.params import Params
from stccl.report import published
from stccl.report.faces import data_url
from stccl.spfem.registry import run_name
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image
from stccl.video import write_video

_SIDE_PX = 192
_DIGITS = {"FAD": 3, "LSE-D": 3, "CSIM": 3}
NAMES = {"source": "source, as it is", "base": "without STCCL", "vd": "STCCL-VD", "cm": "STCCL-CM"}
"""Of the rows of the tables; an ablation is called by its own name."""
_ORDER = ("source", "base", "vd", "cm")
_HEADLINE = ("FAD", "LSE-D", "CSIM")
_UNSURE = "no clear change"


@dataclass(frozen=True)
class Film:
    """Videos of one manipulation in one file: the source, every model, and the true result."""

    speaker: str
    emotion: str
    setting: str
    columns: tuple[str, ...]
    url: str
    poster: str
    """Shown until somebody plays it: the moment at which the first model changed most."""
    width: int
    height: int


@dataclass(frozen=True)
class Table:
    """Means of one setting: a row per supervision, a column per measure."""

    setting: str
    measures: tuple[str, ...]
    better: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    by_emotion: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]], ...]
    """For each of FAD, LSE-D and CSIM: its name, the emotions, and the rows."""
    gains: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]
    """For each supervision: measure, mean difference to base, interval and verdict."""


def read_manipulations(data: Path, metrics: Path, params: Params) -> dict[str, Any] | None:
    """The section's content; None where nothing was manipulated."""
    path = metrics / "judge.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not found.get("means"):
        return None
    experts = json.loads((metrics / "experts.json").read_text(encoding="utf-8"))
    settings = sorted({setting for means in found["means"].values() for setting in means})
    return {
        "findings": findings(found, params.spfem.backbone.upper()),
        "films": list(films(data, params)),
        "tables": [table(found, setting) for setting in reversed(settings)],
        "published": [
            (dataset, published.SPFEM[dataset])
            for dataset in params.datasets
            if dataset in published.SPFEM
        ],
        "experts": experts,
        "backbone": params.spfem.backbone.upper(),
        "seeds": len(params.spfem.seeds),
    }


def findings(found: Mapping[str, Any], backbone: str) -> list[str]:
    """What each supervision brought to the backbone in the intra-ID setting, where there is one."""
    said = []
    for row in _in_order(found["gains"]):
        by_setting = found["gains"][row]
        gains = by_setting.get("intra") or next(iter(by_setting.values()))
        sure: dict[str, list[str]] = {"better": [], "worse": [], _UNSURE: []}
        for name in _measures(gains):
            sure[_verdict(name, gains[name], found["better"])].append(name)
        better, worse = (", ".join(sure[which]) or "nothing" for which in ("better", "worse"))
        said.append(
            f"{backbone} under {NAMES.get(row, row)}, next to {backbone} without it: better in "
            f"{better}; worse in {worse}; {_UNSURE} in {len(sure[_UNSURE])} "
            f"of {len(gains)} measures."
        )
    return said


def table(found: Mapping[str, Any], setting: str) -> Table:
    """One setting's numbers, as they are printed."""
    means = {row: by[setting] for row, by in found["means"].items() if setting in by}
    rows = _in_order(means)
    there = {name for row in means.values() for name in row}
    measures = _measures(there)
    gains = {row: by[setting] for row, by in found["gains"].items() if setting in by}
    return Table(
        setting,
        tuple(measures),
        tuple("↓" if _lower(name, found["better"]) else "↑" for name in measures),
        tuple(
            (
                NAMES.get(row, row),
                tuple(_text(name, means[row].get(name, {}).get("average")) for name in measures),
            )
            for row in rows
        ),
        tuple(_by_emotion(name, means, rows) for name in _HEADLINE if name in there),
        tuple(
            (NAMES.get(row, row), tuple(_gain(name, gains[row][name], found["better"])
                                        for name in measures if name in gains[row]))
            for row in rows
            if row in gains
        ),
    )  # fmt: skip


def films(data: Path, params: Params) -> Iterator[Film]:
    """One manipulation per emotion, of the speakers in turn, by all models of the first seed."""
    seed = params.spfem.seeds[0]
    runs = {
        row: run_name(params.spfem.backbone, row, seed)
        for row in _ORDER
        if row in params.spfem.supervisions
    }
    tables = {
        row: {
            made["name"]: made
            for made in read_table(
                data / "generated" / run / "clips.parquet", "generated"
            ).to_pylist()
        }
        for row, run in runs.items()
    }
    shared = set.intersection(*(set(table) for table in tables.values())) if tables else set()
    clips = {clip.clip: clip for clip in read_clips(data)}
    targets = {
        (row["source"], row["emotion"]): row["media_path"]
        for row in read_table(data / "targets" / "clips.parquet", "targets").to_pylist()
    }
    by_emotion: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(shared):
        made = next(iter(tables.values()))[name]
        if made["setting"] == "intra":
            by_emotion.setdefault(made["emotion"], []).append(made)
    for number, (emotion, choices) in enumerate(sorted(by_emotion.items())):
        made = choices[number % len(choices)]
        files = {row: data.parent / tables[row][made["name"]]["media_path"] for row in runs}
        columns = ["source", *(NAMES[row] for row in files)]
        streams = [
            _source(data, made["source"]),
            *(_played(file, params) for file in files.values()),
        ]
        target = targets.get((made["source"], emotion))
        if target is not None:
            columns.append("true result")
            streams.append(_played(data.parent / target, params))
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "film.mp4"
            poster = _Poster()
            write_video(
                path,
                poster.watch(zip(*streams, strict=False)),
                params.extract.frame_rate_hz,
                sound_of(clips[made["source"]], data),
            )
            video = base64.b64encode(path.read_bytes()).decode()
        yield Film(
            made["speaker"], emotion, made["setting"], tuple(columns),
            f"data:video/mp4;base64,{video}", data_url(poster.picture), _SIDE_PX * len(columns),
            _SIDE_PX,
        )  # fmt: skip


class _Poster:
    """The picture in which the second tile, the first model's, is least like the source's.

    Clips begin before the emotion does: their first frames all look alike.
    """

    def __init__(self) -> None:
        self.picture: Image = np.zeros((1, 1, 3), np.uint8)
        self._change = -1.0

    def watch(self, moments: Iterable[tuple[Image, ...]]) -> Iterator[Image]:
        """The tiles of every moment beside each other."""
        for tiles in moments:
            picture = np.hstack(tiles)
            change = float(cv2.absdiff(tiles[0], tiles[1]).mean())
            if change > self._change:
                self._change, self.picture = change, picture
            yield picture


def _source(data: Path, clip: str) -> Iterator[Image]:
    with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as reader:
        for frame in reader:
            assert frame is not None, clip
            yield _square(frame)


def _played(file: Path, params: Params) -> Iterator[Image]:
    for frame in at_constant_rate(pictures(file), params.extract.frame_rate_hz):
        yield _square(frame.image)


def _square(frame: Image) -> Image:
    """The middle square of a frame, small."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = frame[top : top + side, left : left + side]
    size = (_SIDE_PX, _SIDE_PX)
    return np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.uint8)


def _by_emotion(
    name: str, means: Mapping[str, Any], rows: list[str]
) -> tuple[str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    emotions = sorted({e for row in rows for e in means[row].get(name, {}) if e != "average"})
    return (
        name,
        (*emotions, "average"),
        tuple(
            (
                NAMES.get(row, row),
                tuple(_text(name, means[row].get(name, {}).get(e)) for e in (*emotions, "average")),
            )
            for row in rows
        ),
    )


def _gain(
    name: str, gain: Mapping[str, Any], better: Mapping[str, str]
) -> tuple[str, str, str, str]:
    return (
        name,
        f"{gain['mean']:+.3g}",
        f"{gain['low']:+.3g} to {gain['high']:+.3g}",
        f"{_verdict(name, gain, better)} (p = {gain['p']:.2g}, {gain['clips']} clips)",
    )


def _verdict(name: str, gain: Mapping[str, Any], better: Mapping[str, str]) -> str:
    """`better` or `worse` only where the whole interval lies on one side of zero."""
    if gain["low"] <= 0 <= gain["high"]:
        return _UNSURE
    return "better" if (gain["mean"] < 0) == _lower(name, better) else "worse"


def _in_order(rows: Iterable[str]) -> list[str]:
    """The published rows first, then the ablations by name."""
    return sorted(rows, key=lambda row: (_ORDER.index(row) if row in _ORDER else len(_ORDER), row))


def _measures(names: Iterable[str]) -> list[str]:
    """The published measures first, then the others by name."""
    return sorted(
        names,
        key=lambda name: (_HEADLINE.index(name) if name in _HEADLINE else len(_HEADLINE), name),
    )


def _lower(name: str, better: Mapping[str, str]) -> bool:
    return better.get(name.removesuffix(" to target")) == "lower"


def _text(name: str, value: float | None) -> str:
    return "–" if value is None else f"{value:.{_DIGITS.get(name, 3)}f}"
