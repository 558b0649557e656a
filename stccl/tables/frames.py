"""Pictures out of a table of frames, one at a time and in any order."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

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
        self._column = self._file.schema_arrow.get_field_index("png")
        self._first_row: list[int] = []
        total = 0
        for group in range(self._file.metadata.num_row_groups):
            self._first_row.append(total)
            total += self._file.metadata.row_group(group).num_rows
        self._rows = total
        self._cached: tuple[int, list[bytes | None]] = (-1, [])

    def __len__(self) -> int:
        return self._rows

    def png(self, frame: int) -> bytes | None:
        """The stored bytes of a frame; None where the frame has no face."""
        if not 0 <= frame < self._rows:
            raise IndexError(f"frame {frame} of a clip with {self._rows} frames")
        # All row groups but the last hold the same number of rows.
        size = self._first_row[1] if len(self._first_row) > 1 else self._rows
        group = frame // size
        if self._cached[0] != group:
            column = self._file.read_row_group(group, columns=["png"]).column(0)
            self._cached = (group, column.to_pylist())
        return self._cached[1][frame - self._first_row[group]]

    def __getitem__(self, frame: int) -> Image | None:
        """The picture (H×W×3, RGB, uint8), or None where the frame has no face."""
        png = self.png(frame)
        return None if png is None else decode_png(png)

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
