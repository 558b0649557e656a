"""The `pretrain` and `spfem` stages: SPFEM models, trained with and without STCCL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from stccl.clip import Clip, read_clips
from stccl.errors import StageError
from stccl.fingerprint import code_version, file_sha256, fingerprint, params_of
from stccl.metric.loss import STCCLLoss
from stccl.params import Params
from stccl.perclip import upstream
from stccl.spfem.backbone import Lesson, backbone
from stccl.spfem.registry import PRETRAINED, run_name
from stccl.spfem.supervising import supervising_metric
from stccl.spfem.supervision import SUPERVISIONS
from stccl.tables.png import Image
from stccl.training.curves import Curves
from stccl.training.record import Progress

CODE = (
    "align/warp", "checkpoint", "clip", "face3d", "fit", "metric", "render", "saved", "spfem",
    "tables", "training",
)  # fmt: skip
"""What a training depends on, below `stccl/`."""


def pretrain(
    data: Path,
    models: Path,
    plots: Path,
    scratch: Path,
    params: Params,
    seed: int,
    progress: Progress,
) -> None:
    """Let the backbone learn what all faces have in common, from the metric's speakers.

    Writes `<models>/spfem/<backbone>-pretrained-<seed>/` and curves and samples of the same name
    in `<plots>/spfem/`.

    Args:
        data: Holds the clips' tables.
        models: Holds `metric/`.
        plots: Folder of plots.
        scratch: Where an interrupted training is kept.
        params: All parameters.
        seed: Of everything random.
        progress: Called as (steps done, steps).

    Without SPFEM speakers nothing is learnt.

    Raises:
        StageError: Where none of the clips can be used.
    """  # fmt: skip
    name = run_name(params.spfem.backbone, PRETRAINED, seed)
    if _nobody(data, models, plots, name):
        return
    clips = _fitted(data, "metric-train")

    def learn(lesson: Lesson, metric: STCCLLoss) -> None:
        backbone(params.spfem.backbone).pretrain(lesson, metric, models / "spfem" / name)

    _teach(name, clips, data, models, plots, scratch, params, seed, progress, learn)


def train(
    data: Path,
    models: Path,
    plots: Path,
    scratch: Path,
    params: Params,
    row: str,
    seed: int,
    progress: Progress,
) -> None:
    """Train the backbone on the SPFEM speakers under one supervision.

    Writes `<models>/spfem/<backbone>-<supervision>-<seed>/` and curves and samples of the same name
    in `<plots>/spfem/`.

    Args:
        data: Holds the clips' tables.
        models: Holds `metric/` and what `pretrain` made.
        plots: Folder of plots.
        scratch: Where an interrupted training is kept.
        params: All parameters.
        row: One of `SUPERVISIONS`.
        seed: Of everything random.
        progress: Called as (steps done, steps).

    Without SPFEM speakers nothing is learnt.

    Raises:
        StageError: Where none of the clips can be used.
    """  # fmt: skip
    wanted = SUPERVISIONS[row]
    name = run_name(params.spfem.backbone, row, seed)
    if _nobody(data, models, plots, name):
        return
    clips = _fitted(data, "spfem-train")
    supervising = supervising_metric(wanted, models, params)

    def learn(lesson: Lesson, metric: STCCLLoss) -> None:
        backbone(params.spfem.backbone).train(
            lesson,
            metric,
            supervising if wanted.meshes else None,
            supervising if wanted.images else None,
            models / "spfem" / run_name(params.spfem.backbone, PRETRAINED, seed),
            models / "spfem" / name,
        )

    _teach(name, clips, data, models, plots, scratch, params, seed, progress, learn)


def _teach(
    name: str, clips: list[Clip], data: Path, models: Path, plots: Path, scratch: Path,
    params: Params, seed: int, progress: Progress, learn: Callable[[Lesson, STCCLLoss], None],
) -> None:  # fmt: skip
    metric = STCCLLoss.from_pretrained(models / "metric")
    inputs: dict[str, Any] = {clip.clip: upstream(data, "faces3d", clip.clip) for clip in clips}
    mark = fingerprint(
        name=name,
        code=code_version(CODE),
        params=params_of(params.spfem),
        metric=file_sha256(*sorted((models / "metric").iterdir())),
        clips=inputs,
    )
    samples = plots / "spfem" / name / "samples"
    samples.mkdir(parents=True, exist_ok=True)

    def show(sample: str, picture: Image) -> None:
        cv2.imwrite(str(samples / f"{sample}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    with Curves(plots / "spfem" / name) as curves:
        lesson = Lesson(data, clips, params, seed, scratch / name, mark, progress, curves.log, show)
        learn(lesson, metric)


def _nobody(data: Path, models: Path, plots: Path, name: str) -> bool:
    """Whether the dataset has no SPFEM speakers; then empty folders stand for the results."""
    if any(clip.split == "spfem-train" for clip in read_clips(data)):
        return False
    for folder in (models, plots):
        (folder / "spfem" / name).mkdir(parents=True, exist_ok=True)
    print("spfem: no clip is of split spfem-train, so no model is trained; see docs/spfem.md")
    return True


def _fitted(data: Path, split: str) -> list[Clip]:
    clips = [clip for clip in read_clips(data) if clip.split == split]
    fitted = [clip for clip in clips if upstream(data, "faces3d", clip.clip) is not None]
    if not fitted:
        raise StageError(
            f"spfem: {len(clips)} clips of split {split}, none with a fitted face; see "
            "data/fit/rejected.parquet"
        )
    return fitted
