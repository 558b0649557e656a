"""FLAME's published files: the model, its landmarks, its albedo; read and checked."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.checkpoint import reason
from stccl.errors import StcclError
from stccl.face3d.unpickle import read_object_array, read_pickle

MODEL_FILE = "generic_model.pkl"
LANDMARKS_FILE = "landmark_embedding.npy"
ALBEDO_FILE = "FLAME_albedo_from_BFM.npz"

JOINTS = 5
"""Root of the head, neck, jaw, left eye, right eye."""
CONTOURS = 79
"""Rows of contour points: one per degree of yaw from -39 to 39."""
_FIRST_EXPRESSION = 300
"""Where the expressions begin among the shape directions."""
_ALBEDO_COMPONENTS = 199


class FlameModel(NamedTuple):
    """The arrays of FLAME for V vertices, F triangles and 5 joints; float32 and int64."""

    triangles: Tensor
    """(F, 3) vertex numbers."""
    template: Tensor
    """(V, 3), m."""
    shape_directions: Tensor
    """(V, 3, S), m per standard deviation."""
    expression_directions: Tensor
    """(V, 3, E), likewise."""
    pose_directions: Tensor
    """(V, 3, 36), m per entry of R - I of every joint but the root."""
    joint_regressor: Tensor
    """(5, V): joints as weighted means of vertices."""
    parents: Tensor
    """(5,) joint numbers; -1 for the root."""
    skinning_weights: Tensor
    """(V, 5)."""


class FlameLandmarks(NamedTuple):
    """Where the 68 points lie on the triangles: triangle numbers and barycentric weights."""

    inner_triangles: Tensor
    """(51,): brows, nose, eyes, mouth."""
    inner_weights: Tensor
    """(51, 3)."""
    contour_triangles: Tensor
    """(79, 17): the face's visible edge, per degree of yaw."""
    contour_weights: Tensor
    """(79, 17, 3)."""
    full_triangles: Tensor
    """(1, 68): all points, the jaw line on the surface itself."""
    full_weights: Tensor
    """(1, 68, 3)."""


def read_model(path: Path, shapes: int, expressions: int) -> FlameModel:
    """FLAME from `generic_model.pkl`, with its first shape and expression directions.

    Raises:
        StcclError: Where the file cannot be read, or is no FLAME; naming everything that is amiss.
    """
    found = _Arrays(path, read_pickle(path))
    faces = found.integers("f", ("F", 3))
    template = found.floats("v_template", ("V", 3))
    directions = found.floats("shapedirs", ("V", 3, "D"))
    pose = found.floats("posedirs", ("V", 3, 9 * (JOINTS - 1)))
    regressor = found.floats("J_regressor", (JOINTS, "V"))
    parents = found.integers("kintree_table", (2, JOINTS))
    weights = found.floats("weights", ("V", JOINTS))
    found.complain("no FLAME model")
    found.require("f: vertex numbers", faces, 0, len(template))
    for joint in range(1, JOINTS):
        found.require("kintree_table: parents before children", parents[0, joint], 0, joint)
    last = _FIRST_EXPRESSION + expressions
    if directions.shape[2] < last or shapes > _FIRST_EXPRESSION:
        found.problems.append(
            f"shapedirs: {shapes} shapes and {expressions} expressions need {last} directions and "
            f"at most {_FIRST_EXPRESSION} shapes, got {directions.shape[2]} directions"
        )
    found.complain("no FLAME model")
    return FlameModel(
        triangles=_long(faces),
        template=_float(template),
        shape_directions=_float(directions[:, :, :shapes]),
        expression_directions=_float(directions[:, :, _FIRST_EXPRESSION:last]),
        pose_directions=_float(pose),
        joint_regressor=_float(regressor),
        # Published as the largest unsigned number, since the root has no parent.
        parents=_long(np.concatenate(([-1], parents[0, 1:]))),
        skinning_weights=_float(weights),
    )


def read_landmarks(path: Path) -> FlameLandmarks:
    """Where the landmarks lie on FLAME, from `landmark_embedding.npy`.

    Raises:
        StcclError: Where the file cannot be read, or holds something else; naming what is amiss.
    """
    found = _Arrays(path, read_object_array(path))
    embedding = {
        kind: (
            found.integers(f"{kind}_lmk_faces_idx", shape),
            found.floats(f"{kind}_lmk_bary_coords", (*shape, 3)),
        )
        for kind, shape in (("static", (51,)), ("dynamic", (CONTOURS, 17)), ("full", (1, 68)))
    }
    found.complain("no landmarks of FLAME")
    return FlameLandmarks(
        *(
            tensor
            for faces, weights in embedding.values()
            for tensor in (_long(faces), _float(weights))
        )
    )


