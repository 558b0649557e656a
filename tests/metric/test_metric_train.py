import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stccl.errors import StageError
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.precision import precision_of
from stccl.metric.stage import run
from stccl.params import Params
from stccl.training.resume import Checkpoint

STOPPED_AFTER = 3


class Stopped(Exception):
    pass


def go(data: Path, out: Path, params: Params, stop_after: int | None = None) -> None:
    def progress(done: int, total: int) -> None:
        if done == stop_after:
            raise Stopped

    run(data, out / "models", out / "metrics", out / "plots", out / "scratch", params, progress)


def results(out: Path) -> dict[str, bytes]:
    files = [p for p in out.rglob("*") if p.is_file() and "scratch" not in p.parts]
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(files)}


@pytest.fixture(scope="module")
def undisturbed(made_data, tmp_path_factory):
    """Results of a training nothing happened to."""
    found = {}

    def of(params):
        key = params.model_dump_json()
        if key not in found:
            out = tmp_path_factory.mktemp("undisturbed")
            go(made_data, out, params)
            found[key] = out
        return found[key]

    return of


def test_it_writes_a_metric_and_its_curves(undisturbed, small_params):
    out = undisturbed(small_params)
    loss = STCCLLoss.from_pretrained(out / "models" / "metric")
    assert loss.config == small_params.metric.config
    summary = json.loads((out / "metrics" / "metric.json").read_text())
    assert summary["steps"] == 6
    assert summary["speakers"] == {"train": ["A", "B"], "heldout": ["C"]}
    curve = (out / "plots/metric/plots/metrics/heldout/spatial_positive.tsv").read_text()
    assert [line.split("\t")[0] for line in curve.splitlines()] == ["step", "0", "2", "4", "6"]
    assert not list((out / "scratch").iterdir())


@pytest.mark.parametrize("repository", [False, True])
def test_it_takes_no_interest_in_git(made_data, small_params, tmp_path, monkeypatch, repository):
    """A downloaded archive has no repository, a new one no commit; neither is a reason to stop, nor
    to leave anything in it."""
    if repository:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    training = small_params.metric.training.model_copy(update={"steps": 1})
    metric = small_params.metric.model_copy(update={"training": training})
    out = Path("out")
    go(made_data, out, small_params.model_copy(update={"metric": metric}))
    curve = (out / "plots/metric/plots/metrics/train/total.tsv").read_text()
    assert curve.splitlines()[0] == "step\ttotal"
    assert len(curve.splitlines()) == 2
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out"}


def test_the_first_look_is_at_the_untrained_metric(undisturbed, small_params, made_data):
    from lightning_fabric import Fabric

    from stccl.metric.data import WindowReader, evenly, read_pairs
    from stccl.metric.train import heldout_similarity

    windows = evenly(read_pairs(made_data, "metric-test", 3), 2)
    precision = precision_of("auto", "auto")
    looked = heldout_similarity(
        initial(small_params.metric.config, small_params.run.seed).freeze(),
        windows,
        WindowReader(made_data, 48),
        Fabric(accelerator="cpu", precision=precision),
        2,
    )
    summary = json.loads((undisturbed(small_params) / "metrics" / "metric.json").read_text())
    for name, value in looked.items():
        assert summary["heldout"][name]["untrained"] == pytest.approx(value, abs=1e-6)


def test_the_same_again_is_the_same_to_the_bit(undisturbed, small_params, made_data, tmp_path):
    go(made_data, tmp_path, small_params)
    assert results(tmp_path) == results(undisturbed(small_params))


def test_interrupted_it_goes_on_to_the_same_bits(undisturbed, small_params, made_data, tmp_path):
    with pytest.raises(Stopped):
        go(made_data, tmp_path, small_params, stop_after=STOPPED_AFTER)
    steps = []
    run(
        made_data, tmp_path / "models", tmp_path / "metrics", tmp_path / "plots",
        tmp_path / "scratch", small_params, lambda done, total: steps.append(done),
    )  # fmt: skip
    assert steps == [4, 5, 6]
    assert results(tmp_path) == results(undisturbed(small_params))


def test_another_trainings_checkpoint_is_ignored(undisturbed, small_params, made_data, tmp_path):
    other = small_params.model_copy(
        update={"metric": small_params.metric.model_copy(update={"temperature": 0.5})}
    )
    with pytest.raises(Stopped):
        go(made_data, tmp_path, other, stop_after=STOPPED_AFTER)
    go(made_data, tmp_path, small_params)
    assert results(tmp_path) == results(undisturbed(small_params))


@pytest.mark.parametrize("content", [b"", b"half a file"])
def test_a_damaged_checkpoint_is_ignored(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    assert Checkpoint(tmp_path / "c", "x").load() is None


@pytest.mark.slow
def test_killed_at_any_step_it_ends_with_the_same_bits(
    undisturbed, small_params, made_data, tmp_path
):
    params = tmp_path / "params.json"
    params.write_text(small_params.model_dump_json())
    for step in ("1", "4"):
        code = (
            "import os, sys, pathlib, json, signal\n"
            "from stccl.metric.stage import run\n"
            "from stccl.params import Params\n"
            "data, out, params, step = sys.argv[1:]\n"
            "out = pathlib.Path(out)\n"
            "p = Params.parse(json.loads(pathlib.Path(params).read_text()), where='made')\n"
            "kill = lambda done, _: done == int(step) and os.kill(os.getpid(), signal.SIGKILL)\n"
            "run(pathlib.Path(data), out / 'models', out / 'metrics', out / 'plots', "
            "out / 'scratch', p, kill)\n"
        )
        out = tmp_path / "out"
        ended = subprocess.run(
            [sys.executable, "-c", code, str(made_data), str(out), str(params), step],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL
    go(made_data, out, small_params)
    assert results(out) == results(undisturbed(small_params))


def test_a_loss_that_is_not_finite_stops_it(small_params, made_data, tmp_path):
    training = small_params.metric.training.model_copy(update={"learning_rate": 1e30})
    metric = small_params.metric.model_copy(update={"training": training})
    with pytest.raises(StageError, match=r"at step \d+ is (nan|inf|-inf); lower met"):
        go(made_data, tmp_path, small_params.model_copy(update={"metric": metric}))


def test_a_missing_arcface_file_is_one_line(small_params, made_data, tmp_path):
    training = small_params.metric.training.model_copy(update={"arcface": "nowhere.pth"})
    metric = small_params.metric.model_copy(update={"training": training})
    with pytest.raises(StageError, match=r"metric.training.arcface: no file nowhere.pth"):
        go(made_data, tmp_path, small_params.model_copy(update={"metric": metric}))


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"amx_bf16": True}, "bf16-mixed"), ({"avx512_bf16": True}, "32-true"), ({}, "32-true")],
)
def test_auto_precision_asks_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert precision_of("auto", "cpu") == expected
    assert precision_of("32-true", "cpu") == "32-true"
