"""From media files to a preference: the same words in another emotion, or other words."""

from pathlib import Path

import pandas as pd
import pytest

from stccl.evaluation.compare import _prepare
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
