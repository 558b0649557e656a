"""A stage as it is started: `python -m flows.<stage>`.

It runs as a Prefect flow where a Prefect server is configured and answers, and plainly everywhere
else; the work is the same, and the server never holds it up.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.local import LocalRunner, compute_in_one_thread
from flows.server import leave, quieten_prefect, server_that_answers
from stccl import perclip
from stccl.errors import StcclError
from stccl.params import Params, read_params
from stccl.perclip import Summary
from stccl.runner import Runner

CHUNKS_PER_WORKER = 32
"""At the most: so few cost little, and still end at about the same time."""

Result = object | None
"""What a stage says of its run: something whose text is its summary, or nothing.

Where it has `rejections`, they are shown with it.
"""


@dataclass(frozen=True)
class Folders:
    """Where the stages read and write, relative to the project's folder."""

    data: Path = Path("data")
    models: Path = Path("models")
    metrics: Path = Path("metrics")
    plots: Path = Path("plots")
    report: Path = Path("report")
    scratch: Path = Path(".stccl")


@dataclass(frozen=True)
class Stage:
    """What starting a stage means.

    Attributes:
        name: The stage, or `<stage>@<dataset>`; as DVC names it.
        section: Its section of `params.yaml`.
        work: Does it. Doing it again finds finished work and keeps it.
        faces: The table under `data/` whose pictures show what it did.
        numbers: The JSON file it writes with what came out.
    """

    name: str
    section: str
    work: Callable[[Params, Folders, Runner], Result]
    faces: str | None = None
    numbers: Path | None = None


def per_clip(stage: str, section: str, *, faces: str | None = None) -> Stage:
    """A stage that does the same with every clip.

    Args:
        stage: `<module>:<attribute>` of its `ItemStage`.
        section: Its section of `params.yaml`, which is also its name.
        faces: See `Stage`.
    """

    def work(params: Params, folders: Folders, runner: Runner) -> Summary:
        return perclip.run(
            stage,
            folders.data,
            getattr(params, section),
            runner,
            max_rejected=params.run.max_rejected,
            chunk_items=params.run.chunk_clips,
            most_chunks=CHUNKS_PER_WORKER * params.run.workers,
        )

    return Stage(section, section, work, faces)


def main(stage: Stage) -> None:
    """Run the stage and end the process; a problem a person can solve is one line."""
    leave(ended_in_one_line(stage.name, lambda: start(stage)))


def ended_in_one_line(name: str, work: Callable[[], None]) -> int:
    """Call `work`; the exit code, and on stderr why it is not 0."""
    try:
        work()
    except StcclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {name}: {error}; run the same command again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\n{name}: stopped; finished work is kept, the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    return 0


def start(stage: Stage) -> None:
    """Run the stage, as a flow where that can be seen by somebody."""
    compute_in_one_thread()  # before torch is imported
    params = read_params()
    if server_that_answers() is None:
        result = run_plainly(stage, params)
    else:
        quieten_prefect(console=True)
        from flows.prefect_runs import run_as_flow

        result = run_as_flow(stage, params)
    if result is not None:
        print(result)


def run_plainly(stage: Stage, params: Params) -> Result:
    """Run the stage without Prefect."""
    runner = LocalRunner(stage.name, params.run.workers)
    try:
        return stage.work(params, Folders(), runner)
    finally:
        runner.close()
