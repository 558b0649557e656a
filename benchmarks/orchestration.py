"""`python -m benchmarks.orchestration`: what it costs to have a stage's work spread and shown.

A toy stage keeps every clip busy for a fixed time. What the stage takes beyond that time divided
by the workers is orchestration: imports, starting processes, planning, tables, and Prefect.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from stccl.params import read_params
from tests.flows.conftest import ROOT, Project, start_server


def main() -> None:
    """Print a row per way of running."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--busy-s", type=float, default=0.25, help="work per clip")
    options = parser.parse_args()
    workers = read_params(ROOT / "params.yaml").run.workers
    ideal_s = options.clips * options.busy_s / workers
    print(
        f"{options.clips} clips of {options.busy_s} s, {workers} workers: {ideal_s:.1f} s of work"
    )
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        for name in ("params.yaml", "prefect.toml"):
            shutil.copy(ROOT / name, project.folder)
        _measure("plain", project, ideal_s, options)
        _measure("plain, nothing to do", project, 0.0, options)
        shutil.rmtree(project.folder / "data")
        server = start_server(project.folder / "server")
        try:
            project.api = server.api
            _measure("Prefect server, threads", project, ideal_s, options)
            _measure("Prefect server, nothing to do", project, 0.0, options)
        finally:
            server.end()


def _measure(name: str, project: Project, ideal_s: float, options: argparse.Namespace) -> None:
    start = time.perf_counter()
    code, _, err = project.toy(items=options.clips, busy_s=options.busy_s)
    taken_s = time.perf_counter() - start
    if code:
        raise SystemExit(err)
    share = f"{100 * (taken_s - ideal_s) / taken_s:5.1f} % orchestration" if ideal_s else ""
    print(f"{name:32} {taken_s:7.2f} s {share}", flush=True)


if __name__ == "__main__":
    main()
