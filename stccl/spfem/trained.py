"""The models that the `spfem` stage has trained."""

from pathlib import Path

from stccl.errors import StcclError
from stccl.spfem.params import SpfemParams
from stccl.spfem.registry import PRETRAINED, run_name
from stccl.spfem.supervision import SUPERVISIONS


def trained_models(
    models: Path, params: SpfemParams, name: str | None, *, everything: bool
) -> list[Path]:
    """Folders of trained models.

    Args:
        models: The folder of models.
        params: Which there should be.
        name: Which is wanted; the last of `params.supervisions` with the first seed without it.
        everything: All supervisions with the same backbone and seed, instead of that one alone.

    Raises:
        StcclError: Where there is no such model, naming those there are.
    """
    folder = models / "spfem"
    name = name or run_name(params.backbone, params.supervisions[-1], params.seeds[0])
    there = sorted(
        path.name
        for path in folder.glob("*")
        if any(path.iterdir()) and f"-{PRETRAINED}-" not in path.name
    )
    if name not in there:
        known = f"there are {', '.join(there)}" if there else "train some with `dvc repro spfem`"
        raise StcclError(f"{folder / name}: no such model; {known}")
    if not everything:
        return [folder / name]
    kind, seed = name.split("-")[0], name.rsplit("-", 1)[1]
    names = [run_name(kind, row, int(seed)) for row in SUPERVISIONS]
    return [folder / each for each in names if each in there]
