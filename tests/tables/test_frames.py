import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.errors import StageError
from stccl.tables.frames import FrameReader
from stccl.tables.io import TableWriter
from stccl.tables.png import encode_png


def picture(number: int) -> np.ndarray:
    return np.full((5, 7, 3), number, np.uint8)


def write_aligned(path, count, missing=(), **options):
    with TableWriter(path, "aligned", **options) as table:
        for k in range(count):
            png = None if k in missing else encode_png(picture(k))
            flat = [0.0] * 6
            table.append(frame=k, png=png, matrix=flat, inverse=flat)
    return path


@settings(deadline=None)
@given(
    st.integers(1, 25),
    st.integers(1, 9),
    st.lists(st.integers(0, 24), max_size=30),
)
def test_any_order_any_group_size(tmp_path_factory, count, group, order):
    path = tmp_path_factory.mktemp("t") / "c.parquet"
    write_aligned(path, count, rows_per_group=group)
    with FrameReader(path, "aligned") as frames:
        assert len(frames) == count
        for k in order:
            if k < count:
                np.testing.assert_array_equal(frames[k], picture(k))
            else:
                with pytest.raises(IndexError, match=f"frame {k} of a clip with {count} frames"):
                    frames[k]


def test_a_frame_without_a_face_is_none(tmp_path):
    path = write_aligned(tmp_path / "c.parquet", 20, missing={3, 8, 19})
    with FrameReader(path, "aligned") as frames:
        assert [k for k, image in enumerate(frames) if image is None] == [3, 8, 19]


def test_no_frames_at_all(tmp_path):
    with FrameReader(write_aligned(tmp_path / "c.parquet", 0), "aligned") as frames:
        assert len(frames) == 0
        assert list(frames) == []
        with pytest.raises(IndexError):
            frames[0]


def test_negative_numbers_do_not_count_from_the_end(tmp_path):
    with (
        FrameReader(write_aligned(tmp_path / "c.parquet", 3), "aligned") as frames,
        pytest.raises(IndexError),
    ):
        frames[-1]


def test_another_table_is_refused(tmp_path):
    path = write_aligned(tmp_path / "c.parquet", 3)
    with pytest.raises(StageError, match="holds table aligned version 1, expected frames"):
        FrameReader(path, "frames")


def test_a_reader_survives_its_file_being_replaced(tmp_path):
    """Another process may extract the clip again while frames are read."""
    path = write_aligned(tmp_path / "c.parquet", 20)
    with FrameReader(path, "aligned") as frames:
        write_aligned(path, 1)
        np.testing.assert_array_equal(frames[19], picture(19))


def test_arrow_uses_the_allocator_that_reads_fast():
    code = (
        "import stccl.tables.io, pyarrow; "
        "assert pyarrow.default_memory_pool().backend_name == 'system'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
