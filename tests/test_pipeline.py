"""The whole pipeline as a user meets it: a fresh copy of the project, one command, then changes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stccl.actors.make import make_take
from stccl.actors.performance import perform
from stccl.actors.speaker import Speaker
from stccl.clip import read_clips
from stccl.configure import apply_preset, use_dataset
from stccl.params import read_yaml
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TINY = """
run: {chunk_clips: 2}
align: {size_px: 112}
metric:
  size_px: 64
  widths: [16, 16, 32, 32]
  training: {steps: 6, heldout_windows: 4, eval_every_steps: 3, checkpoint_every_steps: 2}
spfem:
  supervisions: [base, vd, cm]
  ned:
    manipulator:
      generator_width: 16
      critic_width: 8
      training: {steps: 4, batch_windows: 4, checkpoint_every_steps: 2}
      supervision: {size_px: 48, windows: 1, frames: 2}
    renderer:
      size_px: 64
      window: [0.0, 0.0, 1.0, 1.0]
      blocks: 2
      training:
        meta_steps: 3
        speaker_steps: 2
        chunk_frames: 2
        sequence_frames: 4
        longest_sequence_frames: 4
        checkpoint_every_steps: 1
        pictures_every_steps: 2
evaluate: {frames_per_pair: 4, faces_per_clip: 2, bootstrap_samples: 50}
report: {pairs_shown: 2, frames_shown: 3}
"""


STAGES = tuple(read_yaml(ROOT / "dvc.yaml")["stages"])


def repro(project: Path, *arguments: str, check: bool = True) -> str:
    """`dvc repro` in a project; what it printed."""
    result = subprocess.run(
        ["dvc", "repro", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    assert not check or result.returncode == 0, output
    return output


def environment() -> dict[str, str]:
    """Without a Prefect server, whatever the machine's own settings are."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def stages_run(output: str) -> list[str]:
    """The stages that `dvc repro` ran, without the numbers of their datasets."""
    marks = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    return [mark.split("@")[0] for mark in marks]


def lock(project: Path) -> str:
    return (project / "dvc.lock").read_text()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def set_temperature(project: Path, temperature: float) -> None:
    preset = project / "presets" / "temperature.yaml"
    preset.write_text(f"metric: {{temperature: {temperature}}}")
    apply_preset(project / "params.yaml", preset)


