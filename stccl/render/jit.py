"""The one way loops are compiled here."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile to machine code: one thread, without the interpreter's lock, cached on disk.

    No fast-math: sums keep their order, so equal input gives equal bytes.
    """
    compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return cast(Function, compiled)
