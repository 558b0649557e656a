import json
import signal
from importlib.util import find_spec

import httpx
import pytest

from tests.flows.conftest import Project, Server

pytestmark = pytest.mark.slow


def _artifacts(api: str) -> dict[str, object]:
    found = httpx.post(f"{api}/artifacts/filter", json={}).json()
    return {one["key"]: one["data"] for one in found}


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_the_flow_run_shows_what_happened_and_computes_the_same(
    project: Project, server: Server, where: str
):
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("task_runner: threads", f"task_runner: {where}"))
    assert project.toy(items=10, bad=3)[0] == 0
    plain = project.outputs()
    for path in (project.folder / "data").rglob("*.parquet"):
        path.unlink()
    project.api = server.api
    code, out, err = project.toy(items=10, bad=3)
    assert code == 0, err
    assert out == "toy: 9 computed, 0 up to date, 1 rejected (1 toy_is_bad)\n"
    assert project.outputs() == plain

    (run,) = httpx.post(f"{server.api}/flow_runs/filter", json={}).json()
    assert (run["name"], run["state_type"]) == ("align", "COMPLETED")
    assert run["state"]["message"] == out.strip()
    assert run["tags"] == ["stccl", "align"]
    assert run["parameters"]["params"]["align"]["size_px"] > 0
    artifacts = _artifacts(server.api)
    assert artifacts["align-progress"] == 100
    assert json.loads(str(artifacts["align-summary"])) == [
        {"computed": 9, "up to date": 0, "rejected": 1}
    ]
    (rejected,) = json.loads(str(artifacts["align-rejected"]))
    assert rejected["reason"] == "toy_is_bad"


def test_a_failed_stage_is_a_failed_flow_run_and_one_line(project: Project, server: Server):
    project.api = server.api
    code, out, err = project.toy(items=3, fatal=1)
    assert (code, out) == (1, "")
    lines = [line for line in err.splitlines() if not line.startswith("align: ")]
    assert len(lines) == 1
    (run,) = httpx.post(f"{server.api}/flow_runs/filter", json={}).json()
    assert run["state_type"] == "FAILED"
    assert lines[0] == f"error: {run['state']['message']}"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_goes_away_costs_the_page_and_not_the_work(
    project: Project, server: Server, how: signal.Signals
):
    assert project.toy(items=30)[0] == 0
    undisturbed = project.outputs()
    for path in (project.folder / "data").rglob("*.parquet"):
        path.unlink()
    project.api = server.api
    with project.start("-m", "tests.flows.toy", items=30, busy_s=0.2) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "4/30" in line or "8/30" in line:
                break
        server.process.send_signal(how)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out == "toy: 30 computed, 0 up to date\n"
    assert project.outputs() == undisturbed
    lines = [line for line in err.splitlines() if not line.startswith("align: ")]
    assert len(lines) == 1
    assert lines[0].startswith("warning: lost the Prefect server")


@pytest.mark.skipif(find_spec("prefect_ray") is not None, reason="prefect-ray is installed")
def test_an_unknown_task_runner_package_is_one_line(project: Project, server: Server):
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("task_runner: threads", "task_runner: ray"))
    project.api = server.api
    code, _, err = project.toy(items=1)
    assert code == 1
    assert err.splitlines()[-1] == (
        "error: run.task_runner: ray needs a package more; run `pip install -e '.[ray]'`"
    )
