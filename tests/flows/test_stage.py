import os
import signal
import time

import pytest

from tests.flows.conftest import Project

DEAD = "http://127.0.0.1:9/api"


def test_without_a_server_the_work_is_done_and_prefect_is_not_imported(project: Project):
    code, out, _ = project.run(
        "-c",
        "import sys; from tests.flows.toy import FLOW; from flows.stage import start; start(FLOW);"
        "print('prefect' in sys.modules)",
        items=3,
    )
    assert code == 0
    assert out.splitlines() == ["toy: 3 computed, 0 up to date", "False"]


def test_a_second_run_keeps_everything(project: Project):
    project.toy(items=3)
    before = project.outputs()
    code, out, err = project.toy(items=3)
    assert (code, out, err) == (0, "toy: 0 computed, 3 up to date\n", "")
    assert project.outputs() == before


def test_a_server_that_does_not_answer_costs_one_line(project: Project):
    project.api = DEAD
    code, out, err = project.toy(items=1)
    assert (code, out) == (0, "toy: 1 computed, 0 up to date\n")
    warnings = [line for line in err.splitlines() if not line.startswith("align: ")]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: the Prefect server at {DEAD} does not answer")


def test_a_server_in_the_active_profile_counts_as_configured(project: Project):
    home = project.folder / "home"
    home.mkdir()
    (home / "profiles.toml").write_text(
        f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{DEAD}"\n'
    )
    _, _, err = project.toy(items=1)
    assert "does not answer" in err


@pytest.mark.parametrize(
    ("toy", "message"),
    [
        ({"bad": "0 1"}, "error: toy: 2 of 3 rejected"),
        ({"fatal": "1"}, "error: toy: clip-0001: [Errno 28]"),
        ({"killed": "1"}, "error: align: a worker process was killed"),
        ({"items": 0}, "error: toy: nothing to do"),
    ],
)
def test_what_stops_a_stage_is_one_line_and_exit_code_1(project: Project, toy, message):
    code, out, err = project.toy(**{"items": 3, **toy})
    assert (code, out) == (1, "")
    lines = [line for line in err.splitlines() if not line.startswith("align: ")]
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_wrong_parameters_are_one_line(project: Project):
    (project.folder / "params.yaml").write_text("run: 3\n")
    code, out, err = project.toy()
    assert (code, out) == (1, "")
    assert err.startswith("error: params.yaml: ")
    assert err.count("\n") == 1


@pytest.mark.slow
def test_interrupting_ends_in_one_line_and_the_next_run_completes(project: Project):
    assert project.toy(items=40)[0] == 0
    undisturbed = project.outputs()
    for path in (project.folder / "data").rglob("*.parquet"):
        path.unlink()
    with project.start("-m", "tests.flows.toy", items=40, busy_s=0.2) as process:
        assert process.stderr is not None
        _until(process.stderr, "4/40", "8/40")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().endswith("the same command goes on from there")
    assert "Traceback" not in err
    code, out, _ = project.toy(items=40)
    assert code == 0
    assert ", 0 up to date" not in out
    assert project.outputs() == undisturbed


@pytest.mark.slow
def test_no_worker_outlives_a_killed_parent(project: Project):
    with project.start("-m", "tests.flows.toy", items=40, busy_s=0.5) as process:
        assert process.stderr is not None
        _until(process.stderr, "4/40", "8/40")
        children = _children(process.pid)
        assert len(children) >= 2
        process.kill()
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{child}") for child in children):  # noqa: PTH110
        assert time.monotonic() < deadline
    assert project.toy(items=40)[0] == 0


def _until(stream, *texts: str) -> None:
    for line in stream:
        if any(text in line for text in texts):
            return
    raise AssertionError(f"none of {texts} came")


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return [int(child) for child in file.read().split()]
