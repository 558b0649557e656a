"""The `metric` stage: aligned frame pairs in, a trained metric out."""

import json
from collections.abc import Sequence
from pathlib import Path

from stccl.errors import StageError
from stccl.fingerprint import code_version, file_sha256, fingerprint, params_of
from stccl.metric.data import PairWindows, WindowReader, evenly, read_pairs, training_pairs
from stccl.metric.loss import initial
from stccl.metric.train import History, train
from stccl.params import Params
from stccl.tables.io import read_provenance
from stccl.training.curves import Curves
from stccl.training.record import Progress, Record
from stccl.training.resume import Checkpoint

CODE = ("checkpoint", "metric", "saved", "tables", "training")
"""What a training depends on, below `stccl/`."""
METRIC = "metric"
"""Folder of the metric below the folder of models, and name of its curves and numbers."""
COUNTERPART = "counterpart"
"""The same of the metric in the other formulation."""


def run(
    data: Path,
    models: Path,
    metrics: Path,
    plots: Path,
    scratch: Path,
    params: Params,
    progress: Progress,
    name: str = METRIC,
) -> None:
    """Train the metric on `metric-train`, looking at `metric-test` on the way.

    Writes `<models>/<name>/{config.json,model.safetensors}`, `<metrics>/<name>.json` and the curves
    `<plots>/<name>/plots/metrics/**.tsv`.

    Args:
        data: Holds `pairs.parquet` and `aligned/`.
        models: Folder of models.
        metrics: Folder of metrics.
        plots: Folder of plots.
        scratch: Where an interrupted training is kept; nothing in it is a result.
        params: All parameters.
        progress: Called as (steps done, steps).
        name: `METRIC`, or `COUNTERPART` for the other formulation.

    Raises:
        StageError: Where there is nothing to train on, or the loss diverges.
    """
    settings = params.metric
    if name == COUNTERPART:
        other = "correlation" if settings.formulation == "disparity" else "disparity"
        settings = settings.model_copy(update={"formulation": other})
    training = settings.training
    pairs = training_pairs(data, training.window_frames, training.frame_stride)
    unseen = read_pairs(data, "metric-test", training.window_frames, training.frame_stride)
    heldout = evenly(unseen, -(-training.heldout_windows // max(1, len(unseen))))
    arcface = Path(training.arcface) if training.arcface else None
    if arcface is not None and not arcface.is_file():
        raise StageError(
            f"metric: metric.training.arcface: no file {arcface}; put the weights there or set it "
            "to null"
        )
    loss = initial(settings.config, params.run.seed, arcface)
    checkpoint = Checkpoint(
        scratch / f"{name}.ckpt",
        fingerprint(
            code=code_version(CODE),
            params=params_of(settings),
            seed=params.run.seed,
            pairs=file_sha256(data / "pairs.parquet"),
            aligned=_aligned(data, [*pairs, *unseen]),
            arcface=file_sha256(arcface) if arcface else "",
        ),
    )
    with Curves(plots / name) as curves:
        history = train(
            loss,
            pairs,
            heldout,
            WindowReader(data, settings.size_px),
            training,
            seed=params.run.seed,
            workers=params.run.workers - 1,
            checkpoint=checkpoint,
            progress=progress,
            report=curves.log,
        )
    loss.save_pretrained(models / name)
    metrics.mkdir(parents=True, exist_ok=True)
    summary = json.dumps(_summary(history, pairs, unseen), indent=2) + "\n"
    (metrics / f"{name}.json").write_text(summary, encoding="utf-8")
    checkpoint.path.unlink(missing_ok=True)


def _aligned(data: Path, pairs: Sequence[PairWindows]) -> dict[str, str]:
    """What the aligned tables were made from, by clip."""
    clips = sorted({clip for pair in pairs for clip in (pair.source, pair.target)})
    provenance = {
        clip: read_provenance(data / "aligned" / f"{clip}.parquet") or {} for clip in clips
    }
    return {clip: str(found.get("fingerprint", "")) for clip, found in provenance.items()}


def _summary(
    history: History, pairs: Sequence[PairWindows], unseen: Sequence[PairWindows]
) -> dict[str, object]:
    last = {name: value for name, value in history.steps[-1].items() if name != "step"}
    summary: dict[str, object] = {
        "steps": len(history.steps),
        "train": last,
        "pairs": {"train": len(pairs), "heldout": len(unseen)},
        "speakers": {
            "train": sorted({pair.speaker for pair in pairs}),
            "heldout": sorted({pair.speaker for pair in unseen}),
        },
    }
    if history.heldout:
        first, end = history.heldout[0], history.heldout[-1]
        names = [name for name in end if name != "step"]
        summary["heldout"] = {
            name: {"untrained": first[name], "trained": end[name]} for name in names
        }
        parts = [name.removesuffix("_positive") for name in names if name.endswith("_positive")]
        summary["heldout_margin_gain"] = {
            part: _margin(end, part) - _margin(first, part) for part in parts
        }
    return summary


def _margin(record: Record, part: str) -> float:
    return record[f"{part}_positive"] - record[f"{part}_negative"]
