"""Training that comes out the same to the bit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(wanted: bool = True) -> Iterator[None]:
    """Only algorithms of torch's that give the same result every time.

    Args:
        wanted: Otherwise what is set stays: on a GPU, cuBLAS asks for settings from outside.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
