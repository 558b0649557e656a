import base64
import json

import cv2
import numpy as np
import pytest

from stccl.extract.picture import pictures
from stccl.generate.stage import run
from stccl.report import manipulations
from stccl.report.manipulations import films, read_manipulations
from stccl.runner import InOrder
from stccl.tables.io import write_table
from stccl.video import write_video


@pytest.fixture
def judged(project, params):
    for row in ("base", "vd"):
        run(project / "data", project / "models", params, row, 1, InOrder())
    true = project / "true.mp4"
    write_video(true, [np.full((48, 64, 3), 250, np.uint8)] * 10, 25)
    write_table(
        project / "data/targets/clips.parquet",
        "targets",
        [
            {
                "source": "toys-Ann-neutral-1-2",
                "emotion": "happy",
                "level": 1,
                "media_path": true.name,
            }
        ],
    )
    return project


def test_a_film_shows_source_models_and_truth_beside_each_other(judged, params, tmp_path):
    found = {film.emotion: film for film in films(judged / "data", params)}
    assert set(found) == {"happy", "neutral"}
    assert found["happy"].columns == ("source", "without STCCL", "STCCL-VD", "true result")
    assert found["neutral"].columns[:3] == ("source", "without STCCL", "STCCL-VD")
    film = found["happy"]
    path = tmp_path / "film.mp4"
    path.write_bytes(base64.b64decode(film.url.removeprefix("data:video/mp4;base64,")))
    shown = [picture for _, picture in pictures(path)]
    assert len(shown) == 10
    assert shown[0].shape == (film.height, film.width, 3)
    columns = np.split(shown[-1], 4, axis=1)
    means = [column[20:-20, 20:-20].mean() for column in columns]
    assert means == pytest.approx([190, 95, 95, 250], abs=4)


def test_the_poster_is_where_the_model_changed_most(judged, params, monkeypatch):
    def source(*_):
        return (np.full((192, 192, 3), 100, np.uint8) for _ in range(10))

    def played(file, _):
        levels = [90] * 4 + [30] + [95] * 5 if "base" in file.parts[-2] else [0] * 10
        return (np.full((192, 192, 3), level, np.uint8) for level in levels)

    monkeypatch.setattr(manipulations, "_source", source)
    monkeypatch.setattr(manipulations, "_played", played)
    film = next(films(judged / "data", params))
    jpeg = base64.b64decode(film.poster.removeprefix("data:image/jpeg;base64,"))
    poster = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert poster.shape == (film.height, film.width, 3)
    assert poster[:, 192:384].mean() == pytest.approx(30, abs=2)


def test_the_section_is_there_only_where_something_was_made(judged, params, tmp_path):
    metrics = tmp_path / "metrics"
    metrics.mkdir(exist_ok=True)
    assert read_manipulations(judged / "data", metrics, params) is None
    (metrics / "judge.json").write_text('{"better": {}, "means": {}, "gains": {}}')
    assert read_manipulations(judged / "data", metrics, params) is None
    means = {"base": {"intra": {"LSE-D": {"happy": 3.0, "average": 3.0}}}}
    summary = {"better": {"LSE-D": "lower"}, "means": means, "gains": {}}
    (metrics / "judge.json").write_text(json.dumps(summary))
    (metrics / "experts.json").write_text('{"sync": {"clips": 3}}')
    found = read_manipulations(judged / "data", metrics, params)
    assert found is not None
    assert found["tables"][0].rows == (("without STCCL", ("3.000",)),)
    assert len(found["films"]) == 2
    assert found["experts"]["sync"]["clips"] == 3
