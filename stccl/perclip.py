"""The loop of every per-clip stage: read tables, compute, write tables; once, for all of them.

A stage says what it does with one item (`ItemStage.process`); this module decides which items need
it, runs them, keeps the bad ones from hurting the others, and leaves a folder that depends only on
inputs and parameters. It knows nothing of how the work is spread: a runner maps a function over
chunks (`stccl.runner`).
"""

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stccl.errors import ClipRejected, StageError
from stccl.fingerprint import code_version, file_sha256, fingerprint, params_of
from stccl.runner import Runner
from stccl.section import Section
from stccl.tables.io import TableWriter, read_provenance, read_table, write_table

_SHARED_CODE = ("tables", "perclip")
_FATAL_ERRNO = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENOMEM}


class Outputs:
    """The tables one item writes: all of them appear under their final names, or none does."""

    def __init__(self, data: Path, key: str, provenance: Mapping[str, Any]) -> None:
        self._data = data
        self._key = key
        self._provenance = provenance
        self._writers: dict[str, TableWriter] = {}

    def table(self, name: str) -> TableWriter:
        """The writer of `data/<name>/<key>.parquet`; do not close it."""
        if name not in self._writers:
            path = self._data / name / f"{self._key}.parquet"
            self._writers[name] = TableWriter(path, name, self._provenance)
        return self._writers[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            for writer in self._writers.values():
                writer.discard()
            return
        with ExitStack() as undo:
            for writer in self._writers.values():
                undo.callback(writer.discard)
            # Whatever can fail (a full disk) fails here, before any final name is given.
            for writer in self._writers.values():
                writer.finish()
            for writer in self._writers.values():
                writer.publish()
            undo.pop_all()


@dataclass(frozen=True)
class Item:
    """One unit of work.

    Attributes:
        key: File name of its outputs, without the ending.
        source: What `process` is given: a `Clip`, or whatever the stage works on.
        inputs: What it is computed from, as hashes or fingerprints by name.
    """

    key: str
    source: Any
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class ItemStage:
    """A stage that does the same with every clip (or pair of clips).

    Attributes:
        name: The stage; `data/<name>/rejected.parquet` records what it could not use.
        outputs: Tables it writes per item, each a folder under `data/` and a schema. The last one
            is written last: an item whose last table is there is done.
        process: `process(source, data, params, out)`; raises `ClipRejected` for a bad item.
        items: `items(data)`: everything there is to do, with the fingerprints of its inputs.
        code: Packages and modules under `stccl/` whose change means computing again.
        weights: `weights(params)`: pretrained files it reads; they count as inputs, too.
    """

    name: str
    outputs: tuple[str, ...]
    process: Callable[[Any, Path, Any, Outputs], None]
    items: Callable[[Path], list[Item]]
    code: tuple[str, ...]
    weights: Callable[[Any], tuple[Path, ...]] | None = None


@dataclass(frozen=True)
class Rejection:
    """An item that could not be used, and why."""

    clip: str
    reason: str
    detail: str
    next_step: str
    fingerprint: str


@dataclass(frozen=True)
class Summary:
    """What a run of a stage did. `done + kept + rejected` is the number of items."""

    stage: str
    done: int
    kept: int
    rejections: tuple[Rejection, ...]

    def __str__(self) -> str:
        text = f"{self.stage}: {self.done} computed, {self.kept} up to date"
        if self.rejections:
            reasons = Counter(rejection.reason for rejection in self.rejections)
            counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            text += f", {len(self.rejections)} rejected ({counted})"
        return text


class TooManyRejected(StageError):
    """More items are bad than a stage may have; what it did all the same is its `summary`."""

    def __init__(self, message: str, summary: Summary) -> None:
        super().__init__(message)
        self.summary = summary


@dataclass
class _Plan:
    todo: list[tuple[Item, str]] = field(default_factory=list)
    kept: int = 0
    rejections: list[Rejection] = field(default_factory=list)


def upstream(data: Path, table: str, key: str) -> dict[str, str] | None:
    """The fingerprint of `data/<table>/<key>.parquet` as an item's input; None if it is absent.

    An absent file means that an earlier stage rejected the clip, which is on its record.
    """
    provenance = read_provenance(data / table / f"{key}.parquet")
    return None if provenance is None else {table: str(provenance["fingerprint"])}


def run(
    stage: str,
    data: Path,
    params: Section,
    runner: Runner,
    *,
    max_rejected: float,
    chunk_items: int,
    most_chunks: int = 64,
) -> Summary:
    """Bring a stage's folder up to date.

    Items whose fingerprint is on disk are kept, others computed, files that belong to no item
    removed. Interrupting it at any moment loses at most the items being computed.

    Args:
        stage: `<module>:<attribute>` of an `ItemStage`, so that workers can import it.
        data: The data folder.
        params: The stage's own parameters.
        runner: How chunks are spread over threads, processes or machines.
        max_rejected: Fraction of the items (0–1) above which the stage fails.
        chunk_items: Items per chunk, at least.
        most_chunks: Beyond as many, chunks become larger: each one costs.

    Raises:
        StageError: Where there is nothing to work on, or too much of it is bad.
    """
    definition = load(stage)
    items = definition.items(data)
    if not items:
        raise StageError(
            f"{definition.name}: nothing to do: every earlier result was rejected or "
            f"is missing; see data/*/rejected.parquet"
        )
    plan = _plan(definition, items, data, params)
    _remove_strays(definition, {item.key for item in items}, data)
    size = max(chunk_items, -(-len(plan.todo) // most_chunks))
    chunks = [plan.todo[i : i + size] for i in range(0, len(plan.todo), size)]
    rejections = list(plan.rejections)
    calls = [(stage, chunk, data, params) for chunk in chunks]
    for found in runner.map(process_chunk, calls, sizes=[len(chunk) for chunk in chunks]):
        rejections += found
    rejections.sort(key=lambda rejection: rejection.clip)
    write_table(
        data / definition.name / "rejected.parquet",
        "rejected",
        [vars(rejection) for rejection in rejections],
    )
    new = len(rejections) - len(plan.rejections)
    summary = Summary(definition.name, len(plan.todo) - new, plan.kept, tuple(rejections))
    if len(rejections) > max_rejected * len(items):
        worst = "; ".join(f"{r.clip}: {r.reason}: {r.detail}" for r in rejections[:3])
        raise TooManyRejected(
            f"{definition.name}: {len(rejections)} of {len(items)} rejected, more "
            f"than run.max_rejected = {max_rejected:g} allows ({worst}); see "
            f"data/{definition.name}/rejected.parquet",
            summary,
        )
    return summary


def process_chunk(
    stage: str, chunk: Sequence[tuple[Item, str]], data: Path, params: Section
) -> list[Rejection]:
    """Compute some items; what cannot be used comes back, everything else is on disk."""
    definition = load(stage)
    rejections = []
    for item, mark in chunk:
        provenance = {
            "fingerprint": mark,
            "stage": definition.name,
            "item": item.key,
            "params": params_of(params),
            "inputs": dict(item.inputs),
        }
        _remove_outputs(definition, item.key, data)
        try:
            with Outputs(data, item.key, provenance) as out:
                for name in definition.outputs:
                    out.table(name)
                definition.process(item.source, data, params, out)
        except ClipRejected as error:
            rejections.append(
                Rejection(item.key, error.reason, error.detail, error.next_step, mark)
            )
        except StageError:
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or getattr(error, "errno", None) in _FATAL_ERRNO:
                raise StageError(
                    f"{definition.name}: {item.key}: {error}; nothing finished is "
                    "lost: free some and run the same command again"
                ) from None
            rejections.append(
                Rejection(
                    item.key,
                    "unexpected_error",
                    f"{type(error).__name__}: {error}",
                    "look at the clip; if it plays well elsewhere, report this as a bug",
                    mark,
                )
            )
    return rejections


def load(stage: str) -> ItemStage:
    """The stage named `<module>:<attribute>`."""
    module, attribute = stage.split(":")
    definition = getattr(import_module(module), attribute)
    assert isinstance(definition, ItemStage)
    return definition


def _plan(stage: ItemStage, items: Iterable[Item], data: Path, params: Section) -> _Plan:
    plan = _Plan()
    code = code_version(_SHARED_CODE + stage.code)
    weights = stage.weights(params) if stage.weights else ()
    # Missing ones are the stage's to complain of.
    read = {"weights": file_sha256(*weights)} if weights and all(map(Path.is_file, weights)) else {}
    rejected_before = _rejected_before(data / stage.name / "rejected.parquet")
    for item in items:
        mark = fingerprint(
            stage=stage.name, code=code, params=params_of(params), inputs=dict(item.inputs), **read
        )
        paths = [data / name / f"{item.key}.parquet" for name in stage.outputs]
        if all((read_provenance(path) or {}).get("fingerprint") == mark for path in paths):
            plan.kept += 1
        elif (item.key, mark) in rejected_before:
            plan.rejections.append(rejected_before[item.key, mark])
        else:
            plan.todo.append((item, mark))
    return plan


def _rejected_before(path: Path) -> dict[tuple[str, str], Rejection]:
    """Rejections on record, by item and fingerprint: two items may have the same inputs."""
    try:
        rows = read_table(path, "rejected").to_pylist()
    except StageError:
        return {}
    # An unexpected error may have been the machine's and not the clip's: it gets another try.
    return {
        (row["clip"], row["fingerprint"]): Rejection(**row)
        for row in rows
        if row["reason"] != "unexpected_error"
    }


def _remove_outputs(stage: ItemStage, key: str, data: Path) -> None:
    # The last output marks the item as done, so it goes first.
    for name in reversed(stage.outputs):
        (data / name / f"{key}.parquet").unlink(missing_ok=True)


def _remove_strays(stage: ItemStage, keys: set[str], data: Path) -> None:
    for name in stage.outputs:
        folder = data / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            is_table = path.suffix == ".parquet" and path.stem in keys | {"rejected"}
            if not is_table and path.name != ".gitignore":
                path.unlink()
