"""Training curves on disk, growing while a training goes on."""

import shutil
from collections.abc import Mapping
from pathlib import Path


class Curves:
    r"""A tab-separated file per quantity, for the report and `dvc plots`.

    A line is on disk as soon as it is known, and nothing but the folder is touched: loggers that
    also record experiments want a git repository with a commit.

    Args:
        folder: Where `<name>.tsv` go, with columns `step` and the name's last part; what an
            earlier training left there is removed.

    >>> folder = getfixture("tmp_path") / "curves"
    >>> Curves(folder).add(1, {"train/loss": 0.5})
    >>> (folder / "train" / "loss.tsv").read_text()
    'step\tloss\n1\t0.5\n'
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)

    def add(self, step: int, record: Mapping[str, float]) -> None:
        """Continue the curve of every quantity of a record."""
        for name, value in record.items():
            path = self._folder / f"{name}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                if not file.tell():
                    file.write(f"step\t{path.stem}\n")
                file.write(f"{step}\t{value!r}\n")
