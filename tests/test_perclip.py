"""The loop of every per-clip stage, with a stage that is simple enough to predict."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import Field

from stccl.errors import ClipRejected, StageError
from stccl.perclip import Item, ItemStage, Outputs, Summary, load, run, upstream
from stccl.runner import InOrder
from stccl.section import Section
from stccl.tables.io import TableWriter, read_table

CALLS: Counter[str] = Counter()
BAD = {"bad": ClipRejected("no_good", "it is bad", "leave it out")}
ERRORS: dict[str, BaseException] = {}


class Settings(Section):
    factor: int = Field(default=1)


def items(data: Path) -> list[Item]:
    """`todo.json` maps names to what stands for the hash of their content."""
    todo = json.loads((data / "todo.json").read_text())
    return [Item(name, name, {"content": content}) for name, content in todo.items()]


def process(name: str, data: Path, params: Settings, out: Outputs) -> None:
    CALLS[name] += 1
    out.table("frames").append(frame=params.factor, time_s=0.0, source_time_s=0.0, png=b"x" * 100)
    if (data / "kill-me").exists() and name == "c03":
        os.kill(os.getpid(), signal.SIGKILL)
    if name in ERRORS:
        raise ERRORS[name]
    if name in BAD:
        raise BAD[name]
    out.table("audio").append(start_sample=0, samples=[1, 2, 3])


STAGE = ItemStage("toy", ("frames", "audio"), process, items, ())
NAME = "tests_perclip_stage:STAGE"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "tests_perclip_stage", sys.modules[__name__])
    CALLS.clear()
    ERRORS.clear()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    todo(folder, *(f"c{i:02}" for i in range(9)), "bad")
    return folder


def todo(data: Path, *names: str) -> None:
    (data / "todo.json").write_text(json.dumps({name: f"content of {name}" for name in names}))


def run_toy(data: Path, factor: int = 1, max_rejected: float = 0.5) -> Summary:
    CALLS.clear()
    return run(
        NAME, data, Settings(factor=factor), InOrder(), max_rejected=max_rejected, chunk_items=4
    )


def contents(data: Path) -> dict[str, bytes]:
    return {p.relative_to(data).as_posix(): p.read_bytes() for p in data.rglob("*.parquet")}


def test_everything_once_and_the_numbers_add_up(data):
    summary = run_toy(data)
    assert (summary.done, summary.kept, len(summary.rejections)) == (9, 0, 1)
    assert str(summary) == "toy: 9 computed, 0 up to date, 1 rejected (1 no_good)"
    assert set(CALLS.values()) == {1}
    assert set(contents(data)) == {
        "toy/rejected.parquet",
        *(f"{table}/c{i:02}.parquet" for table in ("frames", "audio") for i in range(9)),
    }


def test_nothing_is_computed_twice(data):
    run_toy(data)
    before = contents(data)
    summary = run_toy(data)
    assert not CALLS
    assert (summary.done, summary.kept, len(summary.rejections)) == (0, 9, 1)
    assert contents(data) == before


def test_other_parameters_compute_everything_again(data):
    run_toy(data)
    summary = run_toy(data, factor=2)
    assert summary.done == 9
    assert CALLS["bad"] == 1
    assert read_table(data / "frames" / "c00.parquet", "frames")["frame"].to_pylist() == [2]


def test_one_more_item_computes_one(data):
    run_toy(data)
    todo(data, *(f"c{i:02}" for i in range(10)), "bad")
    assert run_toy(data).done == 1
    assert CALLS == {"c09": 1}


def test_a_changed_item_computes_one(data):
    run_toy(data)
    changed = json.loads((data / "todo.json").read_text()) | {"c05": "other content"}
    (data / "todo.json").write_text(json.dumps(changed))
    run_toy(data)
    assert CALLS == {"c05": 1}


def test_a_removed_item_takes_its_files_along(data):
    run_toy(data)
    todo(data, *(f"c{i:02}" for i in range(8)))
    summary = run_toy(data)
    assert not CALLS
    assert not summary.rejections
    assert not (data / "frames" / "c08.parquet").exists()
    assert not (data / "audio" / "c08.parquet").exists()


@pytest.mark.parametrize("table", ["frames", "audio"])
def test_a_lost_or_damaged_file_is_made_again(data, table):
    run_toy(data)
    before = contents(data)
    (data / table / "c02.parquet").unlink()
    (data / table / "c04.parquet").write_bytes(b"PAR1")
    assert run_toy(data).done == 2
    assert contents(data) == before


def test_an_item_turned_bad_loses_its_old_files(data):
    run_toy(data)
    ERRORS["c01"] = ClipRejected("late", "now it is bad", "nothing")
    run_toy(data, factor=2)
    assert not (data / "frames" / "c01.parquet").exists()
    assert not (data / "audio" / "c01.parquet").exists()


def test_two_items_with_the_same_content_are_rejected_under_their_own_names(data, monkeypatch):
    monkeypatch.setitem(BAD, "twin", BAD["bad"])
    same = {"bad": "x", "twin": "x", **{f"c{i}": str(i) for i in range(8)}}
    (data / "todo.json").write_text(json.dumps(same))
    for summary in (run_toy(data), run_toy(data)):
        assert [r.clip for r in summary.rejections] == ["bad", "twin"]


def test_an_unexpected_error_costs_the_item_and_is_tried_again(data):
    ERRORS["c01"] = RuntimeError("a cosmic ray")
    summary = run_toy(data)
    found = {r.clip: (r.reason, r.detail) for r in summary.rejections}
    assert found["c01"] == ("unexpected_error", "RuntimeError: a cosmic ray")
    ERRORS.clear()
    summary = run_toy(data)
    assert CALLS == {"c01": 1}
    assert [r.clip for r in summary.rejections] == ["bad"]


def test_too_many_rejections_stop_the_stage_but_lose_nothing(data):
    with pytest.raises(
        StageError, match=r"1 of 10 rejected, more than run\.max_rejected"
    ) as caught:
        run_toy(data, max_rejected=0.09)
    assert "bad: no_good: it is bad" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert run_toy(data, max_rejected=0.1).kept == 9


def test_nothing_to_do_is_an_error(data):
    todo(data)
    with pytest.raises(StageError, match="nothing to do"):
        run_toy(data)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("no more")])
def test_a_full_machine_stops_the_stage_and_rejects_nothing(data, error):
    ERRORS["c05"] = error
    with pytest.raises(StageError) as caught:
        run_toy(data)
    assert str(caught.value).startswith("toy: c05: ")
    assert "\n" not in str(caught.value)
    assert not [path for path in data.rglob("*") if "partial" in path.name]
    ERRORS.clear()
    summary = run_toy(data)
    assert summary.kept == 5
    assert [r.clip for r in summary.rejections] == ["bad"]


def test_a_disk_full_at_the_last_moment_leaves_none_of_the_tables(data, monkeypatch):
    finish = TableWriter.finish

    def full(writer):
        if writer.path == data / "audio" / "c05.parquet":
            raise OSError(28, "No space left on device")
        finish(writer)

    monkeypatch.setattr(TableWriter, "finish", full)
    with pytest.raises(StageError, match="No space left on device"):
        run_toy(data)
    assert not list(data.rglob("*c05*"))
    assert not list(data.rglob("*partial*"))


def test_what_an_interrupted_run_left_is_cleared_away(data):
    run_toy(data)
    before = contents(data)
    (data / "frames" / ".c00.parquet.1.partial").write_bytes(b"half")
    (data / "frames" / "c99.parquet").write_bytes(b"of nobody")
    (data / "frames" / ".gitignore").write_text("*")
    run_toy(data)
    assert contents(data) == before
    assert {p.name for p in (data / "frames").iterdir() if p.suffix != ".parquet"} == {".gitignore"}


_RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_perclip as here
sys.modules["tests_perclip_stage"] = here
here.run_toy(Path(sys.argv[1]))
"""


