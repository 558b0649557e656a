"""Pictures out of a table of frames, one at a time and in any order."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from stccl.tables.io import open_table
from stccl.tables.png import Image, decode_png


class FrameReader:
    """Random access to the pictures of one clip; keeps the file open.

    Args:
        path: A table with a `png` column: `frames` or `aligned`.
        schema: Which of the two.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._file = open_table(path, schema)
        metadata = self._file.metadata
        self._rows: int = metadata.num_rows
        # All row groups but the last hold the same number of rows.
        self._group_rows = metadata.row_group(0).num_rows if metadata.num_row_groups else 1
        self._cached: tuple[int, pa.ChunkedArray | None] = (-1, None)

    def __len__(self) -> int:
        return self._rows

    def png(self, frame: int) -> bytes | None:
        """The stored bytes of a frame; None where the frame has no face."""
        png: bytes | None = self._stored(frame).as_py()
        return png

    def __getitem__(self, frame: int) -> Image | None:
        """The picture (H×W×3, RGB, uint8), or None where the frame has no face."""
        stored = self._stored(frame)
        return decode_png(memoryview(stored.as_buffer())) if stored.is_valid else None

    def _stored(self, frame: int) -> pa.BinaryScalar:
        if not 0 <= frame < self._rows:
            raise IndexError(f"frame {frame} of a clip with {self._rows} frames")
        group, row = divmod(frame, self._group_rows)
        cached, column = self._cached
        if column is None or cached != group:
            # Waking a pool of threads would take longer than reading one column.
            table = self._file.read_row_group(group, columns=["png"], use_threads=False)
            column = table.column(0)
            self._cached = (group, column)
        return column[row]

    def __iter__(self) -> Iterator[Image | None]:
        for frame in range(self._rows):
            yield self[frame]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
