"""The pipeline as a Prefect flow, a task run per stage; see `flows.pipeline`."""

import logging
from typing import Any

from httpx import TransportError
from prefect import flow, get_run_logger, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.exceptions import FailedRun
from prefect.futures import wait
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from flows.pipeline import chosen, repro, stages_after, stop
from flows.server import PARENT_VARIABLE, lose
from stccl.errors import StageError, StcclError


def _is_news(record: logging.LogRecord) -> bool:
    """Whether Prefect logs more than a failed stage or a lost server, which are said elsewhere."""
    if not isinstance(record.exc_info, tuple):
        return True
    kind = record.exc_info[0]
    return kind is not None and not issubclass(kind, (FailedRun, TransportError))


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_is_news)
logging.getLogger("prefect.events.clients").addFilter(lambda _: False)  # it waits for the server
# Known here as well, because a server that goes away takes the states of the runs with it.
_done: set[str] = set()
_problems: list[StageError] = []


@task(cache_policy=NO_CACHE, persist_result=False)
def run_stage(stage: str, force: bool) -> State[str]:
    """Bring one stage up to date; what it says goes to the log of this task run."""
    context = TaskRunContext.get()
    environment = {PARENT_VARIABLE: str(context.task_run.id)} if context else {}
    if url := PREFECT_API_URL.value():
        environment["PREFECT_API_URL"] = url
    try:
        outcome = repro(stage, force=force, show=_log, environment=environment)
    except StageError as error:
        _problems.append(error)
        return Failed(message=str(error))
    _done.add(stage)
    return Completed(message=outcome)


def _log(line: str) -> None:
    get_run_logger().log(logging.ERROR if line.startswith("error: ") else logging.INFO, line)


def _run_name() -> str:
    stages = runtime.flow_run.parameters.get("stages")
    return " ".join(("pipeline", *(stages or [])))


@flow(name="pipeline", flow_run_name=_run_name, persist_result=False)
def pipeline(stages: list[str] | None = None, force: bool = False) -> State[Any]:
    """Bring stages up to date, in the order `dvc.yaml` says.

    Args:
        stages: Which; none means all. `download` means the downloads of all datasets.
        force: Run also what is up to date.
    """
    try:
        order = chosen(stages_after(), stages or [])
    except StcclError as error:
        return Failed(message=str(error))
    futures: dict[str, Any] = {}
    for stage, after in order.items():
        futures[stage] = run_stage.with_options(task_run_name=stage).submit(
            stage, force, return_state=False, wait_for=[futures[earlier] for earlier in after]
        )
    try:
        wait(list(futures.values()))
    except BaseException:  # interrupted here, or cancelled in the UI
        stop()
        raise
    states = {stage: future.state for stage, future in futures.items()}
    rows = [{"stage": stage, "outcome": _outcome(state)} for stage, state in states.items()]
    try:
        create_table_artifact(rows, key="pipeline-stages", description="What became of every stage")
    except Exception as error:
        lose(error)
    failed = [state for state in states.values() if not state.is_completed()]
    if failed:
        return Failed(message=failed[0].message or "a stage failed")
    return Completed(message=", ".join(f"{row['stage']} {row['outcome']}" for row in rows))


def run_pipeline(stages: list[str], force: bool) -> list[str]:
    """Run the flow from here.

    Returns:
        Stages that are left to do, because the server went away.

    Raises:
        StageError: Where a stage failed.
    """
    order = chosen(stages_after(), stages)
    try:
        state = pipeline(stages, force, return_state=True)
    except Exception as error:
        lose(error)
    else:
        if state.is_failed() and not _problems:
            raise StageError(state.message or "the pipeline failed")
    if _problems:
        raise _problems[0]
    return [stage for stage in order if stage not in _done]


def _outcome(state: State[Any]) -> str:
    if state.is_completed():
        return state.message or "done"
    return "not started" if state.name == "NotReady" else f"failed: {state.message}"
