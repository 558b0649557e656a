"""Training curves, as dvclive leaves them: one tab-separated file per quantity."""

from pathlib import Path

import numpy as np
import pandas as pd

from stccl.errors import StageError
from stccl.report.charts import Curve

_SETS = {"train": "training", "heldout": "held out"}
"""Folders that say over which clips a quantity was taken, and how the page calls them."""


_FOLDERS = ("plots", "metrics")
"""Folders that dvclive puts around every curve."""


def read_curves(folder: Path) -> dict[str, dict[str, Curve]]:
    """Every `*.tsv` below a folder: quantity, then set of clips, then its curve.

    The same quantity over training and held-out clips ends up in one chart. A file has a column
    `step` and, as its last one, the value; steps without a number are left out.

    Raises:
        StageError: For a file that is no such table.
    """
    curves: dict[str, dict[str, Curve]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        names = path.relative_to(folder).with_suffix("").parts
        names = tuple(name for name in names if name not in _FOLDERS)
        over = next((name for name in names if name in _SETS), None)
        title = " ".join(name for name in names if name != over).replace("_", " ")
        curves.setdefault(title, {})[_SETS[over] if over else ""] = _read(path)
    return {title: dict(sorted(lines.items(), reverse=True)) for title, lines in curves.items()}


def _read(path: Path) -> Curve:
    try:
        table = pd.read_csv(path, sep="\t")
        steps = pd.to_numeric(table["step"], errors="raise").to_numpy(np.float64)
        values = pd.to_numeric(table.iloc[:, -1], errors="coerce").to_numpy(np.float64)
    except (KeyError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise StageError(
            f"{path} is no table of steps and values ({problem}); run `dvc repro --force metric`"
        ) from None
    known = np.isfinite(values)
    return steps[known], values[known]
