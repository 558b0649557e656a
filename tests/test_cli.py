import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stccl import doctor
from stccl.cli import app
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import initial
from tests.conftest import ROOT

SMALL = STCCLConfig(
    size_px=64,
    blocks=(1, 1, 1, 1),
    widths=(16, 16, 16, 16),
    centres=(4, 4, 4, 2),
    positions=(16, 16, 8, 4),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command line in a project with a metric."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    initial(SMALL, seed=0).save_pretrained("models/metric")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_a_file_is_closest_to_itself(run, actor_clips: Path) -> None:
    clips = [actor_clips / "M001" / clip for clip in ("neutral/001.mp4", "surprised/002.mp4")]
    scores = []
    for other in clips:
        result = run("score", clips[0], other, "--json")
        assert result.exit_code == 0, result.output
        scores.append(json.loads(result.stdout))
    assert scores[0]["score"] > scores[1]["score"]
    assert scores[0]["frames_left_out"] == 0
    assert (scores[0]["picture_speed"], scores[0]["mouth_correlation"]) == (1.0, pytest.approx(1))
    # The other sentence is longer; what has no counterpart is counted, not hidden.
    assert scores[1]["frames_left_out"] > 0


def test_the_printed_score_names_its_parts(run, actor_clips: Path) -> None:
    clip = actor_clips / "M001" / "neutral" / "001.mp4"
    result = run("score", clip, clip)
    assert result.exit_code == 0
    assert "spatial" in result.output
    assert "temporal" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("score", "nobody", "nobody"), "error: nobody: neither a clip in data/aligned nor a file"),
        (("score", "params.yaml", "params.yaml"), "error: params.yaml: "),
        (("score", "a", "b", "--metric", "./none"), "error: ./none: "),
        (("use", "nosuch"), "error: "),
        (("use", "--preset", "nosuch"), "error: presets/nosuch.yaml: no such file"),
        (("export", "out"), "error: "),
    ],
)
def test_problems_are_one_line(run, words: tuple[str, ...], message: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith(message)


def test_without_a_metric_it_says_how_to_get_one(run) -> None:
    shutil.rmtree("models")
    result = run("score", "params.yaml", "params.yaml")
    assert result.exit_code == 1
    assert "error: no metric in models/metric; train one with `dvc repro`" in result.stderr


def test_doctor_says_what_is_missing_and_where_to_get_it(run) -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert "dlib 68 points" in result.output
    assert "2DFAN4 is absent" in " ".join(result.output.split())


def test_doctor_says_whether_the_actors_can_speak(run, monkeypatch) -> None:
    assert "espeak-ng" in run("doctor").output
    assert "run make setup" not in run("doctor").output
    find = doctor.find_spec
    monkeypatch.setattr(
        doctor, "find_spec", lambda name: None if name == "espeakng_loader" else find(name)
    )
    assert "absent: run make setup" in run("doctor").output
