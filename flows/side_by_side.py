"""Stages that do not need each other at the same time, without Prefect."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from flows.pipeline import needed, repro, stop


def run_side_by_side(after: Mapping[str, set[str]], *, force: bool, at_once: int) -> None:
    """Bring stages up to date, each as soon as those before it are.

    Where more could start than may run, that one starts first which most others wait for, however
    far behind it: what leads nowhere fills the time in which little else can be done. After a
    failure no further stage starts; those that run come to their end.

    Args:
        after: Every stage with those that have to be done before it.
        force: Run also what is up to date.
        at_once: Most stages that run at a time.

    Raises:
        StageError: What the first failed stage said.
    """
    order = TopologicalSorter(after)
    order.prepare()
    waiting = Counter(earlier for stage in after for earlier in needed(stage, after))
    ready: list[str] = []
    running: dict[Future[str], str] = {}
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()], key=lambda stage: -waiting[stage])
                while ready and len(running) < at_once:
                    stage = ready.pop(0)
                    started = pool.submit(repro, stage, force=force, show=_say, environment={})
                    running[started] = stage
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    order.done(running.pop(future))
        except Exception:
            pool.shutdown(cancel_futures=True)
            raise
        except BaseException:  # interrupted
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise


def _say(line: str) -> None:
    print(line, flush=True)
