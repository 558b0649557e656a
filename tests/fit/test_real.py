"""Real clips through the stages up to the fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from stccl import perclip
from stccl.clips import stage as clips
from stccl.download import stage as download
from stccl.params import Params, read_yaml
from stccl.runner import InOrder
from stccl.tables.io import read_table
from tests.fit.conftest import ROOT, correlation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGES = (
    "stccl.extract.stage:STAGE", "stccl.landmarks.stage:STAGE", "stccl.align.stage:STAGE",
    "stccl.fit.identities:STAGE", "stccl.fit.stage:STAGE",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(mead_mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers' clips, fitted."""
    folder = tmp_path_factory.mktemp("real")
    for speaker in ("M003", "M030"):
        shutil.copytree(mead_mini / speaker, folder / "clips" / speaker)
    dataset = {"root": str(folder / "clips"), "protocol": "subset"}
    values = read_yaml(ROOT / "params.yaml") | {"datasets": {"mead": dataset}}
    params = Params.parse(values, where="test")
    data = folder / "data"
    download.run("mead", data, params, cards=ROOT / "datasets")
    clips.run(data, params, ROOT / "datasets")
    for stage in STAGES:
        name = stage.split(".")[1]
        perclip.run(stage, data, getattr(params, name), InOrder(), max_rejected=0, chunk_items=1)
    return data


def test_the_model_lies_on_the_landmarks(data):
    tables = sorted(data.glob("faces3d/*.parquet"))
    assert len(tables) > 5
    residual = np.concatenate(
        [read_table(table, "faces3d")["residual"].drop_null().to_numpy() for table in tables]
    )
    assert np.median(residual) < 0.04


def test_the_jaw_opens_with_the_mouth(data):
    matches = []
    for table in sorted(data.glob("faces3d/*.parquet")):
        fit = read_table(table, "faces3d").to_pylist()
        seen = read_table(data / "landmarks" / table.name, "landmarks").to_pylist()
        pairs = []
        for row, face in zip(fit, seen, strict=True):
            assert (row["jaw"] is None) == (face["points"] is None)
            if row["jaw"] is not None:
                points = np.reshape(face["points"], (68, 2))
                eyes = np.linalg.norm(points[45] - points[36])
                pairs.append((row["jaw"][0], np.linalg.norm(points[66] - points[62]) / eyes))
        matches.append(correlation(*np.transpose(pairs)))
    assert np.median(matches) > 0.8
