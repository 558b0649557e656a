"""Takes made once for all tests."""

from collections.abc import Callable
from functools import cache

import pytest

from stccl.actors.performance import Take, perform
from stccl.actors.speaker import Speaker

DEMO_SPEAKERS = ("M001", "W001", "M002", "W002", "M003", "W003", "M004", "W004")
Perform = Callable[..., Take]


@cache
def _take(name: str, sentence: str, emotion: str, level: int) -> Take:
    return perform(Speaker(name), sentence, emotion, level)


@pytest.fixture(scope="session")
def take() -> Perform:
    """`take(speaker, sentence, emotion)` at the highest level there is."""

    def at(name: str, sentence: str, emotion: str, level: int | None = None) -> Take:
        return _take(name, sentence, emotion, level or (1 if emotion == "neutral" else 3))

    return at
