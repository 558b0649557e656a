import multiprocessing
import os
import signal
from operator import mul

import pytest

from flows.local import LocalRunner
from stccl.errors import StageError


def test_every_chunk_is_worked_on_once_and_progress_ends_at_all(capsys):
    runner = LocalRunner("toy", 2)
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


def test_a_killed_worker_is_one_line_that_says_what_to_do():
    runner = LocalRunner("toy", 1)
    with pytest.raises(StageError, match=r"^toy: a worker process was killed.*run\.workers"):
        list(runner.map(_kill_itself, [()], sizes=[1]))
    assert not multiprocessing.active_children()


def test_workers_have_opencv_before_anything_can_bring_decord():
    (modules,) = LocalRunner("toy", 1).map(_loaded, [()], sizes=[1])
    assert "cv2" in modules
    assert "decord" not in modules


def _kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _loaded() -> list[str]:
    import sys

    return list(sys.modules)
