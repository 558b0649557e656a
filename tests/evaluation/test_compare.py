"""From media files to scores: the same words, other words, pictures at another speed."""

from pathlib import Path
from types import SimpleNamespace

import ffmpeg
import imageio_ffmpeg
import numpy as np
import pytest
import torch

from stccl.actors.make import make_take
from stccl.actors.performance import perform
from stccl.actors.speaker import Speaker
from stccl.evaluation.compare import Comparison, compare
from stccl.evaluation.lip_sync import sync_score
from stccl.experts.experts import Experts
from stccl.experts.lip_sync import LipSyncJudge
from stccl.experts.params import SyncNetConfig
from stccl.experts.syncnet import SyncNet
from stccl.judge.clip import see_file
from stccl.metric.loss import initial
from stccl.params import Params, read_yaml


@pytest.fixture(scope="module")
def params() -> Params:
    path = Path(__file__).parents[2] / "params.yaml"
    return Params.parse(read_yaml(path), where=str(path))


@pytest.mark.slow
def test_lips_that_say_the_same_words_are_told_from_others(actor_clips, params, small, tmp_path):
    """A perfect manipulation, the same take with a happy face, moves its mouth as before."""
    initial(small, 0).save_pretrained(tmp_path / "metric")
    calm = perform(Speaker("M001", 0), "001", "neutral", 1)
    make_take(tmp_path / "target", calm.in_emotion("happy", 3), 256)
    (happy,) = (tmp_path / "target").rglob("*.mp4")

    def compared(generated: Path) -> Comparison:
        places = {"data": tmp_path / "data", "metric": str(tmp_path / "metric")}
        places["judges"] = tmp_path / "none"
        source = actor_clips / "M001" / "neutral" / "001.mp4"
        return compare(str(source), str(generated), params=params, **places)

    own, other = compared(happy), compared(actor_clips / "M001" / "neutral" / "002.mp4")
    assert own.mouth_correlation_as_played > 0.6
    assert own.mouth_correlation_as_played > other.mouth_correlation_as_played + 0.3
    assert 0.005 < own.mouth_distance < 0.08  # a smile is not where the lips were
    assert own.jitter == pytest.approx(1, abs=0.5)
    assert own.identity > 0.95
    itself = compared(actor_clips / "M001" / "neutral" / "001.mp4")
    assert itself.mouth_distance == pytest.approx(0, abs=1e-9)
    assert itself.jitter == pytest.approx(1)
    assert itself.mouth_correlation == pytest.approx(1)


def restamped(file: Path, fps: int, out: Path) -> Path:
    """The same pictures, shown at another rate; the sound is left out."""
    command = ffmpeg.input(str(file), r=fps).video.output(str(out), r=fps, crf=10, loglevel="error")
    command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe())
    return out


def test_lips_are_judged_with_the_sound_of_the_source(
    actor_clips, params, small, tmp_path, monkeypatch
):
    initial(small, 0).save_pretrained(tmp_path / "metric")
    torch.manual_seed(0)
    config = SyncNetConfig(side_px=52, lip_widths=(16,) * 6, sound_widths=(16,) * 6, embedding=16)
    judge = LipSyncJudge(SyncNet(config))
    monkeypatch.setattr(Experts, "load", lambda _: SimpleNamespace(sync=judge))

    def compared(source: Path, generated: Path) -> Comparison:
        places = {"data": tmp_path / "data", "metric": str(tmp_path / "metric")}
        return compare(str(source), str(generated), params=params, judges=tmp_path, **places)

    source = actor_clips / "M001" / "neutral" / "001.mp4"
    silent = restamped(actor_clips / "M001" / "surprised" / "001.mp4", 25, tmp_path / "silent.mp4")
    found = compared(source, silent)
    pcm = ffmpeg.input(str(source)).audio.output("pipe:", format="f32le", ac=1, ar=16000)
    heard, _ = pcm.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, quiet=True)
    sound = np.frombuffer(heard, np.float32)
    for file, distance in ((silent, found.lse_d), (source, found.lse_d_source)):
        expected = sync_score(*judge.embed(see_file(file, params).crops, sound))
        assert distance == pytest.approx(expected.distance, rel=1e-3)
    assert f"LSE-D {found.lse_d:.2f}" in str(found)
    assert compared(silent, source).lse_d is None


@pytest.mark.slow
def test_pictures_at_another_speed_are_found_and_said(actor_clips, params, small, tmp_path):
    initial(small, 0).save_pretrained(tmp_path / "metric")

    def compared(source: Path, generated: Path) -> Comparison:
        places = {"data": tmp_path / "data", "metric": str(tmp_path / "metric")}
        places["judges"] = tmp_path / "none"
        return compare(str(source), str(generated), params=params, **places)

    source = actor_clips / "M003" / "neutral" / "001.mp4"
    slow = restamped(source, 25, tmp_path / "slow.mp4")
    found = compared(source, slow)
    # A little slower and a frame later is nearly the same to so short a clip.
    frames = np.arange(found.frames_compared)
    shown = found.picture_speed * frames + found.picture_offset_frames
    assert np.abs(shown - 25 / 30 * frames).max() <= 1
    assert found.mouth_correlation > 0.95
    assert found.mouth_correlation_as_played < 0.6
    # What is said of the generated clip as it would be watched is not hidden behind the correction.
    assert found.score > found.score_as_played + 0.5
    assert found.warning.startswith("picture_speed 0.8")
    assert f"{found.score_as_played:.3f}" in found.warning
    assert "\n" not in found.warning
    last = str(found).splitlines()[-1]
    assert last.startswith(
        f"mouth opening correlation {found.mouth_correlation_as_played:.2f} as p"
    )
    assert f"{found.mouth_correlation:.2f} at picture speed 0.8" in last

    other = compared(source, actor_clips / "M003" / "neutral" / "002.mp4")
    assert (other.picture_speed, other.picture_offset_frames, other.warning) == (1.0, 0.0, None)
    assert other.score == other.score_as_played
    assert other.mouth_correlation == other.mouth_correlation_as_played < 0.6
    assert str(other).endswith(f"{other.mouth_correlation:.2f} as played")
