import json
import os
import signal
from importlib import import_module
from pathlib import Path

import pytest

from flows.pipeline import chosen, outdated, stages_after
from flows.stage import Stage
from stccl.errors import StageError
from stccl.params import Params, read_yaml
from stccl.perclip import _SHARED_CODE, load
from tests.flows.conftest import ROOT, Project, Server

DVC = read_yaml(ROOT / "dvc.yaml")["stages"]
STAGES = {name: entry.get("do", entry) for name, entry in DVC.items()}
AFTER = {"a": set(), "b": {"a"}, "c": {"b"}, "d@x": {"a"}, "d@y": {"a"}}


def test_order_of_some_stages_goes_through_those_left_out():
    assert chosen(AFTER, ["a", "c"]) == {"a": set(), "c": {"a"}}
    assert list(chosen(AFTER, ["c", "a"])) == ["a", "c"]


def test_a_name_stands_for_its_datasets_and_no_name_for_all():
    assert set(chosen(AFTER, ["d"])) == {"d@x", "d@y"}
    assert set(chosen(AFTER, ["d@y"])) == {"d@y"}
    assert chosen(AFTER, []) == AFTER


def test_an_unknown_stage_is_named():
    with pytest.raises(StageError, match=r"no stage z in dvc\.yaml; there are a, b, c, d@x, d@y"):
        chosen(AFTER, ["z"])


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_of_dvc_is_started_by_its_flow(name):
    assert STAGES[name]["cmd"].split(" ")[:3] == ["python", "-m", f"flows.{name}"]
    module = import_module(f"flows.{name}")
    arguments = STAGES[name]["cmd"].split(" ")[3:]
    stage = (
        module.stage(*(argument and "1" for argument in arguments)) if arguments else module.STAGE
    )
    assert isinstance(stage, Stage)
    assert stage.name.split("@")[0] == name


def test_every_flow_is_a_stage_of_dvc():
    flows = {
        path.stem
        for path in (ROOT / "flows").glob("*.py")
        if "STAGE = " in path.read_text() or "def stage(" in path.read_text()
    }
    assert flows == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_parameters_named_in_dvc_exist(name):
    known = Params.model_fields
    for entry in STAGES[name]["params"]:
        section, _, key = entry.partition(".")
        assert section in known
        if section != "datasets" and key:
            assert key in read_yaml(ROOT / "params.yaml")[section]


@pytest.mark.parametrize("name", STAGES)
def test_code_a_stage_depends_on_is_there(name):
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith("stccl/")]
    assert code
    for dep in code:
        assert (ROOT / dep).exists(), dep


@pytest.mark.parametrize("name", ["extract", "landmarks", "align", "fit", "pairs"])
def test_dvc_and_the_fingerprints_know_the_same_code(name):
    stage = load(f"stccl.{name}.stage:STAGE")
    assert_known_to_dvc(name, stage.code + _SHARED_CODE)
    written = {out if isinstance(out, str) else next(iter(out)) for out in STAGES[name]["outs"]}
    assert {f"data/{table}" for table in (*stage.outputs, stage.name)} <= written


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("download", "actors.make"), ("targets", "actors.make"), ("metric", "metric.stage"),
        ("counterpart", "metric.stage"), ("pretrain", "spfem.stage"), ("spfem", "spfem.stage"),
        ("generate", "generate.stage"),
    ],
)  # fmt: skip
def test_dvc_knows_the_code_of_what_is_kept_between_runs(name, module):
    assert_known_to_dvc(name, import_module(f"stccl.{module}").CODE)


def assert_known_to_dvc(name, code):
    for package in code:
        path = f"stccl/{package}"
        assert {path, f"{path}.py"} & set(STAGES[name]["deps"]), package


TOY_DVC = """
stages:
  get:
    foreach: [a, b]
    do:
      cmd: echo ${item} > got-${item}
      outs:
        - got-${item}
  toy:
    cmd: python -m tests.flows.toy
    deps: [got-a, got-b]
    outs:
      - data/audio: {persist: true}
  end:
    cmd: cp data/toy/rejected.parquet end
    deps: [data/audio]
    outs: [end]
"""