def test_killed_in_the_middle_and_run_again_the_folder_is_the_same(data):
    (data / "kill-me").touch()
    command = [sys.executable, "-c", _RUN, data, Path(__file__).parent]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL
    assert list(data.rglob("*partial*"))
    (data / "kill-me").unlink()
    assert run_toy(data).kept == 3
    resumed = contents(data)
    undisturbed = data.parent / "undisturbed"
    undisturbed.mkdir()
    (undisturbed / "todo.json").write_text((data / "todo.json").read_text())
    run_toy(undisturbed)
    assert contents(undisturbed) == resumed
    assert not list(data.rglob("*partial*"))


def test_upstream_is_the_fingerprint_of_a_file(data):
    run_toy(data)
    run_toy(data, factor=3)
    found = upstream(data, "frames", "c00")
    assert found is not None
    assert found != upstream(data, "frames", "c01")
    assert upstream(data, "frames", "bad") is None


def test_a_stage_is_found_by_name():
    assert load(NAME) is STAGE
    assert load("stccl.extract.stage:STAGE").name == "extract"


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [(10, 64, [4, 4, 2]), (40, 10, [4] * 10), (41, 10, [5] * 8 + [1]), (90, 2, [45, 45])],
)
def test_there_are_never_more_chunks_than_that(data, count, most, sizes):
    todo(data, *(f"c{i:02}" for i in range(count)))
    asked = []

    class Watched(InOrder):
        def map(self, function, chunks, *, sizes):
            asked.extend(sizes)
            return super().map(function, chunks, sizes=sizes)

    summary = run(
        NAME, data, Settings(), Watched(), max_rejected=0.5, chunk_items=4, most_chunks=most
    )
    assert asked == sizes
    assert summary.done == count == len(CALLS)
