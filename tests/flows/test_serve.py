"""`python -m flows.serve`: one command that has everything, and takes all of it away again."""

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pytest

from flows.own_server import running_server
from stccl.errors import StageError
from tests.flows.conftest import ROOT, Project, free_port
from tests.flows.test_pipeline import TOY_DVC


@pytest.fixture
def served(project: Project) -> Project:
    """A project with the code in it, as a clone has, and an address that is free."""
    for name in ("flows", "stccl", "tests"):
        (project.folder / name).symlink_to(ROOT / name)
    (project.folder / "dvc.yaml").write_text(TOY_DVC)
    assert project.run("-m", "dvc", "init", "--no-scm", "--quiet")[0] == 0
    project.api = f"http://127.0.0.1:{free_port()}/api"
    project.environment["PYTHONPATH"] = ""
    return project


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_from_the_ui_and_then_everything_ends_in_the_middle_of_another(
    served: Project, how: signal.Signals
):
    with served.start("-m", "flows.serve", items=20, busy_s=0.3) as process:
        _until_served(process)
        run = _start_run(served, "get")
        _until(lambda: _state(served, run) == "COMPLETED")
        _start_run(served, "toy")
        _until(lambda: _clips(served))
        started = _descendants(process.pid)
        assert len(started) >= 5  # the server, the run, dvc, the stage, its workers
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.endswith("serve: ended\n")
    for noise in ("Traceback", "RuntimeWarning", "never awaited"):
        assert noise not in err + out
    _until(lambda: not [pid for pid in started if _is_alive(pid)])


@pytest.mark.slow
def test_cancelling_a_run_in_the_ui_stops_its_stages(served: Project):
    assert served.run("-m", "dvc", "repro", "--quiet", "get@a", "get@b")[0] == 0
    with served.start("-m", "flows.serve", items=40, busy_s=0.5) as process:
        try:
            _until_served(process)
            run = _start_run(served, "toy", stages=["toy"])
            _until(lambda: _clips(served))
            server = {*_descendants(process.pid, depth=1)}
            _post(served, f"/flow_runs/{run}/set_state", state={"type": "CANCELLING"})
            _until(lambda: _state(served, run) == "CANCELLED")
            _until(lambda: not {*_descendants(process.pid)} - server)
            assert 0 < len(_clips(served)) < 40
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_a_port_of_another_program_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(StageError, match=f"^port {port} belongs to another program"),
            running_server(f"http://127.0.0.1:{port}/api"),
        ):
            pass


def test_no_server_is_started_for_the_address_of_another_machine():
    with (
        pytest.raises(StageError, match=r"^no Prefect server answers at http://192\.0\.2\.1"),
        running_server("http://192.0.2.1:9/api"),
    ):
        pass


def _until_served(process: "Popen[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("The pipeline is at http://127.0.0.1:"):
            return
    raise AssertionError(process.communicate()[1])


def _post(project: Project, path: str, **body: Any) -> Any:
    for _ in range(5):  # the database of a server that is busy can be locked for a moment
        answer = httpx.post(f"{project.api}{path}", json=body, timeout=30)
        if answer.status_code != 503:
            break
        time.sleep(1)
    answer.raise_for_status()
    return answer.json()


def _start_run(project: Project, deployment: str, **parameters: Any) -> str:
    found = httpx.get(f"{project.api}/deployments/name/pipeline/{deployment}", timeout=30).json()
    path = f"/deployments/{found['id']}/create_flow_run"
    run = _post(project, path, state={"type": "SCHEDULED"}, parameters=parameters)
    return str(run["id"])


def _state(project: Project, run: str) -> str:
    answer = httpx.get(f"{project.api}/flow_runs/{run}", timeout=30)
    return str(answer.json()["state"]["type"])


def _descendants(pid: int, depth: int = 10) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        text = " ".join((task / "children").read_text() for task in tasks)
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    if depth == 1:
        return children
    return [*children, *(each for child in children for each in _descendants(child, depth - 1))]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _clips(project: Project) -> list[Path]:
    return list((project.folder / "data").rglob("clip-*.parquet"))


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
