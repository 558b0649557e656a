"""Work on this machine: a pool of processes, and a bar that shows how far it is."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stccl.errors import StageError

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PLAIN_LINES = 10


class Pool:
    """Processes that work on chunks; none is started before the first chunk.

    Args:
        workers: How many. Each computes in one thread.
    """

    def __init__(self, workers: int) -> None:
        compute_in_one_thread()  # a spawned process reads it when it starts
        # Spawned and not forked: a fork copies the locks of this process's threads.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(workers, context, initializer=prepare_worker)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Hand over one chunk."""
        return self._executor.submit(function, *arguments)

    def close(self) -> None:
        """Let them end."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        """End them: what they are doing is not wanted any more, and could take long."""
        for process in multiprocessing.active_children():
            process.terminate()
        self.close()


def compute_in_one_thread() -> None:
    """Let what is imported or started from now on compute in one thread, unless told otherwise.

    Results then do not depend on how many cores the machine has, and stages and workers side by
    side do not wait for each other's threads. Networks of the default sizes gain little from more:
    two threads make a step of the metric 1.5 times as fast, and one of the renderer slower.
    """
    for name in _THREAD_SETTINGS:
        os.environ.setdefault(name, "1")


def prepare_worker() -> None:
    """Make a fresh process ready to work on clips; doing it again changes nothing."""
    # OpenCV has to be there before decord, whose old zlib breaks OpenCV's PNG reader.
    import cv2

    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is None or any(thread.name == "parent-watch" for thread in threading.enumerate()):
        return
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(
        target=_end_with, args=(parent.sentinel,), name="parent-watch", daemon=True
    ).start()


def _end_with(parent: int) -> None:
    # A worker whose parent was killed would wait for its next chunk for ever.
    wait([parent])
    os._exit(1)


@contextmanager
def one_line_when_killed(name: str) -> Iterator[None]:
    """Turn the death of a worker into an error that says what to do.

    Raises:
        StageError: Where the operating system ended a worker.
    """
    try:
        yield
    except BrokenProcessPool:
        raise StageError(
            f"{name}: a worker process was killed, most often for want of memory; finished clips "
            "are kept: free memory or lower run.workers, then run the same command again"
        ) from None


class LocalRunner:
    """Spreads chunks over the processes of this machine.

    Args:
        name: Stands before the bar.
        workers: Processes.
    """

    def __init__(self, name: str, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._bar = Bar(name)
        self._pool: Pool | None = None

    def map(
        self,
        function: Callable[..., Any],
        chunks: Sequence[tuple[Any, ...]],
        *,
        sizes: Sequence[int],
    ) -> Iterator[Any]:
        """Call `function(*chunk)` for every chunk; with no chunks, no process is started."""
        if not chunks:
            return
        done, total = 0, sum(sizes)
        self.progress(0, total)
        with self._working() as pool:
            futures = {
                pool.submit(function, *chunk): size
                for chunk, size in zip(chunks, sizes, strict=True)
            }
            for future in as_completed(futures):
                result = future.result()
                done += futures[future]
                self.progress(done, total)
                yield result

    def progress(self, done: int, total: int) -> None:
        """Show how far the stage is."""
        self._bar.show(done, total)

    def close(self) -> None:
        """End the processes; leave the bar as it is and the terminal as it was."""
        if self._pool is not None:
            self._pool.close()
        self._bar.close()

    @contextmanager
    def _working(self) -> Iterator[Pool]:
        """The pool; it stays for the next map, as starting it takes seconds of imports."""
        self._pool = self._pool or Pool(self._workers)
        try:
            with one_line_when_killed(self._name):
                yield self._pool
        except BaseException:
            self._pool.stop()
            self._pool = None
            raise


class Bar:
    """A progress bar on a terminal; elsewhere a line now and then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Progress | None = None
        self._shown = -1

    def show(self, done: int, total: int) -> None:
        """Move to `done` of `total`."""
        if not sys.stderr.isatty():
            if done == 0:
                self._shown = -1  # a stage may map more than once
            tenth = done * _PLAIN_LINES // max(total, 1)
            if tenth > self._shown:
                self._shown = tenth
                print(f"{self._name}: {done}/{total}", file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.add_task(self._name)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        """Stop drawing."""
        if self._bar is not None:
            self._bar.stop()
