"""The face models of the `fit` stage, and what a fit knows of their coefficients beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from stccl.errors import StageError, StcclError
from stccl.face3d.deca_networks import DECA_FILE
from stccl.face3d.flame import FLAME
from stccl.face3d.flame_files import ALBEDO_FILE, LANDMARKS_FILE, MODEL_FILE
from stccl.face3d.model import FaceModel
from stccl.face3d.texture_files import DISPLACEMENT_FILE, MASK_FILE, TEMPLATE_FILE
from stccl.face3d.wrinkles import Wrinkles
from stccl.fit.params import FitParams
from stccl.weights import WEIGHTS


@dataclass(frozen=True)
class Scales:
    """What a fit to landmarks knows of a model's expression coefficients beforehand.

    Attributes:
        std: Standard deviation about rest.
        bounds: Least and greatest value.
        acceleration: Standard deviation of the second difference between frames of 1/25 s, of free
            motion.
    """

    std: float
    bounds: tuple[float, float]
    acceleration: float


@dataclass(frozen=True)
class KnownModel:
    """A face model by its name in `fit.model`.

    Attributes:
        load: Makes it.
        files: What it is read from.
        scales: Of its coefficients; None where they are not fitted but read off the pictures.
    """

    load: Callable[[], FaceModel]
    files: tuple[Path, ...]
    scales: Scales | None


def _head() -> FaceModel:
    from stccl.face3d.head.head import Head

    return cast(FaceModel, Head())


def _flame() -> FaceModel:
    return cast(FaceModel, FLAME.from_folder())


_FLAME_FILES = (WEIGHTS / MODEL_FILE, WEIGHTS / LANDMARKS_FILE)
MODELS = {
    # Facial actions from none to full; most of them are absent or slight most of the time.
    "head": KnownModel(_head, (), Scales(0.15, (0.0, 1.0), 0.05)),
    # Standard deviations of the people it was learnt from.
    "flame": KnownModel(_flame, _FLAME_FILES, Scales(1.0, (-3.0, 3.0), 0.2)),
    "deca": KnownModel(_flame, (*_FLAME_FILES, WEIGHTS / ALBEDO_FILE, WEIGHTS / DECA_FILE), None),
}


def scales(name: str) -> Scales:
    """Of a model that is fitted to landmarks."""
    found = MODELS[name].scales
    assert found is not None, name
    return found


@cache
def face_model(name: str) -> FaceModel:
    """The model itself; made once per process.

    Raises:
        StageError: Where its files are missing or damaged.
    """
    try:
        return MODELS[name].load()
    except StcclError as error:
        raise StageError(f"fit.model: {name}: {error}; `fit.model: head` needs no file") from None


def model_files(params: FitParams) -> tuple[Path, ...]:
    """What the faces of these settings are read from; DECA's wrinkles where they can be drawn."""
    return MODELS[params.model].files + (wrinkle_files() if params.model == "deca" else ())


def wrinkle_files() -> tuple[Path, ...]:
    """Where DECA's wrinkles lie on the head; none unless all files are there."""
    files = tuple(WEIGHTS / name for name in (TEMPLATE_FILE, DISPLACEMENT_FILE, MASK_FILE))
    return files if all(map(Path.is_file, files)) else ()


@cache
def wrinkles() -> Wrinkles:
    """What draws them; made once per process.

    Raises:
        StageError: Where its files are missing or damaged.
    """
    try:
        return Wrinkles.from_folder(face_model("deca").triangles)
    except StcclError as error:
        raise StageError(f"fit.model: deca: {error}") from None
