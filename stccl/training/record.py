"""What a training tells about itself, step by step."""

import math
from collections.abc import Callable

from stccl.errors import StageError

Record = dict[str, float]
"""Values of one step by name."""
Progress = Callable[[int, int], None]
"""Called as (steps done, steps)."""
Report = Callable[[int, Record], None]
"""Called as (step, values)."""


def require_finite(record: Record, stage: str, step: int, remedy: str) -> None:
    """Refuse to go on with a training that has come apart.

    Args:
        record: Losses of the step.
        stage: Whose training it is.
        step: From 1.
        remedy: What to change.

    Raises:
        StageError: Where one of them is not finite.

    >>> require_finite({"loss": float("nan")}, "metric", 7, "lower metric.training.learning_rate")
    Traceback (most recent call last):
    stccl.errors.StageError: metric: loss at step 7 is nan; lower metric.training.learning_rate
    """
    for name, value in record.items():
        if not math.isfinite(value):
            raise StageError(f"{stage}: {name} at step {step} is {value}; {remedy}")
