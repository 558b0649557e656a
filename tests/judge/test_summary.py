import math

import pandas as pd
import pytest

from stccl.judge.stage import summarise
from stccl.params import read_params
from stccl.report.manipulations import findings, table
from tests.conftest import ROOT

PARAMS = read_params(ROOT / "params.yaml")


def row(supervision, seed, name, emotion, value, measure="LSE-D", setting="intra"):
    return {
        "run": f"ned-{supervision}-{seed}",
        "supervision": supervision,
        "seed": seed,
        "name": name,
        "setting": setting,
        "emotion": emotion,
        "speaker": "A",
        "measure": measure,
        "value": value,
    }


ROWS = [
    row("base", 1, "a", "happy", 9.0), row("base", 2, "a", "happy", 11.0),
    row("base", 1, "b", "happy", 6.0), row("base", 2, "b", "happy", 6.0),
    row("base", 1, "c", "sad", 2.0), row("base", 2, "c", "sad", 2.0),
    row("vd", 1, "a", "happy", 8.0), row("vd", 2, "a", "happy", 10.0),
    row("vd", 1, "b", "happy", 4.0), row("vd", 2, "b", "happy", 6.0),
    row("vd", 1, "c", "sad", 1.5), row("vd", 2, "c", "sad", 1.5),
    row("source", 0, "a", "happy", 7.0),
]  # fmt: skip
FAD = [{"supervision": "vd", "seed": 1, "setting": "intra", "emotion": "sad", "measure": "FAD",
        "value": 0.25}]  # fmt: skip


def test_means_are_over_clips_and_seeds_then_over_emotions():
    found = summarise(pd.DataFrame(ROWS), FAD, PARAMS)["means"]
    assert found["base"]["intra"]["LSE-D"] == {"happy": 8.0, "sad": 2.0, "average": 5.0}
    assert found["vd"]["intra"]["LSE-D"] == {"happy": 7.0, "sad": 1.5, "average": 4.25}
    assert found["vd"]["intra"]["FAD"] == {"sad": 0.25, "average": 0.25}
    assert found["source"]["intra"]["LSE-D"] == {"happy": 7.0, "average": 7.0}


def test_gains_are_of_the_same_clips_and_seeds():
    found = summarise(pd.DataFrame(ROWS), FAD, PARAMS)["gains"]
    assert set(found) == {"vd"}
    gain = found["vd"]["intra"]["LSE-D"]
    # a: -1 and -1; b: -2 and 0; c: -0.5 and -0.5.
    assert gain["mean"] == pytest.approx(-5 / 6)
    assert gain["clips"] == 3
    assert gain["high"] < 0
    assert gain["p"] == 0.25  # both of 8 signs at which all are alike


def test_a_clip_without_a_value_leaves_the_comparison_and_not_the_means():
    rows = [*ROWS[:-1], row("base", 1, "d", "sad", 4.0), row("vd", 1, "d", "sad", math.nan)]
    found = summarise(pd.DataFrame(rows), [], PARAMS)
    assert found["gains"]["vd"]["intra"]["LSE-D"]["clips"] == 3
    assert found["means"]["base"]["intra"]["LSE-D"]["sad"] == pytest.approx(8 / 3)


def test_nothing_made_is_nothing_judged():
    assert summarise(pd.DataFrame([]), [], PARAMS) == {"better": {}, "means": {}, "gains": {}}


def test_the_papers_table_of_these_numbers():
    found = summarise(pd.DataFrame(ROWS), FAD, PARAMS)
    printed = table(found, "intra")
    assert printed.measures == ("FAD", "LSE-D")
    assert printed.better == ("↓", "↓")
    assert printed.rows == (
        ("source, as it is", ("–", "7.000")),
        ("without STCCL", ("–", "5.000")),
        ("STCCL-VD", ("0.250", "4.250")),
    )
    (name, gains) = printed.gains[0]
    assert name == "STCCL-VD"
    assert gains[0][:2] == ("LSE-D", "-0.833")
    assert gains[0][3].startswith("better (p = 0.25, 3 clips)")


UNDER = [("base", 1, "a", "happy", 3.0), ("base", 1, "b", "happy", 2.0),
         ("vd", 1, "a", "happy", 4.0), ("vd", 1, "b", "happy", 4.0)]  # fmt: skip


def test_what_is_said_first_is_what_is_sure():
    rows = [
        *ROWS,
        *(row(*r[:4], 9.0 - r[4], measure="CSIM") for r in UNDER),
        row("base", 1, "a", "happy", 0.5, measure="SSIM"),
        row("base", 1, "b", "happy", 0.5, measure="SSIM"),
        row("vd", 1, "a", "happy", 0.6, measure="SSIM"),
        row("vd", 1, "b", "happy", 0.4, measure="SSIM"),
    ]
    assert findings(summarise(pd.DataFrame(rows), FAD, PARAMS), "NED") == [
        "NED under STCCL-VD, next to NED without it: better in LSE-D; worse in CSIM; "
        "no clear change in 1 of 3 measures."
    ]
