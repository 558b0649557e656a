import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stccl.errors import StageError
from stccl.report.numbers import METRICS, Change, Estimate, Resampling, change, pair_means
from stccl.report.page import finding, headline

RESAMPLING = Resampling(samples=4000, confidence=0.9, seed=3)


def row(pair, weights, positive, negative, metric="spatial"):
    return {
        "pair": pair,
        "speaker": "M003",
        "target_emotion": "sad",
        "metric": metric,
        "weights": weights,
        "positive_cosine": positive,
        "negative_cosine": negative,
    }


def test_pairs_count_alike_however_many_steps_they_have():
    table = pd.DataFrame(
        [
            *[row("a", "untrained", p, 0.0) for p in (0.1, 0.3)],
            *[row("a", "trained", p, 0.1) for p in (0.5, 0.7)],
            row("b", "untrained", 0.4, 0.2),
            row("b", "trained", 0.8, 0.0),
        ]
    )
    found = change(pair_means(table, "cosine"), "spatial", RESAMPLING)
    # Pair a: 0.2 − 0.0 and 0.6 − 0.1; pair b: 0.4 − 0.2 and 0.8 − 0.0.
    assert found.positive["untrained"].mean == pytest.approx((0.2 + 0.4) / 2)
    assert found.negative["trained"].mean == pytest.approx((0.1 + 0.0) / 2)
    assert found.separation["untrained"].mean == pytest.approx((0.2 + 0.2) / 2)
    assert found.separation["trained"].mean == pytest.approx((0.5 + 0.8) / 2)
    assert found.gain.mean == pytest.approx((0.3 + 0.6) / 2)
    assert (found.gain.low, found.gain.high) == pytest.approx((0.3, 0.6))
    assert found.gain.pairs == 2
    assert found.verdict == "rose"


@pytest.mark.parametrize("left_out", range(4))
def test_pair_judged_by_one_set_of_weights_only_is_refused(left_out):
    rows = [row(p, w, 0.5, 0.1) for p in "ab" for w in ("trained", "untrained")]
    del rows[left_out]
    with pytest.raises(StageError, match="by trained and untrained weights for every pair"):
        pair_means(pd.DataFrame(rows), "cosine")


def test_interval_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(0).normal(0.4, 0.1, 30)
    found = RESAMPLING.estimate(values)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=0.9, method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    # Both ends are Monte Carlo estimates with a standard error of about 0.0007.
    assert found.low == pytest.approx(reference.low, abs=0.003)
    assert found.high == pytest.approx(reference.high, abs=0.003)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_interval_lies_within_the_values(values):
    found = Resampling(samples=50, confidence=0.95, seed=0).estimate(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found == Resampling(samples=50, confidence=0.95, seed=0).estimate(values)


FAILED = "Training did not help:"


def changed(metric, mean, low, high):
    same = {weights: Estimate(0.5, 0.4, 0.6, 3) for weights in ("untrained", "trained")}
    return Change(metric, same, same, same, Estimate(mean, low, high, 3 if low else 1))


@pytest.mark.parametrize(
    ("mean", "low", "high", "verdict"),
    [
        (0.2, 0.1, 0.3, "rose"),
        (0.2, -0.1, 0.3, "did not rise"),
        (-0.2, -0.3, 0.1, "did not rise"),
        (-0.2, -0.3, -0.1, "fell"),
        (0.2, 0.0, 0.3, "did not rise"),
        (0.2, None, None, "rose"),
        (-0.2, None, None, "did not rise"),
        (float("nan"), None, None, "did not rise"),
    ],
)
def test_verdict_needs_the_whole_interval(mean, low, high, verdict):
    assert changed("spatial", mean, low, high).verdict == verdict


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((0.2, 0.2), "Training taught both metrics to tell which face regions belong together"),
        ((0.2, 0.0), "Training helped the spatial metric; the temporal one did not rise"),
        ((-0.2, 0.2), "Training helped the temporal metric; the spatial one fell"),
        ((0.0, 0.0), "Training did not help: neither metric rose"),
        ((-0.2, -0.2), "Training did not help: both metrics fell"),
        ((0.0, -0.2), f"{FAILED} the temporal metric fell, the spatial one did not rise"),
        ((0.0,), "Training did not help: the spatial metric did not rise"),
        ((-0.2,), "Training did not help: the spatial metric fell"),
        ((0.2,), "Training taught the spatial metric to tell which face regions belong together"),
    ],
)  # fmt: skip
def test_headline_says_what_the_verdicts_say(gains, said):
    changes = [changed(m, g, g - 0.1, g + 0.1) for m, g in zip(METRICS, gains, strict=False)]
    assert headline(changes) == said


def test_finding_holds_every_number():
    found = Change(
        "temporal",
        {"untrained": Estimate(0.52, 0.5, 0.6, 9), "trained": Estimate(0.98, 0.9, 0.99, 9)},
        {"untrained": Estimate(-0.03, -0.1, 0.0, 9), "trained": Estimate(0.01, 0.0, 0.02, 9)},
        {"untrained": Estimate(0.55, 0.5, 0.6, 9), "trained": Estimate(0.97, 0.9, 0.99, 9)},
        Estimate(0.42, 0.3, 0.5, 9),
    )
    assert finding(found, "95 %") == (
        "Temporal: similarity of corresponding regions went from 0.52 to 0.98, of other regions "
        "from −0.03 to 0.01; the gap between them rose: 0.55 to 0.97 (change +0.42, 95 % interval "
        "+0.30 to +0.50)."
    )
