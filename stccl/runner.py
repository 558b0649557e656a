"""How a stage's work is spread: a stage cuts it into chunks, a runner maps a function over them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Runner(Protocol):
    """Spreads chunks of work and shows how far it is."""

    def map(
        self,
        function: Callable[..., Any],
        chunks: Sequence[tuple[Any, ...]],
        *,
        sizes: Sequence[int],
    ) -> Iterator[Any]:
        """Call `function(*chunk)` for every chunk; results come in any order.

        Args:
            function: Importable by its name, so that another process can call it.
            chunks: Arguments of each call.
            sizes: Items in each chunk, for the progress shown.
        """
        ...

    def progress(self, done: int, total: int) -> None:
        """Show that `done` of `total` is done; for work that is not mapped."""
        ...


class InOrder:
    """One chunk after the other, in this process, and nothing shown."""

    def map(
        self,
        function: Callable[..., Any],
        chunks: Sequence[tuple[Any, ...]],
        *,
        sizes: Sequence[int],
    ) -> Iterator[Any]:
        """See `Runner.map`."""
        for chunk, _ in zip(chunks, sizes, strict=True):
            yield function(*chunk)

    def progress(self, done: int, total: int) -> None:
        """See `Runner.progress`."""
