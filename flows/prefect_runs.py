"""A stage as a Prefect flow: a task per chunk of clips, progress, tables and faces on its page.

The page is for people; the work does not need it. When the server goes away the page stops there
and the work goes on, and a connection that fails where Prefect cannot do without it only means
that what is left is done plainly.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from uuid import UUID

# Read by Prefect when it is imported. Its console lines would tear the progress bar apart; they
# are on the run's page. With a server gone, its log sender would write about that again and again.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
logging.raiseExceptions = False

from prefect import flow, tags, task
from prefect.artifacts import (
    create_image_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.flow_engine import run_flow
from prefect.states import Completed, Failed, Pending
from prefect.utilities.annotations import quote

from flows.local import LocalRunner, Pool, one_line_when_killed, prepare_worker
from flows.pictures import faces_as_data_url
from flows.server import warn
from flows.stage import Folders, Result, Stage, run_plainly
from flows.task_runners import task_runner
from stccl.errors import StcclError
from stccl.params import Params
from stccl.perclip import Summary

PARENT_VARIABLE = "STCCL_PARENT_TASK_RUN"
"""Environment variable by which a pipeline run adopts the runs of the stages it starts."""

_PROGRESS_EVERY_S = 2.0


class Page:
    """The page of a flow run. The first failure to write on it is the last attempt."""

    def __init__(self, stage: str) -> None:
        self._key = stage.lower().replace("@", "-").replace("_", "-")
        self._progress: UUID | None = None
        self._written_at = 0.0
        self.lost = False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.lose(error)

    def lose(self, error: BaseException) -> None:
        """Stop writing; say so once."""
        if not self.lost:
            self.lost = True
            warn(f"lost the Prefect server ({type(error).__name__}); the work goes on without it")

    def progress(self, done: int, total: int) -> None:
        """Show how far the work is."""
        if self.lost or (done < total and monotonic() - self._written_at < _PROGRESS_EVERY_S):
            return
        with self._writing():
            percent = 100.0 * done / max(total, 1)
            if self._progress is None:
                self._progress = create_progress_artifact(percent, key=f"{self._key}-progress")
            else:
                update_progress_artifact(self._progress, percent)
            self._written_at = monotonic()

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show a table; what is no number is shown as a dash."""
        if self.lost or not rows:
            return
        with self._writing():
            shown = [{key: _shown(value) for key, value in row.items()} for row in rows]
            create_table_artifact(shown, key=f"{self._key}-{name}")

    def image(self, name: str, url: str | None, description: str) -> None:
        """Show a picture."""
        if self.lost or url is None:
            return
        with self._writing():
            create_image_artifact(url, key=f"{self._key}-{name}", description=description)


def _shown(value: Any) -> Any:
    if isinstance(value, float) and not abs(value) < float("inf"):
        return "–"
    return value