def fresh_project(folder: Path, root: Path | None = None, *, committed: bool = True) -> Path:
    """A copy of the project's files, its parameters set to the smallest size.

    It makes its own actors, or uses those below `root`.
    """
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in ("init -q", "add -A", "commit -q -m start")[: 3 if committed else 1]:
        who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *who, *command.split()], cwd=folder, check=True)
    tiny = folder / "presets" / "tiny.yaml"
    tiny.write_text(TINY)
    apply_preset(folder / "params.yaml", tiny)
    here = Path.cwd()
    os.chdir(folder)
    try:
        use_dataset(
            folder / "params.yaml",
            "actors",
            root=None if root is None else str(root),
            protocol=None,
            edition="tiny",
            keep_others=False,
        )
    finally:
        os.chdir(here)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run once."""
    folder = fresh_project(tmp_path_factory.mktemp("project"))
    output = repro(folder)
    run = stages_run(output)
    assert run[:2] == ["download", "clips"]
    assert run[-1] == "report"
    each = {"spfem": 3, "generate": 3}  # base, vd and cm
    assert Counter(run) == {stage: each.get(stage, 1) for stage in STAGES}
    return folder


def test_every_clip_goes_through_and_the_page_shows_faces(project: Path) -> None:
    assert len(read_clips(project / "data")) == 12
    for stage in ("extract", "landmarks", "align", "fit", "pairs"):
        assert pq.read_metadata(project / "data" / stage / "rejected.parquet").num_rows == 0
    pairs = pq.read_table(project / "data" / "pairs.parquet")
    assert len(set(pairs["pair"].to_pylist())) == 6
    page = (project / "report" / "index.html").read_text()
    assert page.count("data:image/") >= 2
    assert json.loads((project / "metrics" / "evaluation.json").read_text())


def test_models_with_and_without_stccl_change_clips_and_are_judged(project: Path) -> None:
    for run in ("ned-base-42", "ned-vd-42", "ned-cm-42"):
        made = pq.read_table(project / "data" / "generated" / run / "clips.parquet").to_pylist()
        # One speaker, happy from neutral and back; nobody else's example.
        assert [(row["emotion"], row["setting"]) for row in made] == [
            ("neutral", "intra"), ("happy", "intra"),
        ]  # fmt: skip
        assert all((project / row["media_path"]).stat().st_size > 1000 for row in made)
        assert all(row["frames_changed"] > 0.9 * row["frames"] for row in made)
    judged = json.loads((project / "metrics" / "judge.json").read_text())
    assert set(judged["means"]) == {"source", "base", "vd", "cm"}
    assert set(judged["gains"]) == {"vd", "cm"}
    own = {name: values["average"] for name, values in judged["means"]["source"]["intra"].items()}
    assert own["mouth distance"] == pytest.approx(0, abs=1e-9)
    assert own["mouth opening"] == own["jitter"] == own["face found"] == 1
    assert own["identity"] > 0.95
    # The head moves as the target's, and its surroundings are the same.
    assert own["PSNR"] > 25
    assert {"FAD", "CSIM", "LSE-D", "LSE-C", "SSIM", "landmark error"} <= set(own)
    # After a few steps of training a picture need not be one of a face; that is judged as well.
    for row in ("base", "vd", "cm"):
        assert "face found" in judged["means"][row]["intra"]
    page = (project / "report" / "index.html").read_text()
    assert page.count("data:video/mp4;base64,") == 2
    for name in ("STCCL-VD", "STCCL-CM"):
        assert f"<li>NED under {name}, next to NED without it: better in " in page


def test_a_clip_is_given_the_emotions_that_the_model_saw(project: Path, tmp_path: Path) -> None:
    made = pq.read_table(project / "data" / "generated" / "ned-vd-42" / "clips.parquet")
    manipulate = [sys.executable, "-m", "stccl.cli", "manipulate", made["source"][0].as_py()]
    for emotion, complaint in (
        ("happy", None),
        ("sad", "no clip that the model learnt from shows 'sad'; expected one of neutral, happy"),
    ):
        video = tmp_path / f"{emotion}.mp4"
        done = subprocess.run(
            [*manipulate, "--emotion", emotion, "-o", str(video)],
            cwd=project, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert video.exists() == (done.returncode == 0) == (complaint is None), done.stderr
        assert (complaint or "") in done.stderr
        assert "Traceback" not in done.stderr


def test_nothing_changed_runs_nothing(project: Path) -> None:
    assert stages_run(repro(project)) == []


def test_another_copy_never_committed_gives_the_same_lock(project: Path, tmp_path: Path) -> None:
    """And the stages side by side give what they give one after the other."""
    other = fresh_project(tmp_path, committed=False)
    side_by_side = (sys.executable, "-m", "flows.pipeline")
    subprocess.run(side_by_side, cwd=other, env=environment(), check=True, capture_output=True)
    assert read_yaml(other / "dvc.lock") == read_yaml(project / "dvc.lock")
    assert contents(other / "data") == contents(project / "data")


def test_a_changed_temperature_runs_what_depends_on_it_and_back_again(project: Path) -> None:
    before = lock(project)
    params = project / "params.yaml"
    original = params.read_text()
    set_temperature(project, 0.1)
    run = set(stages_run(repro(project)))
    assert run == {
        *("metric", "counterpart", "evaluate"),
        *("pretrain", "spfem", "generate", "judge", "report"),
    }
    assert lock(project) != before
    params.write_text(original)
    repro(project)
    assert lock(project) == before


def test_an_impossible_value_is_one_line_and_costs_nothing(project: Path) -> None:
    params = project / "params.yaml"
    original = params.read_text()
    params.write_text(re.sub(r"temperature: [\d.]+", "temperature: -1", original))
    output = repro(project, check=False)
    params.write_text(original)
    assert "error: params.yaml: metric.temperature: expected greater than 0, got -1" in output
    assert "Traceback" not in output
    assert stages_run(repro(project)) == []


def test_one_more_clip_costs_one_clip(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "clips"
    shutil.copytree(project / "data" / "raw" / "actors", root)
    folder = fresh_project(tmp_path / "project", root)
    repro(folder, "pairs", "fit")
    untouched = {
        stage: {path: path.stat().st_mtime_ns for path in (folder / "data" / stage).iterdir()}
        for stage in ("frames", "audio", "landmarks", "aligned")
    }
    make_take(root, perform(Speaker("W001", 42), "001", "sad", 3), 256)
    output = repro(folder, "pairs", "fit")
    assert "extract: 1 computed, 12 up to date" in output
    assert "landmarks: 1 computed, 12 up to date" in output
    assert "align: 1 computed, 12 up to date" in output
    # Who the speaker is changes with the clip, and with it the fit of the speaker's four others.
    assert "identities: 1 computed, 2 up to date" in output
    assert "fit: 5 computed, 8 up to date" in output
    assert "pairs: 1 computed, 6 up to date" in output
    for stage, times in untouched.items():
        for path, modified_ns in times.items():
            if path.name != "rejected.parquet":
                assert path.stat().st_mtime_ns == modified_ns, (stage, path.name)


DONE_BEFORE = {
    "download": (),
    "extract": ("raw",),
    "landmarks": ("raw", "audio", "extract", "frames"),
    "metric": ("raw", "audio", "extract", "frames", "landmarks", "align", "aligned", "pairs"),
}


@pytest.mark.parametrize("stage", DONE_BEFORE)
def test_killed_and_started_again_it_ends_as_if_undisturbed(
    project: Path, tmp_path: Path, stage: str
) -> None:
    folder = fresh_project(tmp_path)
    for done in DONE_BEFORE[stage]:
        shutil.copytree(project / "data" / done, folder / "data" / done)
    running = subprocess.Popen(
        ["dvc", "repro", "metric"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    signs = {
        "download": folder / "data" / "raw" / "actors" / "truth" / "frames",
        "extract": folder / "data" / "frames",
        "landmarks": folder / "data" / "landmarks",
        "metric": folder / ".stccl",
    }
    deadline = time.monotonic() + 600
    while not (signs[stage].is_dir() and any(signs[stage].rglob("*"))):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    repro(folder, "metric")
    ours, undisturbed = (read_yaml(place / "dvc.lock")["stages"] for place in (folder, project))
    assert "metric" in ours
    for made in ("metrics/metric.json", "plots/metric/metrics.json"):
        assert (folder / made).read_text() == (project / made).read_text()
    assert ours == {name: undisturbed[name] for name in ours}


def test_every_params_section_of_dvc_yaml_exists(project: Path) -> None:
    sections = set(read_yaml(project / "params.yaml"))
    stages = read_yaml(project / "dvc.yaml")["stages"]
    for name, stage in stages.items():
        for key in stage.get("do", stage).get("params", []):
            if isinstance(key, str):
                assert key.split(".")[0].split("${")[0] in sections, (name, key)
