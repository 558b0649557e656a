import json

import numpy as np
import pandas as pd
import pytest
import torch

from stccl.errors import StageError
from stccl.evaluation.stage import VALUES, run, summarise
from stccl.metric.data import WindowReader, read_pairs
from stccl.metric.loss import initial
from stccl.tables.io import read_table, write_table


@pytest.fixture
def evaluated(made_data, small_params, tmp_path):
    """Weights of another seed stand in for trained ones."""
    trained = initial(small_params.metric.config, 99).freeze()
    trained.save_pretrained(tmp_path / "models" / "metric")
    calls = []
    run(
        made_data, tmp_path / "models", tmp_path / "metrics", tmp_path / "plots", small_params,
        lambda *call: calls.append(call),
    )  # fmt: skip
    assert calls[-1] == (6, 6)
    return trained, tmp_path


def test_rows_are_similarities_of_the_windows(evaluated, made_data, small_params):
    trained, _ = evaluated
    rows = read_table(made_data / "evaluation.parquet", "evaluation").to_pylist()
    assert len(rows) == 2 * 3 * 2 * 2  # pairs, windows, metrics, weights
    assert {row["speaker"] for row in rows} == {"C"}
    row = next(r for r in rows if r["metric"] == "temporal" and r["weights"] == "trained")
    pair = next(p for p in read_pairs(made_data, "metric-test", 3) if p.pair == row["pair"])
    window = next(w for w in pair.windows if w.step == row["step"])
    target, source = WindowReader(made_data, 48).read(pair, window)
    expected = trained.similarity(target[None], source[None]).temporal
    for value in VALUES:
        assert row[value] == pytest.approx(float(getattr(expected, value).mean()), abs=1e-6)


def test_the_summary_is_of_the_rows(evaluated, made_data):
    _, out = evaluated
    table = read_table(made_data / "evaluation.parquet", "evaluation").to_pandas()
    summary = json.loads((out / "metrics" / "evaluation.json").read_text())
    assert set(summary) == {"spatial", "temporal"}
    assert set(summary["spatial"]) == {"all", "fear", "happy"}
    means = table[table.metric == "spatial"].groupby("weights")[list(VALUES)].mean()
    found = summary["spatial"]["all"]
    for weights in ("trained", "untrained"):
        for value in VALUES:
            assert found[weights][value] == pytest.approx(means.loc[weights, value])
    margin = means["positive_cosine"] - means["negative_cosine"]
    assert found["gain"]["cosine"]["mean"] == pytest.approx(margin.trained - margin.untrained)


def test_plots_hold_every_bar(evaluated):
    _, out = evaluated
    bars = pd.read_csv(out / "plots" / "evaluation" / "similarity.csv")
    assert len(bars) == 2 * 2 * 2 * 2  # metrics, weights, emotions, signs
    levels = pd.read_csv(out / "plots" / "evaluation" / "levels.csv")
    assert sorted(levels["level"].unique()) == [1, 2, 3, 4]


def test_no_speaker_to_judge_on_is_one_line(small_params, tmp_path):
    write_table(tmp_path / "pairs.parquet", "pairs", [])
    with pytest.raises(StageError, match="no pair of split metric-test"):
        run(tmp_path, tmp_path, tmp_path, tmp_path, small_params, lambda *_: None)


def made_rows(gains):
    """Pairs whose margin grows by the given amount, over five frames each."""
    rows = []
    for number, gain in enumerate(gains):
        for weights, positive in (("untrained", 0.5), ("trained", 0.5 + gain)):
            values = dict(zip(VALUES, (positive, 0.1, positive / 2, 0.0), strict=True))
            about = {"pair": str(number), "metric": "spatial", "target_emotion": "sad"}
            rows += [{**about, "weights": weights, "step": s, **values} for s in range(5)]
    return pd.DataFrame(rows)


def test_the_interval_is_that_of_pairs_and_not_of_frames():
    gains = np.random.default_rng(0).normal(0.3, 0.1, 40)
    found = summarise(made_rows(gains), seed=0, samples=4000, confidence=0.95)["spatial"]["all"]
    gain = found["gain"]["cosine"]
    assert found["pairs"] == 40
    assert gain["mean"] == pytest.approx(gains.mean())
    # The normal approximation of the mean of 40 independent gains.
    half = 1.96 * gains.std() / np.sqrt(40)
    assert gain["high"] - gain["low"] == pytest.approx(2 * half, rel=0.1)
    assert found["gain"]["pearson"]["mean"] == pytest.approx(gains.mean() / 2)


def test_one_pair_has_an_interval_of_no_width():
    gain = summarise(made_rows([0.2]), seed=0, samples=20, confidence=0.9)["spatial"]["all"]["gain"]
    assert gain["cosine"]["low"] == pytest.approx(gain["cosine"]["high"]) == pytest.approx(0.2)


def test_deterministic(evaluated, made_data, small_params):
    _, out = evaluated
    before = (made_data / "evaluation.parquet").read_bytes()
    torch.manual_seed(7)
    run(made_data, out / "models", out / "again", out / "again", small_params, lambda *_: None)
    assert (made_data / "evaluation.parquet").read_bytes() == before
    for name in ("metrics", "again"):
        assert (out / name / "evaluation.json").read_bytes() == (
            out / "metrics" / "evaluation.json"
        ).read_bytes()