def _is_io_error(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """Whether another try may help: only where reading or writing failed."""
    try:
        state.result()
    except OSError:
        return True
    except BaseException:
        return False
    return False


chunk_task = task(
    retries=2,
    retry_delay_seconds=[1, 5],
    retry_condition_fn=_is_io_error,
    cache_policy=NO_CACHE,
    persist_result=False,
)


class FlowRunner(LocalRunner):
    """Spreads chunks as Prefect tasks; the run's page shows how far they are.

    Args:
        name: The stage.
        params: `run.task_runner` says where the tasks run: `threads` hands each chunk to a pool of
            processes, the others are whole Prefect task runners.
        page: Where progress is shown.
    """

    def __init__(self, name: str, params: Params, page: Page) -> None:
        super().__init__(name, params.run.workers)
        self._where = params.run.task_runner
        self._page = page

    def map(
        self,
        function: Callable[..., Any],
        chunks: Sequence[tuple[Any, ...]],
        *,
        sizes: Sequence[int],
    ) -> Iterator[Any]:
        """Call `function(*chunk)` for every chunk, each in a task run of its own."""
        if not chunks:
            return
        done, total = 0, sum(sizes)
        self.progress(0, total)
        workers = min(self._workers, len(chunks))
        with one_line_when_killed(self._name), Pool(workers) as pool:

            def in_pool(chunk: tuple[Any, ...]) -> Any:
                return pool.submit(function, *chunk).result()

            def here(chunk: tuple[Any, ...]) -> Any:
                prepare_worker()
                return function(*chunk)

            call = in_pool if self._where == "threads" else here
            with task_runner(self._where, workers) as runner:
                futures = [
                    runner.submit(
                        chunk_task(call, name="chunk", task_run_name=f"{number}-of-{len(chunks)}"),
                        {"chunk": quote(chunk)},
                    )
                    for number, chunk in enumerate(chunks, 1)
                ]
                for future, size in zip(futures, sizes, strict=True):
                    result = future.result()
                    done += size
                    self.progress(done, total)
                    yield result

    def progress(self, done: int, total: int) -> None:
        """Show how far the stage is, here and on its page."""
        super().progress(done, total)
        self._page.progress(done, total)


_body: ContextVar[Callable[[], State[Any]]] = ContextVar("body")


def _call_body(params: Mapping[str, Any]) -> State[Any]:
    # The flow's function has to be importable, as process and Dask runners pickle it.
    return _body.get()()


def run_as_flow(stage: Stage, params: Params) -> Result:
    """Run the stage as a flow run, and plainly where the server fails it.

    Raises:
        StcclError: As the stage does; its flow run is marked failed with the message.
    """
    page = Page(stage.name)
    results: list[Result] = []
    problems: list[BaseException] = []

    def body() -> State[Any]:
        runner = FlowRunner(stage.name, params, page)
        try:
            results.append(stage.work(params, Folders(), runner))
        except (StcclError, OSError) as error:
            problems.append(error)
            return Failed(message=str(error))
        finally:
            runner.close()
        return Completed(message=_describe(stage, results[0], page))

    token = _body.set(body)
    try:
        with tags("stccl", stage.name):
            _run(stage, params)
    except Exception as error:
        page.lose(error)
    finally:
        _body.reset(token)
    if problems:
        raise problems[0]
    return results[0] if results else run_plainly(stage, params)


def _run(stage: Stage, params: Params) -> None:
    definition = flow(
        name=stage.name,
        flow_run_name=stage.name,
        validate_parameters=False,
        persist_result=False,
        log_prints=False,
    )(_call_body)
    shown = params.model_dump(mode="json", include={"run", stage.section or "run"})
    parent = os.environ.get(PARENT_VARIABLE)
    run_flow(
        definition,
        flow_run=None if parent is None else _adopted(definition, shown, UUID(parent)),
        parameters={"params": shown},
        return_type="state",
    )


def _adopted(definition: Any, shown: Mapping[str, Any], parent: UUID) -> FlowRun | None:
    """A flow run that is shown inside the pipeline's; None where the server refuses that."""
    try:
        with get_client(sync_client=True) as client:
            return client.create_flow_run(
                definition,
                name=definition.name,
                parameters={"params": shown},
                parent_task_run_id=parent,
                state=Pending(),
                tags=["stccl", definition.name],
            )
    except Exception:
        return None


def _describe(stage: Stage, result: Result, page: Page) -> str:
    """Put the result on the page; one line of it."""
    if isinstance(result, Summary):
        page.table(
            "summary",
            [
                {
                    "computed": result.done,
                    "up to date": result.kept,
                    "rejected": len(result.rejections),
                }
            ],
        )
        page.table(
            "rejected",
            [
                {
                    "clip": rejection.clip,
                    "reason": rejection.reason,
                    "detail": rejection.detail,
                    "next step": rejection.next_step,
                }
                for rejection in result.rejections
            ],
        )
    elif result:
        page.table("results", [dict(result)])
    if stage.faces is not None:
        page.image(
            "faces", faces_as_data_url(Folders().data, stage.faces), f"What {stage.name} wrote"
        )
    return str(result) if isinstance(result, Summary) else f"{stage.name}: done"