def read_albedo(path: Path, components: int) -> tuple[Tensor, Tensor]:
    """Mean (N,) and directions (N, components) of the albedo, from `FLAME_albedo_from_BFM.npz`.

    N = side · side · 3, blue before green before red.

    Raises:
        StcclError: Where the file cannot be read, or is no albedo; naming what is amiss.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            held = {name: file[name] for name in ("MU", "PC") if name in file}
    except Exception as error:  # damaged archives end in nearly every kind of error
        raise StcclError(
            f"{path}: cannot be read: {reason(error)}; get it again (see `stccl doctor`)"
        ) from None
    found = _Arrays(path, {name: array.reshape(-1) for name, array in held.items()})
    mean = found.floats("MU", ("N",))
    directions = found.floats("PC", ("M",))
    found.complain("no albedo of FLAME")
    side = math.isqrt(mean.size // 3)
    if side * side * 3 != mean.size:
        found.problems.append(f"MU: expected side · side · 3 numbers, got {mean.size}")
    if directions.size != mean.size * _ALBEDO_COMPONENTS:
        found.problems.append(
            f"PC: expected {_ALBEDO_COMPONENTS} for each of MU's {mean.size} numbers, got "
            f"{directions.size}"
        )
    found.complain("no albedo of FLAME")
    basis = directions.reshape(-1, _ALBEDO_COMPONENTS)[:, :components]
    return _float(mean), _float(basis)


class _Arrays:
    """Named arrays of one file; collects everything that is amiss before it complains."""

    def __init__(self, path: Path, held: object) -> None:
        if not isinstance(held, Mapping):
            raise StcclError(f"{path}: expected a dictionary of arrays, got {type(held).__name__}")
        self.path = path
        self.held = held
        self.problems: list[str] = []
        self.sizes: dict[str, int] = {}

    def floats(self, name: str, shape: Sequence[int | str]) -> NDArray[np.float32]:
        found = self._array(name, shape, np.floating, np.dtype(np.float32))
        with np.errstate(over="ignore"):
            array = found.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            self.problems.append(f"{name}: not all numbers are finite in single precision")
        return array

    def integers(self, name: str, shape: Sequence[int | str]) -> NDArray[np.integer[Any]]:
        return self._array(name, shape, np.integer, np.dtype(np.int64))

    def _array(
        self, name: str, shape: Sequence[int | str], kind: type, fallback: np.dtype[Any]
    ) -> NDArray[Any]:
        nothing = np.empty([0 for _ in shape], fallback)
        if name not in self.held:
            self.problems.append(f"{name}: missing")
            return nothing
        try:
            array = np.asarray(self.held[name])
        except Exception as error:  # stand-ins hold whatever the file gave them
            self.problems.append(f"{name}: no array: {type(error).__name__} {reason(error)}")
            return nothing
        if not np.issubdtype(array.dtype, kind):
            self.problems.append(f"{name}: expected {kind.__name__} numbers, got {array.dtype}")
            return nothing
        expected = [self.sizes.get(size, size) if isinstance(size, str) else size for size in shape]
        if len(array.shape) != len(shape) or any(
            isinstance(size, int) and size != got
            for size, got in zip(expected, array.shape, strict=True)
        ):
            wanted = " × ".join(map(str, expected))
            self.problems.append(
                f"{name}: expected {wanted}, got {' × '.join(map(str, array.shape))}"
            )
            return nothing
        self.sizes.update(
            (size, got) for size, got in zip(shape, array.shape, strict=True) if type(size) is str
        )
        return array

    def require(self, what: str, numbers: NDArray[Any], low: int, end: int) -> None:
        if numbers.size and not (low <= numbers.min() and numbers.max() < end):
            self.problems.append(
                f"{what}: expected {low} to {end - 1}, got {numbers.min()} to {numbers.max()}"
            )

    def complain(self, what: str) -> None:
        if self.problems:
            raise StcclError(
                f"{self.path}: {what}: {'; '.join(self.problems)}; get it again from where "
                "`stccl doctor` says"
            )


def _float(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order="C"))


def _long(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array, np.int64, order="C"))
