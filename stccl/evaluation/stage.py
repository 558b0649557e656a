"""The `evaluate` stage: what training the metric gained on speakers it never saw."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from stccl.errors import StageError
from stccl.metric.data import PairWindows, Window, WindowReader, evenly, read_pairs
from stccl.metric.loss import STCCLLoss, initial
from stccl.params import Params
from stccl.tables.io import write_table

VALUES = ("positive_cosine", "negative_cosine", "positive_pearson", "negative_pearson")
Floats = npt.NDArray[np.float64]


def run(
    data: Path,
    models: Path,
    metrics: Path,
    plots: Path,
    params: Params,
    progress: Callable[[int, int], None],
) -> None:
    """Compare the trained metric with its untrained twin on the pairs of `metric-test`.

    Writes `<data>/evaluation.parquet`, `<metrics>/evaluation.json` and
    `<plots>/evaluation/{similarity,levels}.csv`, the bars of the papers' Figures 2 and 6.

    Source: ASCCL, Sections 3 and 5.4.1.

    Args:
        data: Holds `pairs.parquet` and `aligned/`.
        models: Holds `metric/`.
        metrics: Folder of metrics.
        plots: Folder of plots.
        params: All parameters.
        progress: Called as (windows done, windows).

    Raises:
        StageError: Where no speaker is left to judge on.
    """
    training = params.metric.training
    pairs = read_pairs(data, "metric-test", training.window_frames, training.frame_stride)
    if not pairs:
        raise StageError(
            "evaluate: no pair of split metric-test has frames with faces in both clips; give the "
            "dataset a speaker for metric-test who says the same words in several emotions"
        )
    arcface = Path(training.arcface) if training.arcface else None
    weights = {
        "trained": STCCLLoss.from_pretrained(models / "metric"),
        "untrained": initial(params.metric.config, params.run.seed, arcface).freeze(),
    }
    reader = WindowReader(data, params.metric.size_px)
    windows = evenly(pairs, params.evaluate.frames_per_pair)
    rows: list[dict[str, Any]] = []
    levels: list[dict[str, Any]] = []
    for done, (pair, window) in enumerate(windows, start=1):
        for name, loss in weights.items():
            found, per_level = _compare(loss, reader, pair, window)
            rows += [{**row, "weights": name} for row in found]
            levels += [{**row, "weights": name} for row in per_level]
        progress(done, len(windows))
    write_table(data / "evaluation.parquet", "evaluation", rows)
    table = pd.DataFrame(rows)
    metrics.mkdir(parents=True, exist_ok=True)
    summary = summarise(
        table,
        seed=params.run.seed,
        samples=params.evaluate.bootstrap_samples,
        confidence=params.evaluate.confidence,
    )
    text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
    (metrics / "evaluation.json").write_text(text, encoding="utf-8")
    _write_bars(plots / "evaluation" / "similarity.csv", table, "target_emotion")
    _write_bars(plots / "evaluation" / "levels.csv", pd.DataFrame(levels), "level")


def summarise(
    table: pd.DataFrame, *, seed: int, samples: int, confidence: float
) -> dict[str, dict[str, Any]]:
    """Means, and what training gained, with bootstrap intervals over pairs of clips.

    Frames of one pair are alike, so whole pairs are drawn, never single frames.

    Args:
        table: Rows of `evaluation.parquet`.
        seed: Of the bootstrap.
        samples: Resamples behind each interval.
        confidence: Coverage of the intervals, in (0, 1).

    Returns:
        By metric (spatial, temporal), then by emotion or `all`: `trained` and `untrained` means of
        every similarity; `gain` of the margin (positive minus negative, trained minus untrained)
        for cosine and pearson, as mean, low, high; the number of pairs.
    """
    return {
        str(metric): {
            name: _gain(group, seed, samples, confidence)
            for name, group in [("all", of_metric), *of_metric.groupby("target_emotion")]
        }
        for metric, of_metric in table.groupby("metric")
    }


def _gain(group: pd.DataFrame, seed: int, samples: int, confidence: float) -> dict[str, Any]:
    by_pair = group.groupby(["pair", "weights"])[list(VALUES)]
    totals = by_pair.sum().unstack("weights")
    counts = by_pair.size().unstack("weights")["trained"].to_numpy(np.float64)
    pairs = len(counts)
    drawn = np.random.default_rng(seed).integers(pairs, size=(samples, pairs))
    result: dict[str, Any] = {"pairs": pairs, "gain": {}}
    for weights in ("trained", "untrained"):
        of_weights = group[group["weights"] == weights]
        result[weights] = {value: float(of_weights[value].mean()) for value in VALUES}
    for kind in ("cosine", "pearson"):
        gained = np.zeros(pairs)
        for sign, side in ((1, "positive"), (-1, "negative")):
            both = totals[f"{side}_{kind}"]
            gained += sign * (both["trained"] - both["untrained"]).to_numpy(np.float64)
        means: Floats = gained[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
        tail = (1 - confidence) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        result["gain"][kind] = {
            "mean": float(gained.sum() / counts.sum()),
            "low": float(low),
            "high": float(high),
        }
    return result


def _compare(
    loss: STCCLLoss, reader: WindowReader, pair: PairWindows, window: Window
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of one window: means over levels, and level by level."""
    target, source = (side[None] for side in reader.read(pair, window))
    rows, levels = [], []
    for metric, found in loss.similarity(target, source)._asdict().items():
        if found is None:
            continue
        values = torch.stack(list(found)).squeeze(1).double()
        about = {
            "pair": pair.pair,
            "speaker": pair.speaker,
            "source_emotion": pair.source_emotion,
            "target_emotion": pair.target_emotion,
            "split": pair.split,
            "step": window.step,
            "metric": metric,
        }
        means = values.mean(dim=1).tolist()
        rows.append({**about, **dict(zip(VALUES, means, strict=True))})
        for level, column in enumerate(values.T.tolist(), start=1):
            levels.append(
                {"level": level, "metric": metric, **dict(zip(VALUES, column, strict=True))}
            )
    return rows, levels


def _write_bars(path: Path, table: pd.DataFrame, by: str) -> None:
    """A bar per metric, weights, group and sign: mean cosine and Pearson correlation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["metric", "weights", by, "sign", "cosine", "pearson"])
        keys = ["metric", "weights", by]
        for group, means in table.groupby(keys)[list(VALUES)].mean().iterrows():
            for sign in ("positive", "negative"):
                bars = [float(means[f"{sign}_{kind}"]) for kind in ("cosine", "pearson")]
                writer.writerow([*_as_tuple(group), sign, *bars])


def _as_tuple(group: Any) -> Sequence[Any]:
    return group if isinstance(group, tuple) else (group,)
