import multiprocessing
import os
import signal
from contextlib import closing
from operator import mul

import pytest

from flows.local import LocalRunner
from stccl.errors import StageError


def test_every_chunk_is_worked_on_once_and_progress_ends_at_all(capsys):
    with closing(LocalRunner("toy", 2)) as runner:
        results = list(runner.map(mul, [(2, 3), (4, 5), (6, 7)], sizes=[1, 2, 3]))
    assert sorted(results) == [6, 20, 42]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "toy: 0/6"
    assert lines[-1] == "toy: 6/6"


def test_nothing_to_do_starts_no_process(monkeypatch):
    def refuse(*_):
        raise AssertionError("a pool was started")

    monkeypatch.setattr("flows.local.Pool", refuse)
    assert list(LocalRunner("toy", 2).map(mul, [], sizes=[])) == []


def test_processes_stay_for_the_next_map_and_end_with_the_runner():
    with closing(LocalRunner("toy", 1)) as runner:
        first, second = (list(runner.map(os.getpid, [()] * 2, sizes=[1] * 2)) for _ in range(2))
        assert len({*first, *second}) == 1
    assert not multiprocessing.active_children()


def test_a_failed_map_ends_its_processes_and_the_next_one_has_others():
    with closing(LocalRunner("toy", 1)) as runner:
        with pytest.raises(ValueError, match="no number"):
            list(runner.map(int, [("no number",)], sizes=[1]))
        assert not multiprocessing.active_children()
        assert list(runner.map(mul, [(2, 3)], sizes=[1])) == [6]


def test_a_killed_worker_is_one_line_that_says_what_to_do():
    runner = LocalRunner("toy", 1)
    with pytest.raises(StageError, match=r"^toy: a worker process was killed.*run\.workers"):
        list(runner.map(_kill_itself, [()], sizes=[1]))
    assert not multiprocessing.active_children()


def test_workers_have_opencv_before_anything_can_bring_decord():
    with closing(LocalRunner("toy", 1)) as runner:
        (modules,) = runner.map(_loaded, [()], sizes=[1])
    assert "cv2" in modules
    assert "decord" not in modules


def _kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _loaded() -> list[str]:
    import sys

    return list(sys.modules)
