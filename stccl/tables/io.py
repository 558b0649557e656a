"""Reading and writing tables: atomic, checked against their schema, the same bytes every time."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from stccl.errors import StageError
from stccl.tables.schemas import SCHEMAS, VERSION

ROW_GROUP_FRAMES = 1
"""Pictures per row group. Reading one reads its group; `benchmarks/frame_reads.py` weighs the
speed of random reads against that of writing."""

ROW_GROUP_ROWS = 1024
"""Rows per row group of tables without pictures, whose rows are small."""

_FLUSHED_ROWS = 16
"""Handed to Arrow at once, at least: a call for every picture costs as much as the writing. More
would gain little and hold more pictures in memory."""


class TableWriter:
    """Writes one table under a temporary name and renames it when everything is written.

    Rows are flushed a few at a time, so memory does not grow with the table. Used as a context
    manager the file appears on success and nothing is left behind on failure.

    Args:
        path: The final name.
        schema: A name in `SCHEMAS`.
        provenance: Stored in the file (fingerprint, stage, parameters); read it back with
            `read_provenance`.
        rows_per_group: Rows per Parquet row group; by default what suits the table.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        provenance: Mapping[str, Any] | None = None,
        *,
        rows_per_group: int | None = None,
    ) -> None:
        self.path = path
        self._columns = SCHEMAS[schema]
        self._names = set(self._columns.names)
        self._rows: list[dict[str, Any]] = []
        has_pictures = "png" in self._names
        self._rows_per_group = rows_per_group or (
            ROW_GROUP_FRAMES if has_pictures else ROW_GROUP_ROWS
        )
        # Whole groups, so that all but the last are equally large.
        self._rows_per_flush = self._rows_per_group * -(-_FLUSHED_ROWS // self._rows_per_group)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A hash, since a long name may leave no room for more.
        short = hashlib.sha256(path.name.encode()).hexdigest()[:16]
        self._temporary = path.with_name(f".{short}.{os.getpid()}.partial")
        metadata = {
            "stccl.schema": schema,
            "stccl.schema_version": str(VERSION),
            "stccl.provenance": json.dumps(dict(provenance or {}), sort_keys=True),
        }
        try:
            self._file = pq.ParquetWriter(
                self._temporary,
                self._columns.with_metadata(metadata),
                # PNG bytes are compressed already, and a few numbers beside them gain nothing.
                compression="none" if has_pictures else "zstd",
                use_dictionary=[
                    n
                    for n in self._columns.names
                    if pa.types.is_string(self._columns.field(n).type)
                ],
                write_statistics=False,
            )
        except BaseException:
            # The first bytes are written here already, and a full disk refuses them.
            self._temporary.unlink(missing_ok=True)
            raise

    def append(self, **row: Any) -> None:
        """Add one row; every column of the schema must be given."""
        if row.keys() != self._names:
            misfits = sorted(row.keys() ^ self._names)
            raise ValueError(f"{self.path.name}: columns {misfits} do not fit")
        self._rows.append(row)
        if len(self._rows) >= self._rows_per_flush:
            self._flush()

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add many rows."""
        for row in rows:
            self.append(**row)

    def _flush(self) -> None:
        if self._rows:
            rows = pa.Table.from_pylist(self._rows, schema=self._columns)
            self._file.write_table(rows, row_group_size=self._rows_per_group)
            self._rows = []

    def finish(self) -> None:
        """Write what is left; the file is whole, under its temporary name."""
        self._flush()
        self._file.close()

    def publish(self) -> None:
        """Give a finished file its final name."""
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Throw away what was written."""
        # A full disk refuses the footer as well; the partial file goes in any case.
        with contextlib.suppress(OSError, pa.ArrowException):
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()
            return
        try:
            self.finish()
            self.publish()
        except BaseException:
            self.discard()
            raise


def write_table(
    path: Path,
    schema: str,
    rows: Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a whole table of small rows at once."""
    with TableWriter(path, schema, provenance, rows_per_group=65536) as table:
        table.extend(rows)


def read_table(path: Path, schema: str, columns: list[str] | None = None) -> pa.Table:
    """Read a table, refusing one that is missing, damaged or of another schema.

    Raises:
        StageError: Naming the file and the stage to run again.
    """
    with open_table(path, schema) as file:
        return file.read(columns=columns)


def open_table(path: Path, schema: str) -> pq.ParquetFile:
    """Open a table for reading by row group, checked as in `read_table`."""
    try:
        # Mapped, so that reading one frame touches its pages and copies nothing else. Tables are
        # replaced and never written in place, which keeps a mapping valid.
        file = pq.ParquetFile(path, memory_map=True)
    except FileNotFoundError:
        raise StageError(f"{path} is missing; run `dvc repro` to make it") from None
    except (OSError, pa.ArrowException) as error:
        raise StageError(
            f"{path} cannot be read ({_first_line(error)}); delete it and run `dvc repro`"
        ) from None
    metadata = file.schema_arrow.metadata or {}
    found = (
        metadata.get(b"stccl.schema", b"?").decode(),
        metadata.get(b"stccl.schema_version", b"?").decode(),
    )
    expected = (schema, str(VERSION))
    columns = file.schema_arrow.remove_metadata()
    if found == expected and not columns.equals(SCHEMAS[schema]):
        file.close()
        others = sorted({field.name for field in set(columns) ^ set(SCHEMAS[schema])})
        raise StageError(
            f"{path} was made by another version of stccl, which had other columns "
            f"({', '.join(others) or 'in another order'}); run `dvc repro` to make it anew"
        )
    if found != expected:
        file.close()
        raise StageError(
            f"{path} holds table {found[0]} version {found[1]}, expected {schema} "
            f"version {VERSION}; delete it and run `dvc repro`"
        )
    return file


def read_provenance(path: Path) -> dict[str, Any] | None:
    """What the file says of its making, or None where there is no readable file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        return dict(json.loads(metadata[b"stccl.provenance"]))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
