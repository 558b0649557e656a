"""Between torch and the compiled loops: arrays without copies, images side by side on the cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def each_image(count: int, task: Callable[[int], None]) -> None:
    """Do a task for every image of a batch, on as many threads as torch may use.

    Tasks write to arrays of their own, so the result is the same for any number of threads.
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2:
        for image in range(count):
            task(image)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, range(count)))  # asks for the results, so that errors are raised


def array(tensor: Tensor) -> Array:
    """A tensor's numbers on the CPU, row by row; half precision becomes single."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.dtype != torch.float64:
        tensor = tensor.float()
    return np.ascontiguousarray(tensor.numpy())


def indices(triangles: Tensor) -> Array:
    """(F, 3) vertex numbers as the loops take them."""
    return np.ascontiguousarray(array(triangles), np.int64)


def like(numbers: Array, tensor: Tensor) -> Tensor:
    """Floats as a tensor of another's kind, where it is."""
    return torch.from_numpy(numbers).to(tensor)
