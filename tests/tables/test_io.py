import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.errors import StageError
from stccl.tables.io import TableWriter, read_provenance, read_table, write_table
from stccl.tables.schemas import SCHEMAS, VERSION

rows = st.lists(
    st.fixed_dictionaries(
        {
            "clip": st.text(max_size=20),
            "reason": st.sampled_from(["a", "b"]),
            "detail": st.text(),
            "next_step": st.text(),
            "fingerprint": st.text(max_size=5),
        }
    ),
    max_size=40,
)
ROW = {"clip": "c", "reason": "r", "detail": "d", "next_step": "n", "fingerprint": "f"}


@settings(deadline=None)
@given(rows, st.integers(1, 10))
def test_what_is_written_is_read(tmp_path_factory, rows, group):
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    with TableWriter(path, "rejected", rows_per_group=group) as table:
        table.extend(rows)
    assert read_table(path, "rejected").to_pylist() == rows
    assert pq.read_table(path).drop_columns([]).to_pylist() == rows  # plain Parquet for anyone


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 50])
@pytest.mark.parametrize("group", [1, 3, 16, 40])
def test_all_row_groups_but_the_last_are_equally_large(tmp_path, rows, group):
    path = tmp_path / "t.parquet"
    with TableWriter(path, "rejected", rows_per_group=group) as table:
        table.extend([ROW] * rows)
    metadata = pq.read_metadata(path)
    sizes = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
    assert sizes == [min(group, rows - start) for start in range(0, rows, group)]


def test_pictures_have_a_row_group_each(tmp_path):
    path = tmp_path / "t.parquet"
    with TableWriter(path, "frames") as table:
        table.extend(
            {"frame": k, "time_s": 0.0, "source_time_s": 0.0, "png": b""} for k in range(20)
        )
    assert pq.read_metadata(path).num_row_groups == 20


def test_lists_and_bytes_come_back(tmp_path):
    samples = np.arange(-5, 5, dtype=np.int16)
    with TableWriter(tmp_path / "a.parquet", "audio") as table:
        table.append(start_sample=0, samples=samples)
    (back,) = read_table(tmp_path / "a.parquet", "audio")["samples"].to_pylist()
    assert back == samples.tolist()


def test_same_rows_same_bytes_whatever_the_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from stccl.tables.io import write_table\n"
        f"write_table(Path(sys.argv[1]), 'rejected', [{ROW!r}] * 50, {{'b': 1, 'a': [2.5]}})"
    )
    for name in ("x", "y"):
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", code, tmp_path / name], check=True, cwd=root)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_provenance(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, "rejected", [ROW], {"fingerprint": "abc", "params": {"a": 1.5}})
    assert read_provenance(path) == {"fingerprint": "abc", "params": {"a": 1.5}}
    assert read_provenance(tmp_path / "absent") is None
    path.write_bytes(b"PAR1")
    assert read_provenance(path) is None


def test_nothing_stands_under_the_final_name_before_the_end(tmp_path):
    path = tmp_path / "t.parquet"
    with TableWriter(path, "rejected", rows_per_group=1) as table:
        table.append(**ROW)
        assert not path.exists()
    assert path.exists()
    assert os.listdir(tmp_path) == ["t.parquet"]  # noqa: PTH208


def test_an_exception_leaves_nothing_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, "rejected", [ROW])
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), TableWriter(path, "rejected") as table:  # noqa: PT012
        table.append(**ROW)
        raise ZeroDivisionError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("row", [{"clip": "c"}, {**ROW, "more": 1}])
def test_a_row_must_have_the_columns_of_its_table(tmp_path, row):
    with (
        pytest.raises(ValueError, match=r"columns .* do not fit"),
        TableWriter(tmp_path / "t.parquet", "rejected") as table,
    ):
        table.append(**row)
    assert not list(tmp_path.iterdir())


def test_every_row_is_checked_and_not_the_last_alone(tmp_path):
    table = TableWriter(tmp_path / "t.parquet", "rejected")
    with pytest.raises(ValueError, match=r"columns \['clip'\] do not fit"):
        table.append(**{k: v for k, v in ROW.items() if k != "clip"})
    table.discard()


def test_null_where_the_schema_has_none(tmp_path):
    with (
        pytest.raises((ValueError, pa.ArrowException)),
        TableWriter(tmp_path / "t.parquet", "rejected") as table,
    ):
        table.append(**{**ROW, "clip": None})
    assert not list(tmp_path.iterdir())


def one_line(path: Path, schema: str) -> str:
    with pytest.raises(StageError) as caught:
        read_table(path, schema)
    assert "\n" not in str(caught.value)
    assert "dvc repro" in str(caught.value)
    return str(caught.value)


def test_missing_file(tmp_path):
    assert "t.parquet is missing" in one_line(tmp_path / "t.parquet", "rejected")


@pytest.mark.parametrize("kept", [0, 3, 50, 200, -1, -7])
def test_truncated_file(tmp_path, kept):
    path = tmp_path / "t.parquet"
    write_table(path, "rejected", [ROW] * 10)
    path.write_bytes(path.read_bytes()[:kept])
    assert "cannot be read" in one_line(path, "rejected")


def test_another_schema(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, "rejected", [ROW])
    assert "holds table rejected version 1, expected frames" in one_line(path, "frames")


def test_another_version(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    write_table(path, "rejected", [ROW])
    monkeypatch.setattr("stccl.tables.io.VERSION", VERSION + 1)
    assert f"version {VERSION}, expected rejected version {VERSION + 1}" in one_line(
        path, "rejected"
    )


def test_right_name_but_other_columns(tmp_path):
    path = tmp_path / "t.parquet"
    metadata = {"stccl.schema": "rejected", "stccl.schema_version": str(VERSION)}
    pq.write_table(pa.table({"clip": [1]}).replace_schema_metadata(metadata), path)
    said = one_line(path, "rejected")
    assert "another version of stccl" in said
    assert "(clip, detail, fingerprint, next_step, reason)" in said


def test_a_parquet_file_of_someone_else(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"clip": ["c"]}), path)
    assert "holds table ?" in one_line(path, "rejected")


def test_every_schema_takes_an_empty_table(tmp_path):
    for name in SCHEMAS:
        write_table(tmp_path / name, name, [])
        assert read_table(tmp_path / name, name).num_rows == 0


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_full_disk_from_the_start(tmp_path):
    probe = TableWriter(tmp_path / "t.parquet", "frames")
    probe.discard()
    probe._temporary.symlink_to(FULL)
    with pytest.raises(OSError, match="No space left") as caught:
        TableWriter(tmp_path / "t.parquet", "frames")
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_disk_that_fills_up(tmp_path):
    """The kernel refuses to let a file grow beyond a limit, in a process of its own."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from stccl.tables.io import TableWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with TableWriter(Path(sys.argv[1]), 'frames') as table:\n"
        "    for k in range(100):\n"
        "        table.append(frame=k, time_s=0.0, source_time_s=0.0, png=bytes(9000))\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, tmp_path / "t.parquet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert "File too large" in done.stderr
    assert not list(tmp_path.iterdir())
