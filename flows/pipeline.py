"""`python -m flows.pipeline [stage …] [--force]`: the stages of `dvc.yaml` as one Prefect flow.

The order of the stages is written in `dvc.yaml` and read from DVC. Every stage is brought up to
date by `dvc repro --single-item`, so a run from the Prefect UI and `dvc repro` are the same thing;
but here stages that do not need each other run side by side, with a Prefect server and without.
"""

import argparse
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter

from flows.leash import on_leash
from flows.server import leave, quieten_prefect, server_that_answers
from flows.stage import ended_in_one_line
from stccl.errors import StageError
from stccl.params import read_params

_OUTCOMES = {
    "didn't change, skipping": "up to date",
    "is cached - skipping run": "cached",
    "Running stage": "ran",
}
# What DVC says after each stage, of files that this project does not put under git's care.
_ADVICE = (
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config",
    "Use `dvc push`",
)
_running: "set[subprocess.Popen[bytes]]" = set()


def stages_after() -> dict[str, set[str]]:
    """Every stage of `dvc.yaml` with the stages that have to be done before it.

    Raises:
        StageError: Where DVC cannot make sense of it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        repo = Repo()
        graph = repo.index.graph
    except DvcException as error:
        raise StageError(f"dvc.yaml: {error}; run `dvc dag` to see more") from None
    with repo:
        return {
            stage.addressing: {needed.addressing for needed in graph.successors(stage)}
            for stage in graph
        }


def outdated(after: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Of these stages, those that may have something to do: changed ones, and all after them.

    Raises:
        StageError: Where stages are running already.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            changed = repo.status().keys()
    except LockError as error:
        holders = ", ".join(re.findall(r"PID (\d+)", str(error))) or "unknown"
        raise StageError(
            f"another run is at work in this folder (process {holders}); wait for it or stop it, "
            "then run the same command again"
        ) from None
    found = {s for s in after if not changed.isdisjoint({s} | needed(s, after))}
    return {stage: after[stage] & found for stage in after if stage in found}


def chosen(after: Mapping[str, set[str]], names: Iterable[str]) -> dict[str, set[str]]:
    """The named stages (`download` is every `download@…`; no name is all), with their order.

    Raises:
        StageError: Where there is no such stage.

    >>> chosen({"a": set(), "b": {"a"}, "c": {"b"}}, ["a", "c"])
    {'a': set(), 'c': {'a'}}
    """
    wanted: set[str] = set()
    for name in names:
        found = {stage for stage in after if name in (stage, stage.split("@")[0])}
        if not found:
            raise StageError(f"no stage {name} in dvc.yaml; there are {', '.join(sorted(after))}")
        wanted |= found
    order = TopologicalSorter(after).static_order()
    return {
        stage: needed(stage, after) & wanted if wanted else set(after[stage])
        for stage in order
        if stage in wanted or not wanted
    }


def needed(stage: str, after: Mapping[str, set[str]]) -> set[str]:
    """Everything before a stage, however far.

    >>> sorted(needed("c", {"a": set(), "b": {"a"}, "c": {"b"}}))
    ['a', 'b']
    """
    return after[stage].union(*(needed(earlier, after) for earlier in after[stage]))


def repro(
    stage: str, *, force: bool, show: Callable[[str], None], environment: Mapping[str, str]
) -> str:
    """Bring one stage up to date in a process of its own; its lines go to `show` as they come.

    Returns:
        `ran`, `cached` or `up to date`.

    Raises:
        StageError: With the last line that says why.
    """
    # Another stage may be handing over its results, which holds DVC's lock for a while.
    command = ["dvc", "--wait-for-lock", "repro", "--single-item"]
    command += [*(["--force"] if force else []), stage]
    # What Prefect tells this process about its own run is not true of the stage's.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT__")}
    outcome, said = "up to date", [f"dvc ended with nothing to say about {stage}"]
    with on_leash(
        *command, output=subprocess.PIPE, environment={**inherited, **environment}
    ) as process:
        _running.add(process)
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            if not line or line.lstrip().startswith(_ADVICE):
                continue
            said.append(line)
            show(line)
            outcome = next((v for k, v in _OUTCOMES.items() if k in line), outcome)
        process.wait()  # letting go of it before would interrupt it
    _running.discard(process)
    if process.returncode:
        # The stage says what is wrong before DVC says that it failed.
        reasons = [line for line in said if line.startswith("error: ")]
        raise StageError((reasons or said)[-1].removeprefix("error: "))
    return outcome


def stop() -> None:
    """Interrupt the stages that are running."""
    for process in list(_running):
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    """Run the pipeline, as a flow where a Prefect server answers and plainly elsewhere."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline")
    parser.add_argument("stages", nargs="*", help="stages to run; none means all")
    parser.add_argument("--force", action="store_true", help="run also what is up to date")
    options = parser.parse_args()
    leave(ended_in_one_line("pipeline", lambda: _start(options.stages, options.force)))


def _start(stages: list[str], force: bool) -> None:
    if server_that_answers() is not None:
        quieten_prefect(console=False)
        from flows.pipeline_flow import run_pipeline

        stages = run_pipeline(stages, force)
        if not stages:
            return
    from flows.side_by_side import run_side_by_side

    order = chosen(stages_after(), stages)
    if not force and not stages:
        order = outdated(order)
        if not order:
            print("Data and pipelines are up to date.")
    run_side_by_side(order, force=force, at_once=read_params().run.workers)


if __name__ == "__main__":
    main()
