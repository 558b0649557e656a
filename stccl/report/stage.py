"""The `report` stage: everything that was made, on one page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from pydantic import BaseModel

from stccl.clip import EMOTIONS, Clip, read_clips
from stccl.errors import ParamsError, StageError
from stccl.params import Params, read_yaml
from stccl.report import (
    books,
    charts,
    faces,
    fits,
    heatmap,
    manipulations,
    numbers,
    page,
    published,
    substitutes,
)  # fmt: skip
from stccl.report.curves import read_curves
from stccl.tables.io import read_table
from stccl.tables.png import Image

Progress = Callable[[int, int], None]
"""Called with the parts that are done and their total."""

Regions = Callable[[Image, Image], npt.NDArray[np.floating]]
"""Similarity of corresponding regions of two crops, as an h×w map."""

_SPEAKERS_ON_SHEET = 12
_FACES_WITH_POINTS = 4
_SPEAKERS_WITH_MESH, _EMOTIONS_WITH_MESH = 4, 2
_WORST_FITS = 5
_THUMBNAIL_PX = 96
_FRAME_PX = 420


def run(
    data: Path,
    models: Path,
    metrics: Path,
    plots: Path,
    report: Path,
    params: Params,
    progress: Progress,
    *,
    cards: Path = Path("datasets"),
    regions: Regions | None = None,
) -> None:
    """Write `<report>/index.html`.

    Args:
        data: The data folder.
        models: Its `metric/*.json` say what was trained.
        metrics: Its `*.json` are shown as they are.
        plots: Its `metric/**/*.tsv` are the training curves.
        report: Where the page goes.
        params: Everything in `params.yaml`.
        progress: Told of every finished part.
        cards: Folder with a card per dataset.
        regions: The trained metric's view of two crops; without it that section is left out.

    Raises:
        StageError: Where the evaluation or another table is missing, or judged no unseen speaker.
    """
    evaluation = read_table(data / "evaluation.parquet", "evaluation").to_pandas()
    pairs = read_table(data / "pairs.parquet", "pairs").to_pandas()
    if pairs.empty:
        raise StageError("data/pairs.parquet holds no pair; see data/pairs/rejected.parquet")
    clips = read_clips(data)
    first = pairs.sort_values(["pair", "step"]).groupby("pair").first()
    shown = faces.spread(first, params.report.pairs_shown)
    parts = 4 + len(shown)
    results = _results(evaluation, params)
    progress(1, parts)
    entries = books.read_entries(data, params.datasets)
    aligned, fitted = entries[3].went_through, entries[4].went_through
    landmarks = books.read_landmark_sources(data, entries[2].went_through)
    progress(2, parts)
    film = []
    for number, pair in enumerate(shown):
        film.append(_pair(data, pairs[pairs["pair"] == pair].sort_values("step"), params))
        progress(3 + number, parts)
    seen = [clip for clip in clips if clip.clip in aligned]
    content = {
        **results,
        "trained_on": _trained_on(data, pairs, params),
        "sheet": _sheet(data, seen),
        "pairs": film,
        "pair_count": len(first),
        "points": _faces_with_points(data, seen),
        "fits": fits.read_fits(data, fitted),
        "worst_fits": _WORST_FITS,
        "meshes": fits.overlays(
            data,
            [clip for clip in clips if clip.clip in fitted],
            _SPEAKERS_WITH_MESH,
            _EMOTIONS_WITH_MESH,
        ),
        "look": _look(data, pairs, first, params, regions),
        "curves": [
            (title, Markup(charts.training(title, lines)))
            for title, lines in read_curves(plots / "metric").items()
        ],
        "manipulated": manipulations.read_manipulations(data, metrics, params),
        "entries": entries,
        "landmarks": landmarks,
        "balanced": landmarks.balanced and not any(entry.astray for entry in entries),
        "parts": substitutes.parts(params),
        "params": list(_rows("", params)),
        "files": _json_files(models / "metric") + _json_files(metrics),
        "datasets": _datasets(cards, params),
        "published": published,
        "icon": page.icon(),
    }
    progress(3 + len(shown), parts)
    _write(report / "index.html", page.render(content))
    progress(parts, parts)


def _results(evaluation: pd.DataFrame, params: Params) -> dict[str, Any]:
    unseen = evaluation[evaluation["split"] == "metric-test"]
    if unseen.empty:
        raise StageError(
            "data/evaluation.parquet judges no pair of the split metric-test; give the dataset "
            "card a speaker for it, then run `dvc repro`"
        )
    resampling = numbers.Resampling(
        params.evaluate.bootstrap_samples, params.evaluate.confidence, params.run.seed
    )
    cosine, pearson = (numbers.pair_means(unseen, kind) for kind in ("cosine", "pearson"))
    metrics = [name for name in numbers.METRICS if (cosine["metric"] == name).any()]
    changes = [numbers.change(cosine, metric, resampling) for metric in metrics]
    emotions = _in_order(cosine["emotion"].unique())
    by_emotion = {
        metric: {
            emotion: numbers.change(cosine[cosine["emotion"] == emotion], metric, resampling)
            for emotion in emotions
            if ((cosine["emotion"] == emotion) & (cosine["metric"] == metric)).any()
        }
        for metric in metrics
    }
    confidence = f"{100 * params.evaluate.confidence:g}\N{NARROW NO-BREAK SPACE}%"
    return {
        "headline": page.headline(changes),
        "changes": changes,
        "findings": [page.finding(change, confidence) for change in changes],
        "confidence": confidence,
        "unseen_pairs": cosine.index.nunique(),
        "unseen_speakers": sorted(cosine["speaker"].unique()),
        "similarity_charts": {
            change.metric: Markup(charts.similarity(change, published.SIMILARITIES))
            for change in changes
        },
        "by_emotion": by_emotion,
        "emotion_charts": {
            metric: Markup(charts.by_emotion(rows, metric)) for metric, rows in by_emotion.items()
        },
        "pearson": [numbers.change(pearson, metric, resampling) for metric in metrics],
    }


def _trained_on(data: Path, pairs: pd.DataFrame, params: Params) -> dict[str, Any]:
    used = pairs[pairs["split"] == "metric-train"]
    clips = sorted(set(used["source"]) | set(used["target"]))
    frames = sum(books.rows(data / "aligned" / f"{clip}.parquet", "aligned") for clip in clips)
    return {
        "clips": len(clips),
        "pairs": used["pair"].nunique(),
        "speakers": used["speaker"].nunique(),
        "emotions": len(set(used["source_emotion"]) | set(used["target_emotion"])),
        "speech_s": frames / params.extract.frame_rate_hz,
        "frame_pairs": len(used),
    }


def _pair(data: Path, path: pd.DataFrame, params: Params) -> dict[str, Any]:
    row = path.iloc[0]
    rate = params.extract.frame_rate_hz
    found = faces.matches(data, path, params.report.frames_shown, rate)
    source = path["source_frame"].to_numpy(np.float64)
    target = path["target_frame"].to_numpy(np.float64)
    span = max(source[-1] - source[0], 1.0)
    straight = target[0] + (source - source[0]) * (target[-1] - target[0]) / span
    return {
        "pair": row["pair"],
        "speaker": row["speaker"],
        "emotions": (row["source_emotion"], row["target_emotion"]),
        "unseen": row["split"] == "metric-test",
        "split": row["split"],
        "steps": len(path),
        "cost": float(row["cost"]),
        "furthest": float(np.abs(target - straight).max()),
        "matches": [
            (match, faces.data_url(np.vstack((match.source, match.target)))) for match in found
        ],
        "side": found[0].source.shape[0] if found else 0,
        "chart": Markup(
            charts.warping_path(
                source / rate,
                target / rate,
                (row["source_emotion"], row["target_emotion"]),
                row["pair"],
            )
        ),
    }


def _sheet(data: Path, clips: list[Clip]) -> dict[str, Any]:
    chosen = faces.sheet_clips(clips, _SPEAKERS_ON_SHEET)
    emotions = _in_order({emotion for row in chosen.values() for emotion in row})
    pictures: dict[str, list[tuple[str, str | None]]] = {}
    for speaker, row in chosen.items():
        pictures[speaker] = []
        for emotion in emotions:
            picture = (
                faces.portrait(data, row[emotion].clip, _THUMBNAIL_PX) if emotion in row else None
            )
            url = None if picture is None else faces.data_url(picture)
            pictures[speaker].append((emotion, url))
    return {
        "emotions": emotions,
        "rows": pictures,
        "speakers": len({clip.speaker for clip in clips}),
        "side": _THUMBNAIL_PX,
    }


def _faces_with_points(data: Path, clips: list[Clip]) -> list[dict[str, Any]]:
    one_each = {clip.speaker: clip for clip in reversed(clips)}
    shown = []
    for speaker, clip in sorted(one_each.items())[:_FACES_WITH_POINTS]:
        found = faces.face_with_points(data, clip.clip, _FRAME_PX)
        if found is not None:
            frame, crop, number = found
            shown.append(
                {
                    "speaker": speaker,
                    "emotion": clip.emotion,
                    "frame": number,
                    "picture": faces.data_url(frame),
                    "size": frame.shape[1::-1],
                    "crop": faces.data_url(crop),
                    "side": crop.shape[0],
                }
            )
    return shown


def _look(
    data: Path, pairs: pd.DataFrame, first: pd.DataFrame, params: Params, regions: Regions | None
) -> dict[str, Any] | None:
    if regions is None:
        return None
    unseen = first[first["split"] == "metric-test"]
    for pair in faces.spread(unseen, len(unseen)):
        path = pairs[pairs["pair"] == pair].sort_values("step")
        for match in faces.matches(data, path, 1, params.extract.frame_rate_hz):
            values = regions(match.source, match.target)
            known = values[np.isfinite(values)]
            if not known.size:
                continue
            low, high = float(known.min()), float(known.max())
            coloured = heatmap.overlay(match.target, values, low=low, high=max(high, low + 1e-6))
            row = first.loc[pair]
            return {
                "speaker": row["speaker"],
                "emotions": (row["source_emotion"], row["target_emotion"]),
                "pictures": [faces.data_url(p) for p in (match.source, match.target, coloured)],
                "side": match.target.shape[0],
                "low": low,
                "high": high,
                "colours": heatmap.scale_colours(9),
            }
    return None


def _datasets(cards: Path, params: Params) -> list[dict[str, str]]:
    found = []
    for name in sorted(params.datasets):
        try:
            card = read_yaml(cards / name / "card.yaml")
        except ParamsError:
            card = {}
        keys = ("name", "licence", "citation", "homepage")
        found.append({"dataset": name} | {key: str(card.get(key, "")) for key in keys})
    return found


def _rows(prefix: str, section: BaseModel) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        key = f"{prefix}{name}"
        nested = value if isinstance(value, dict) else {"": value}
        if nested and all(isinstance(part, BaseModel) for part in nested.values()):
            for part, inner in nested.items():
                rows += _rows(f"{key}.{part}." if part else f"{key}.", inner)
        else:
            plain = section.model_dump(mode="json", include={name})[name]
            text = value if isinstance(value, str) else json.dumps(plain, ensure_ascii=False)
            rows.append((key, text, field.description or ""))
    return rows


def _json_files(folder: Path) -> list[tuple[str, str]]:
    files = []
    for path in sorted(folder.glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise StageError(f"{path} is not valid JSON; delete it and run `dvc repro`") from None
        text = json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True)
        files.append((f"{folder.name}/{path.name}", text))
    return files


def _in_order(emotions: Any) -> list[str]:
    known = {emotion: place for place, emotion in enumerate(EMOTIONS)}
    return sorted(emotions, key=lambda emotion: (known.get(emotion, len(known)), emotion))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
