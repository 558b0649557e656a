"""From media files to a preference: the same words in another emotion, or other words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stccl.evaluation.compare import _prepare
from stccl.evaluation.score import score
from stccl.metric.loss import initial
from stccl.params import Params, read_yaml
from stccl.tables.frames import FrameReader


@pytest.fixture(scope="module")
def params() -> Params:
    path = Path(__file__).parents[2] / "params.yaml"
    return Params.parse(read_yaml(path), where=str(path))


def same_moments(truth: Path, names: tuple[str, str]) -> list[tuple[int, int]]:
    """For every frame of the second clip the frame of the first at the same place of its words."""
    first, second = (
        pd.read_parquet(truth / f"P01-{name}.parquet").calm_time_s.to_numpy() for name in names
    )
    nearest = np.abs(first[:, None] - second[None]).argmin(axis=0)
    return [(int(i), j) for j, i in enumerate(nearest)]


@pytest.mark.slow
def test_its_own_counterpart_is_preferred_to_other_words(portrait_clips, params, tmp_path):
    """Even before training: what moves together is in the pictures, not in the weights."""
    loss = initial(params.metric.config, 0).freeze()
    names = ("neutral-001", "surprised-001", "surprised-002")
    clips = {}
    for name in names:
        file = portrait_clips / "P01" / name.replace("-", "/")
        with FrameReader(
            _prepare(file.with_suffix(".mp4"), tmp_path / name, params), "aligned"
        ) as r:
            clips[name] = list(r)
    scores = {}
    for name in names[1:]:
        path = same_moments(portrait_clips / "truth", (names[0], name))
        path = [(i, j) for i, j in path if i < len(clips[names[0]]) and j < len(clips[name])]
        scores[name] = score(clips[names[0]], clips[name], loss, path=path).score
    own = scores.pop("surprised-001")
    assert own > scores.pop("surprised-002") + 0.05
