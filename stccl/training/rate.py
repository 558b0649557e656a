"""Learning rates."""


def rate_left(step: int, steps: int, falling: float) -> float:
    """What is left of a learning rate: 1, then linearly to 0 over the last part of the steps.

    Args:
        step: From 0.
        steps: Of the whole training.
        falling: The part of them over which it falls; 0 for a rate that stays.

    >>> [rate_left(step, 10, 0.5) for step in (0, 5, 9)]
    [1.0, 1.0, 0.2]
    """
    return min(1.0, (steps - step) / (falling * steps)) if falling else 1.0
