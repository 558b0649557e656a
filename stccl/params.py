"""`params.yaml`, typed: every tunable of the pipeline, checked before anything runs."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stccl.align.params import AlignParams
from stccl.download.params import DatasetParams
from stccl.errors import ParamsError
from stccl.evaluation.params import EvaluateParams
from stccl.experts.params import ExpertsParams
from stccl.extract.params import ExtractParams
from stccl.fit.params import FitParams
from stccl.landmarks.params import LandmarksParams
from stccl.metric.params import MetricParams
from stccl.pairs.params import PairsParams
from stccl.report.params import ReportParams
from stccl.section import Section
from stccl.spfem.params import SpfemParams


class RunParams(Section):
    """How the work is done; nothing here changes a result, the seed apart."""

    seed: int = Field(ge=0, description="Every random choice derives from it.")
    workers: int = Field(
        ge=1, description="Processes that work on clips, and stages, side by side."
    )
    task_runner: Literal["threads", "processes", "dask", "ray"] = Field(
        default="threads",
        description="Where the tasks of a Prefect run work; without Prefect it is not looked at.",
    )
    chunk_clips: int = Field(ge=1, description="Clips a process is given at a time, at least.")
    max_rejected: float = Field(ge=0, le=1, description="Fraction of bad clips that stops a stage.")


class Params(Section):
    """Everything in `params.yaml`, a section per stage."""

    run: RunParams
    datasets: dict[str, DatasetParams]
    extract: ExtractParams
    landmarks: LandmarksParams
    align: AlignParams
    fit: FitParams
    pairs: PairsParams
    experts: ExpertsParams
    metric: MetricParams
    spfem: SpfemParams
    evaluate: EvaluateParams
    report: ReportParams

    @field_validator("datasets")
    @classmethod
    def _at_least_one(cls, datasets: dict[str, DatasetParams]) -> dict[str, DatasetParams]:
        if not datasets:
            raise ValueError("expected at least one dataset, got none; `stccl use` adds one")
        return datasets


def read_yaml(path: Path) -> Any:
    """Plain values of a YAML 1.2 file; duplicate keys are refused.

    Raises:
        ParamsError: Where the file is missing or is no YAML.
    """
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run this in the project's folder") from None
    except (YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise ParamsError(f"{path}: not valid YAML: {problem}") from None


def read_params(path: Path = Path("params.yaml")) -> Params:
    """All parameters, checked.

    Raises:
        ParamsError: Naming the key, what was expected and what came.
    """
    return Params.parse(read_yaml(path), where=str(path))
