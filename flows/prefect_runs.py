"""A stage as a Prefect flow: a task per chunk of clips, progress, tables and faces on its page.

The page is for people; the work does not need it. When the server goes away the page stops there
and the work goes on, and a connection that fails where Prefect cannot do without it only means
that what is left is done plainly.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from uuid import UUID

from prefect import Task, flow, task
from prefect.artifacts import (
    create_image_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TagsContext
from prefect.flow_engine import run_flow
from prefect.states import Completed, Failed, Pending
from prefect.utilities.annotations import quote

from flows.local import LocalRunner, prepare_worker
from flows.pictures import faces_as_data_url
from flows.server import PARENT_VARIABLE, is_lost, lose
from flows.stage import Folders, Result, Stage, run_plainly
from flows.task_runners import task_runner
from stccl.errors import StcclError
from stccl.params import Params
from stccl.perclip import Rejection, Summary, TooManyRejected

_PROGRESS_EVERY_S = 2.0


class Page:
    """The page of a flow run. The first failure to write on it is the last attempt."""

    def __init__(self, stage: str) -> None:
        self._key = stage.lower().replace("@", "-").replace("_", "-")
        self._progress: UUID | None = None
        self._written_at = 0.0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            lose(error)

    def progress(self, done: int, total: int) -> None:
        """Show how far the work is."""
        if is_lost() or (done < total and monotonic() - self._written_at < _PROGRESS_EVERY_S):
            return
        with self._writing():
            percent = 100.0 * done / max(total, 1)
            if self._progress is None:
                created = create_progress_artifact(percent, key=f"{self._key}-progress")
                assert isinstance(created, UUID)  # a coroutine only where the caller is one
                self._progress = created
            else:
                update_progress_artifact(self._progress, percent)
            self._written_at = monotonic()

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show a table; what is no number is shown as a dash."""
        if is_lost() or not rows:
            return
        with self._writing():
            shown = [{key: _shown(value) for key, value in row.items()} for row in rows]
            create_table_artifact(shown, key=f"{self._key}-{name}")

    def image(self, name: str, url: str | None, description: str) -> None:
        """Show a picture."""
        if is_lost() or url is None:
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


def _as_task(call: Callable[[tuple[Any, ...]], Any], name: str) -> Task[Any, Any]:
    return task(
        name="chunk",
        task_run_name=name,
        retries=2,
        retry_delay_seconds=[1, 5],
        retry_condition_fn=_is_io_error,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(call)


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
        with self._working() as pool:

            def in_pool(chunk: tuple[Any, ...]) -> Any:
                return pool.submit(function, *chunk).result()

            def here(chunk: tuple[Any, ...]) -> Any:
                prepare_worker()
                return function(*chunk)

            call = in_pool if self._where == "threads" else here
            with task_runner(self._where, workers) as runner:
                futures = [
                    runner.submit(
                        _as_task(call, f"{number}-of-{len(chunks)}"), {"chunk": quote(chunk)}
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
        # Task runs with tags ask the server for a slot each; the tags are the flow run's alone.
        runner = FlowRunner(stage.name, params, page)
        try:
            with TagsContext(current_tags=set()):
                results.append(stage.work(params, Folders(), runner))
        except (StcclError, OSError) as error:
            problems.append(error)
            if isinstance(error, TooManyRejected):
                _show(error.summary, page)
            return Failed(message=str(error))
        finally:
            runner.close()
        _show(results[0], page)
        if stage.numbers is not None:
            page.table("numbers", [*_numbers(json.loads(stage.numbers.read_bytes()))])
        if stage.faces is not None:
            url = faces_as_data_url(Folders().data, stage.faces)
            page.image("faces", url, f"What {stage.name} wrote")
        return Completed(message=str(results[0] or f"{stage.name}: done"))

    token = _body.set(body)
    try:
        _run(stage, params)
    except Exception as error:
        lose(error)
    finally:
        _body.reset(token)
    if problems:
        raise problems[0]
    return results[0] if results else run_plainly(stage, params)


def _run(stage: Stage, params: Params) -> None:
    definition = flow(
        name=stage.name.split("@")[0],
        validate_parameters=False,
        persist_result=False,
        log_prints=False,
    )(_call_body)
    shown = {"params": params.model_dump(mode="json", include={"run", stage.section})}
    parent = os.environ.get(PARENT_VARIABLE)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(
            definition,
            name=stage.name,
            parameters=shown,
            tags=["stccl", definition.name],
            parent_task_run_id=None if parent is None else UUID(parent),
            state=Pending(),
        )
    run_flow(definition, flow_run=run, parameters=shown, return_type="state")


def _show(result: Result, page: Page) -> None:
    """Put the result on the page."""
    if isinstance(result, Summary):
        counts = {
            "computed": result.done,
            "up to date": result.kept,
            "rejected": len(result.rejections),
        }
        page.table("summary", [counts])
    rejections: Sequence[Rejection] = getattr(result, "rejections", ())
    page.table("rejected", [_row(rejection) for rejection in rejections])


def _numbers(tree: Mapping[str, Any], *above: str) -> Iterator[dict[str, Any]]:
    """The leaves of nested numbers, each with its way down."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, *above, name)
        else:
            yield {"number": " / ".join((*above, name)), "value": value}


def _row(rejection: Rejection) -> dict[str, str]:
    return {
        "clip": rejection.clip,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "next step": rejection.next_step,
    }