@pytest.fixture
def pipeline(project: Project) -> Project:
    (project.folder / "dvc.yaml").write_text(TOY_DVC)
    code, _, err = project.run("-m", "dvc", "init", "--no-scm", "--quiet")
    assert code == 0, err
    return project


def test_order_is_read_from_dvc(pipeline: Project, monkeypatch):
    monkeypatch.chdir(pipeline.folder)
    assert stages_after() == {
        "get@a": set(),
        "get@b": set(),
        "toy": {"get@a", "get@b"},
        "end": {"toy"},
    }


def test_a_broken_dvc_file_is_one_line(pipeline: Project, monkeypatch):
    monkeypatch.chdir(pipeline.folder)
    Path("dvc.yaml").write_text("stages: [")
    with pytest.raises(StageError, match=r"^dvc\.yaml: "):
        stages_after()


def test_stages_at_work_already_are_one_line(pipeline: Project, monkeypatch):
    monkeypatch.chdir(pipeline.folder)
    after = stages_after()
    assert set(outdated(after)) == set(after)
    # What DVC notes while a process makes a stage's results.
    held = {str(pipeline.folder / "got-a"): {"pid": os.getppid(), "cmd": "dvc repro"}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps({"write": held, "read": {}}))
    with pytest.raises(StageError, match=rf"^another run is at work .*process {os.getppid()}\)"):
        outdated(after)


@pytest.mark.slow
def test_without_a_server_it_does_what_dvc_repro_does(pipeline: Project):
    code, out, _ = pipeline.run("-m", "flows.pipeline", items=3)
    assert code == 0
    assert "toy: 3 computed" in out
    assert "up to date" in pipeline.run("-m", "dvc", "status")[1]
    code, out, _ = pipeline.run("-m", "flows.pipeline", items=3)
    assert code == 0
    assert "toy" not in out
    (pipeline.folder / "end").unlink()
    code, out, _ = pipeline.run("-m", "flows.pipeline", items=3)
    assert code == 0
    assert (pipeline.folder / "end").is_file()
    assert "toy" not in out
    code, _, err = pipeline.run("-m", "flows.pipeline", "toy", "--force", items=3, fatal=0)
    assert code == 1
    assert "error: toy: clip-0000: [Errno 28]" in err


@pytest.mark.slow
def test_with_a_server_it_is_a_flow_with_a_task_per_stage(pipeline: Project, server):
    pipeline.api = server.api
    assert pipeline.run("-m", "flows.pipeline", items=3)[0] == 0
    code, _, err = pipeline.run("-m", "flows.pipeline", "toy", "end", "--force", items=3, fatal=0)
    assert code == 1
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("error: toy: clip-0000: [Errno 28]")
    tables = _stage_tables(server.api)
    all_ran = {"get@a": "ran", "get@b": "ran", "toy": "ran", "end": "ran"}
    assert all_ran in tables
    (failed,) = [table for table in tables if table != all_ran]
    assert failed["toy"].startswith("failed: toy: clip-0000")
    assert failed["end"] == "not started"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_goes_away_costs_the_pipeline_nothing_but_its_page(
    pipeline: Project, server: Server, how: signal.Signals
):
    assert pipeline.run("-m", "flows.pipeline", items=20)[0] == 0
    undisturbed = pipeline.outputs()
    lock = read_yaml(pipeline.folder / "dvc.lock")
    for path in (pipeline.folder / "data").rglob("*.parquet"):
        path.unlink()
    (pipeline.folder / "dvc.lock").unlink()
    pipeline.api = server.api
    with pipeline.start("-m", "flows.pipeline", "--force", items=20, busy_s=0.3) as process:
        clips = pipeline.folder / "data" / "audio"
        while len(list(clips.glob("*.parquet"))) < 4:
            assert process.poll() is None
        server.process.send_signal(how)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert pipeline.outputs() == undisturbed
    assert read_yaml(pipeline.folder / "dvc.lock") == lock  # its order is that of finishing
    assert "Traceback" not in err
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1


def _stage_tables(api: str) -> list[dict[str, str]]:
    import httpx

    artifacts = httpx.post(f"{api}/artifacts/filter", json={}).json()
    return [
        {row["stage"]: row["outcome"] for row in json.loads(artifact["data"])}
        for artifact in artifacts
        if artifact["key"] == "pipeline-stages"
    ]
