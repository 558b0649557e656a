"""The one way loops are compiled here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from stccl.fingerprint import file_sha256, source_files

Function = TypeVar("Function", bound=Callable[..., object])

_settings: Any = numba.config


def kernel(function: Function) -> Function:
    """Compile to machine code: one thread, without the interpreter's lock, cached on disk.

    No fast-math: sums keep their order, so equal input gives equal bytes.
    """
    chosen = _settings.CACHE_DIR
    _settings.CACHE_DIR = str(_cache_folder(chosen))
    try:
        compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    finally:
        _settings.CACHE_DIR = chosen
    return cast(Function, compiled)


def _cache_folder(chosen: str) -> Path:
    """Where kernels are cached: a folder of its own for every version of this package.

    Numba looks at the file a function is in to tell whether its machine code is up to date; kernels
    contain those they call, which are often in another file.

    Args:
        chosen: `NUMBA_CACHE_DIR`; empty where it is not set.
    """
    here = Path(chosen) if chosen else Path(__file__).parent / "__pycache__"
    return here / f"kernels-{file_sha256(*source_files(('render',)))[:16]}"
