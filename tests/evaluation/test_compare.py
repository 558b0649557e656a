"""From media files to a preference: the same words in another emotion, or other words."""

from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import pandas as pd
import pytest

from stccl.evaluation.compare import Comparison, _prepare, compare
from stccl.evaluation.score import score
from stccl.metric.loss import initial
from stccl.params import Params, read_yaml
from stccl.tables.frames import FrameReader

MOODS = {"neutral": "neutral-1", "surprised": "surprised-3"}


@pytest.fixture(scope="module")
def params() -> Params:
    path = Path(__file__).parents[2] / "params.yaml"
    return Params.parse(read_yaml(path), where=str(path))


def same_moments(truth: Path, names: tuple[str, str]) -> list[tuple[int, int]]:
    """For every frame of the second take the frame of the first at the same place of its words.

    Other words than the first's have no such place: there it is the same share of the clip.
    """
    first, second = (
        pd.read_parquet(truth / "frames" / f"M001-{MOODS[emotion]}-{sentence}.parquet")
        for emotion, sentence in (name.split("-") for name in names)
    )
    maps = pd.read_parquet(truth / "maps" / "M001-001.parquet")
    own = maps[(maps.source_emotion == "surprised") & (maps.target_emotion == "neutral")]
    if names[1].endswith("001"):
        return [(round(to), j) for j, to in zip(own.source_frame, own.target_frame, strict=True)]
    return [(j * len(first) // len(second), j) for j in range(len(second))]


@pytest.mark.slow
def test_its_own_counterpart_is_preferred_to_other_words(
    actor_takes, actor_clips, params, tmp_path
):
    """Even before training: what moves together is in the pictures, not in the weights."""
    loss = initial(params.metric.config, 0).freeze()
    names = ("neutral-001", "surprised-001", "surprised-002")
    clips = {}
    for name in names:
        file = actor_clips / "M001" / name.replace("-", "/")
        with FrameReader(
            _prepare(file.with_suffix(".mp4"), tmp_path / name, params), "aligned"
        ) as r:
            clips[name] = list(r)
    scores = {}
    for name in names[1:]:
        path = same_moments(actor_takes / "truth", (names[0], name))
        path = [(i, j) for i, j in path if i < len(clips[names[0]]) and j < len(clips[name])]
        scores[name] = score(clips[names[0]], clips[name], loss, path=path).score
    own = scores.pop("surprised-001")
    assert own > scores.pop("surprised-002") + 0.05


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
    assert found.score > 0.8 > found.score_as_played + 0.2
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
