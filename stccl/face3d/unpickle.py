"""Pickles of arrays, read without running anything that they ask for.

FLAME's model was pickled by Python 2 with chumpy arrays inside, and its landmarks as a dictionary
in an `.npy` file with PyTorch tensors inside. A pickle names classes and functions and has them
called; here every name outside a short list ends the reading, and the names on the list lead to
replacements that only hold or copy numbers.
"""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from stccl.checkpoint import reason
from stccl.errors import StcclError


class ChumpyArray:
    """Stands in for a `chumpy.ch.Ch` without chumpy: its pickled state holds the array as `x`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.__dict__["x"], dtype)


class SparseMatrix:
    """Stands in for a sparse matrix of SciPy, whose own would trust its indices unchecked."""

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
    """What a pickle holds, with numpy arrays and stand-ins that `numpy.asarray` takes.

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
                raise StcclError(f"{path}: no .npy file: {_line(error)}; get it again") from None
            if not dtype.hasobject:
                raise StcclError(f"{path}: expected a pickled dictionary, got an array of {dtype}")
            array = _read(file, path)
    except OSError as error:
        raise StcclError(f"{path}: cannot be read: {error.strerror}; see `stccl doctor`") from None
    if not isinstance(array, np.ndarray) or array.shape != ():
        raise StcclError(f"{path}: expected one pickled dictionary, got {type(array).__name__}")
    held: object = array.item()
    return held


def _read(file: BinaryIO, path: Path) -> object:
    try:
        return _ArraysOnly(file, path).load()
    except StcclError:
        raise
    except Exception as error:  # damaged pickles end in nearly every kind of error
        raise StcclError(
            f"{path}: damaged or another file ({_line(error)}); get it again (see `stccl doctor`)"
        ) from None


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file, encoding="latin1")  # what Python 2 wrote as str are bytes of arrays
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[f"{module}.{name}"]
        except KeyError:
            raise StcclError(
                f"{self._path}: refused, nothing was executed: it asks for {module}.{name}, which "
                "no array needs; get the file again from its publisher (see `stccl doctor`)"
            ) from None


def _empty_array(*_: object) -> NDArray[Any]:
    """A pickled array starts empty; its state, which follows, gives it shape, type and numbers."""
    return np.empty(0, np.int8)


def _dtype(name: str, *_: object) -> np.dtype[Any]:
    # A copy, as numpy asks for: its state, which follows, sets the byte order.
    return np.dtype(str(name), False, True)


def _number(dtype: np.dtype[Any], data: bytes | str) -> Any:
    return np.frombuffer(_bytes(data), dtype)[0]


def _array_of_bytes(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> Any:
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _bytes(text: bytes | str, *_: object) -> bytes:
    return text.encode("latin1") if isinstance(text, str) else bytes(text)


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
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": _dtype,
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
