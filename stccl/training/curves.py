"""Curves of a training as files that `dvc plots` and the report read."""

from collections.abc import Mapping
from pathlib import Path

from dvclive.live import Live


class _OnDisk(Live):
    """Curves on disk, and no interest in git: the pipeline's own DVC keeps what is logged."""

    def _init_dvc(self) -> None:
        # It would name an experiment by the last commit, and end where there is none.
        pass


class Curves:
    """`<folder>/plots/metrics/<name>.tsv`, a line per step; use it with `with`.

    Args:
        folder: Where to.
    """

    def __init__(self, folder: Path) -> None:
        self._live = _OnDisk(str(folder), report=None, save_dvc_exp=False, dvcyaml=None)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of a step."""
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(name, value)

    def __enter__(self) -> "Curves":
        self._live.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)  # type: ignore[no-untyped-call]
