"""`python -m benchmarks.orchestration`: what it costs to have a stage's work spread and shown.

A toy stage whose clips need no work at all is run, so the processor time it takes is orchestration:
imports, starting processes, planning, tables, and Prefect. It is set against the work real clips
need. Processor time, because the clock also shows whatever else the machine is doing.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from tests.flows.conftest import ROOT, Project, start_server


def main() -> None:
    """Print a row per way of running."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument(
        "--work-s", type=float, default=0.5, help="processor time a real clip needs"
    )
    options = parser.parse_args()
    work_s = options.clips * options.work_s
    print(f"{options.clips} clips of {options.work_s} s: {work_s:.0f} s of work")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        for name in ("params.yaml", "prefect.toml"):
            shutil.copy(ROOT / name, project.folder)
        _measure("plain", project, work_s, options.clips)
        _measure("plain, nothing to do", project, work_s, options.clips)
        shutil.rmtree(project.folder / "data")
        server = start_server(project.folder / "server")
        try:
            project.api = server.api
            _measure("Prefect server, threads", project, work_s, options.clips)
            _measure("Prefect server, nothing to do", project, work_s, options.clips)
        finally:
            server.end()


def _measure(name: str, project: Project, work_s: float, clips: int) -> None:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    code, _, err = project.toy(items=clips)
    after, clock_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    if code:
        raise SystemExit(err)
    taken_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    share = 100 * taken_s / (taken_s + work_s)
    print(f"{name:32} {taken_s:6.2f} s ({clock_s:.1f} s by the clock): {share:.1f} %", flush=True)


if __name__ == "__main__":
    main()
