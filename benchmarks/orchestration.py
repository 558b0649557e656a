"""`python -m benchmarks.orchestration`: what it costs to have a stage's work spread and shown.

The same clips, each a computation of known size, are worked on by a bare pool of processes, which
does nothing else, and by a whole stage: imports, planning, fingerprints, tables, progress, with and
without a Prefect server. The ways take turns, so that whatever else the machine is doing meets all
of them; what counts is how much longer than the bare pool a stage takes by the clock. Where the
machine is noisier than that, look at a stage whose clips are no work: all it takes is
orchestration, its share that of it and the bare pool's work together. Processor time is printed as
well: it does not depend on how idle the processors are.
"""

import argparse
import multiprocessing
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from stccl.params import read_params
from tests.flows.conftest import ROOT, Project, start_server
from tests.flows.toy import work


def main() -> None:
    """Print a row per way of running."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--work-s", type=float, default=0.2, help="what a clip takes one processor")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = _work_of(options.work_s)
    with tempfile.TemporaryDirectory() as folder:
        plain, shown = (_project(Path(folder) / name) for name in ("plain", "shown"))
        server = start_server(Path(folder) / "server")
        shown.api = server.api
        ways = {
            "bare pool of processes": lambda: _pool(options.clips, size),
            "stage": lambda: _stage(plain, options.clips, size),
            "stage, Prefect server": lambda: _stage(shown, options.clips, size),
        }
        without_work = {
            "stage, clips of no work": lambda: _stage(plain, options.clips, 1),
            "stage, Prefect server, clips of no work": lambda: _stage(shown, options.clips, 1),
        }
        idle = {
            "stage, nothing to do": lambda: _stage(plain, options.clips, size, fresh=False),
            "stage, Prefect server, nothing to do": lambda: _stage(
                shown, options.clips, size, fresh=False
            ),
        }
        try:
            rounds = [
                {
                    name: _measured(name, way)
                    for name, way in {**ways, **without_work, **idle}.items()
                }
                for _ in range(options.rounds)
            ]
        finally:
            server.end()
    print(
        f"{options.clips} clips of {options.work_s} s, {options.rounds} rounds in turns; medians, "
        "shares of what is done in all"
    )
    bare, *_ = ways
    for name in (*ways, *without_work, *idle):
        clock_s, processor_s = (statistics.median(r[name][k] for r in rounds) for k in (0, 1))
        line = f"{name:40} {clock_s:7.2f} s by the clock, {processor_s:7.2f} s of processors"
        if name in ways and name != bare:
            shares = [
                statistics.median(100 * (1 - r[bare][k] / r[name][k]) for r in rounds)
                for k in (0, 1)
            ]
            line += ": {:.1f} %, {:.1f} %".format(*shares)
        if name in without_work:
            shares = [
                statistics.median(100 * r[name][k] / (r[bare][k] + r[name][k]) for r in rounds)
                for k in (0, 1)
            ]
            line += ": {:.1f} %, {:.1f} %".format(*shares)
        print(line)


def _work_of(seconds: float) -> int:
    """A size of `work` that takes this machine's processor that long."""
    tried = 200_000
    start = time.process_time()
    work(tried)
    return round(tried * seconds / (time.process_time() - start))


def _project(folder: Path) -> Project:
    folder.mkdir()
    for name in ("params.yaml", "prefect.toml"):
        shutil.copy(ROOT / name, folder)
    return Project(folder)


def _pool(clips: int, size: int) -> None:
    run = read_params(ROOT / "params.yaml").run
    # Forked: nothing is imported anew, which no stage could do without.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(run.workers, context) as pool:
        for _ in pool.map(work, [size] * clips, chunksize=run.chunk_clips):
            pass


def _stage(project: Project, clips: int, size: int, *, fresh: bool = True) -> None:
    if fresh:
        shutil.rmtree(project.folder / "data", ignore_errors=True)
    code, _, err = project.toy(items=clips, rounds=size)
    if code:
        raise SystemExit(err)


def _measured(name: str, way: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of the processors, which are also said on the way."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    way()
    clock_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}: {clock_s:.1f} s, {used_s:.1f} s", file=sys.stderr, flush=True)
    return clock_s, used_s


if __name__ == "__main__":
    main()
