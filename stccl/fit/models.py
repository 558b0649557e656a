"""The face models a fit can use, with what is known of their coefficients beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from stccl.errors import StageError, StcclError
from stccl.face3d.model import FaceModel
from stccl.fit.params import FitParams


@dataclass(frozen=True)
class Fittable:
    """A face model and the scales of its coefficients.

    Attributes:
        load: Makes the model.
        files: What it is read from.
        expression_std: Standard deviation about rest.
        expression_bounds: Least and greatest value.
        expression_acceleration: Standard deviation of the second difference between frames of
            1/25 s, of free motion.
    """

    load: Callable[[], FaceModel]
    files: tuple[Path, ...]
    expression_std: float
    expression_bounds: tuple[float, float]
    expression_acceleration: float


def _head() -> FaceModel:
    from stccl.face3d.head.head import Head

    return cast(FaceModel, Head())


def _flame() -> FaceModel:
    from stccl.face3d.flame import FLAME

    return cast(FaceModel, FLAME.from_folder())


def fittable(name: str) -> Fittable:
    """The model of `fit.model`."""
    from stccl.face3d.flame_files import LANDMARKS_FILE, MODEL_FILE
    from stccl.weights import WEIGHTS

    return {
        # Facial actions from none to full; most of them are absent or slight most of the time.
        "head": Fittable(_head, (), 0.15, (0.0, 1.0), 0.05),
        # Standard deviations of the people it was learnt from.
        "flame": Fittable(
            _flame, (WEIGHTS / MODEL_FILE, WEIGHTS / LANDMARKS_FILE), 1.0, (-3.0, 3.0), 0.2
        ),
    }[name]


@cache
def face_model(name: str) -> FaceModel:
    """The model itself; made once per process.

    Raises:
        StageError: Where its files are missing or damaged.
    """
    try:
        return fittable(name).load()
    except StcclError as error:
        raise StageError(f"fit.model: {name}: {error}; `fit.model: head` needs no file") from None


def model_files(params: FitParams) -> tuple[Path, ...]:
    """What the model of these settings is read from."""
    return fittable(params.model).files
