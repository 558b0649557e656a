"""Pickles of arrays, read without running anything that they ask for.

FLAME's model was pickled by Python 2 with chumpy arrays inside, and its landmarks as a dictionary
in an `.npy` file with PyTorch tensors inside. A pickle names classes and functions and has them
called; here every name outside a short list ends the reading, and the names on the list lead to
stand-ins that only hold or copy numbers. NumPy's and SciPy's own classes would believe whatever
state a file gives them, and end the process where it is damaged.
"""

import io
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from stccl.checkpoint import reason
from stccl.errors import StcclError


class PickledType:
    """Stands in for a pickled `numpy.dtype`: its name now, its byte order from the state."""

    def __init__(self, name: str, *_: object) -> None:
        if not re.fullmatch(r"[biufcSU]\d+|O\d*", name):
            raise ValueError(f"arrays of {name!r} hold more than numbers")
        self.dtype: np.dtype[Any] = np.dtype(object if name.startswith("O") else name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class PickledArray:
    """Stands in for a pickled `numpy.ndarray`, whose content comes as its state."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, is_fortran, content = state
        if kind.dtype.hasobject:
            flat = np.empty(len(content), object)
            flat[:] = content
        else:
            flat = np.frombuffer(_bytes(content), kind.dtype)
        self.array = flat.reshape(shape, order="F" if is_fortran else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.array, dtype)


class ChumpyArray:
    """Stands in for a `chumpy.ch.Ch` without chumpy: its pickled state holds the array as `x`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.__dict__["x"], dtype)


class SparseMatrix:
    """Stands in for a sparse matrix of SciPy."""

    kind: type[sparse.csc_array] | type[sparse.csr_array]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        state = self.__dict__
        parts = (np.asarray(state[name]) for name in ("data", "indices", "indptr"))
        matrix = self.kind(tuple(parts), shape=tuple(state["_shape"]))
        matrix.check_format(full_check=True)
        return np.asarray(matrix.toarray(), dtype)


class SparseColumns(SparseMatrix):
    """A `csc_matrix`."""

    kind = sparse.csc_array


class SparseRows(SparseMatrix):
    """A `csr_matrix`."""

    kind = sparse.csr_array


def read_pickle(path: Path) -> object:
    """What a pickle holds, with stand-ins for arrays that `numpy.asarray` takes.

    Raises:
        StcclError: Where the file is not there, is damaged, or asks for anything that arrays do
            not need; then nothing of it has been executed.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise StcclError(f"{path}: cannot be read: {error.strerror}; see `stccl doctor`") from None


def read_object_array(path: Path) -> object:
    """What a 0-dimensional object array in an `.npy` file holds; see `read_pickle`.

    Raises:
        StcclError: See `read_pickle`; also where the file is no such array.
    """
    try:
        with path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                _, _, dtype = header(file)
            except Exception as error:  # a damaged header ends in nearly every kind of error
                raise StcclError(f"{path}: no .npy file: {reason(error)}; get it again") from None
            if not dtype.hasobject:
                raise StcclError(f"{path}: expected a pickled dictionary, got an array of {dtype}")
            array = _read(file, path)
    except OSError as error:
        raise StcclError(f"{path}: cannot be read: {error.strerror}; see `stccl doctor`") from None
    if not isinstance(array, PickledArray) or np.shape(array) != ():
        raise StcclError(f"{path}: expected one pickled dictionary; get it again")
    held: object = np.asarray(array).item()
    return held


def _read(file: BinaryIO, path: Path) -> object:
    try:
        return _ArraysOnly(file, path).load()
    except StcclError:
        raise
    except Exception as error:  # damaged pickles end in nearly every kind of error
        raise StcclError(
            f"{path}: damaged or another file ({reason(error)}); get it again (see `stccl doctor`)"
        ) from None


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file, encoding="latin1")  # what Python 2 wrote as str are bytes of arrays
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        asked = f"{module}.{name}"
        if asked not in _KNOWN:
            shown = asked.encode("unicode_escape").decode()  # it may hold anything, line ends too
            raise StcclError(
                f"{self._path}: refused, nothing was executed: it asks for {shown}, which no array "
                "needs; get the file again from its publisher (see `stccl doctor`)"
            )
        return _KNOWN[asked]


def _empty_array(*_: object) -> PickledArray:
    return PickledArray()


def _number(kind: PickledType, content: bytes | str) -> Any:
    return np.frombuffer(_bytes(content), kind.dtype)[0]


def _array_of_bytes(content: bytes, kind: PickledType, shape: Any, order: Any) -> NDArray[Any]:
    return np.frombuffer(_bytes(content), kind.dtype).reshape(shape, order=order)


def _bytes(content: bytes | str, *_: object) -> bytes:
    return content.encode("latin1") if isinstance(content, str) else bytes(content)


def _blank(kind: type, *_: object) -> object:
    """An instance without its state, as Python 2 began every object."""
    if kind not in (ChumpyArray, SparseColumns, SparseRows):
        raise ValueError(f"cannot begin with a {kind}")
    return kind()


def _storage(data: bytes) -> Any:
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(reason(error)) from None


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: Any, *_: object) -> Any:
    everything = torch.empty(0, dtype=storage.dtype, device="cpu").set_(storage)
    return everything.as_strided(size, stride, offset).clone().numpy()  # refuses to go beyond it


_KNOWN: dict[str, Any] = {
    "numpy.ndarray": PickledArray,
    "numpy.dtype": PickledType,
    "chumpy.ch.Ch": ChumpyArray,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch.storage._load_from_bytes": _storage,
    "collections.OrderedDict": OrderedDict,
    "_codecs.encode": _bytes,
    **{
        f"{core}.{name}": replacement
        for core in ("numpy.core", "numpy._core")
        for name, replacement in {
            "multiarray._reconstruct": _empty_array,
            "multiarray.scalar": _number,
            "numeric._frombuffer": _array_of_bytes,
        }.items()
    },
    **{
        f"scipy.sparse.{private}{kind}.{kind}_matrix": stand_in
        for private in ("", "_")
        for kind, stand_in in (("csc", SparseColumns), ("csr", SparseRows))
    },
    **{f"{module}._reconstructor": _blank for module in ("copy_reg", "copyreg")},
    **{
        f"{module}.{kind.__name__}": kind
        for module in ("__builtin__", "builtins")
        for kind in (object, set)
    },
}
"""Every name that a pickle may use, with what it gets."""
