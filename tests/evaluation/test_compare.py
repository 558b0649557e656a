"""From media files to scores: the same words, other words, pictures at another speed."""

from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import pytest

from stccl.actors.make import make_take
from stccl.actors.performance import perform
from stccl.actors.speaker import Speaker
from stccl.evaluation.compare import Comparison, compare
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


@pytest.mark.slow
def test_pictures_at_another_speed_are_found_and_said(actor_clips, params, small, tmp_path):
    initial(small, 0).save_pretrained(tmp_path / "metric")

    def compared(source: Path, generated: Path) -> Comparison:
        places = {"data": tmp_path / "data", "metric": str(tmp_path / "metric")}
        return compare(str(source), str(generated), params=params, **places)

    source = actor_clips / "M003" / "neutral" / "001.mp4"
    slow = restamped(source, 25, tmp_path / "slow.mp4")
    found = compared(source, slow)
    assert found.picture_speed == pytest.approx(25 / 30, rel=0.012)
    assert abs(found.picture_offset_frames) <= 1
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
