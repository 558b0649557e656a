"""The figures of the page: means over clip pairs, their intervals, and what they amount to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stccl.errors import StageError

Verdict = Literal["rose", "fell", "did not rise"]
METRICS = ("spatial", "temporal")
WEIGHTS = ("untrained", "trained")


@dataclass(frozen=True)
class Estimate:
    """A mean over clip pairs with its bootstrap interval.

    Attributes:
        mean: In the unit of the values.
        low, high: Ends of the interval; None where a single pair leaves nothing to resample.
        pairs: How many clip pairs stand behind it.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int


@dataclass(frozen=True)
class Change:
    """Similarity before and after training, for one metric and one set of clip pairs.

    Attributes:
        positive, negative: Similarity of corresponding and of other regions, by weights.
        separation: Positive minus negative, by weights.
        gain: Trained minus untrained separation of the same pairs.
    """

    metric: str
    positive: dict[str, Estimate]
    negative: dict[str, Estimate]
    separation: dict[str, Estimate]
    gain: Estimate

    @property
    def verdict(self) -> Verdict:
        """`rose` or `fell` only where the whole interval of the gain lies on one side of zero."""
        low, high = self.gain.low, self.gain.high
        if low is None or high is None or not np.isfinite(self.gain.mean):
            return "did not rise" if not self.gain.mean > 0 else "rose"
        return "rose" if low > 0 else "fell" if high < 0 else "did not rise"


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: percentiles of the means of resampled clip pairs.

    Attributes:
        samples: Number of resamples.
        confidence: Coverage in (0, 1).
        seed: Of the generator.
    """

    samples: int
    confidence: float
    seed: int

    def estimate(self, values: Sequence[float] | npt.NDArray[np.float64]) -> Estimate:
        """The mean of one value per clip pair, with its percentile bootstrap interval.

        Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.

        >>> Resampling(samples=100, confidence=0.95, seed=0).estimate([0.5, 0.5, 0.5])
        Estimate(mean=0.5, low=0.5, high=0.5, pairs=3)
        """
        array = np.asarray(values, np.float64)
        if len(array) < 2:
            return Estimate(float(array.mean()), None, None, len(array))
        drawn = np.random.default_rng(self.seed).integers(0, len(array), (self.samples, len(array)))
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(array[drawn].mean(axis=1), [tail, 1 - tail])
        return Estimate(float(array.mean()), float(low), float(high), len(array))


def pair_means(evaluation: pd.DataFrame, similarity: str) -> pd.DataFrame:
    """One row per clip pair and metric: the means over its steps, untrained beside trained.

    Args:
        evaluation: Rows of the `evaluation` table, of one split.
        similarity: `cosine` or `pearson`.

    Returns:
        Indexed by pair; columns `metric`, `speaker`, `emotion` (the target's) and
        `<weights>_<positive|negative|separation>`.

    Raises:
        StageError: Where a pair was judged with one set of weights only, or without a number.
    """
    kinds = ("positive", "negative")
    wide = evaluation.pivot_table(
        index=["metric", "pair", "speaker", "target_emotion"],
        columns="weights",
        values=[f"{kind}_{similarity}" for kind in kinds],
        aggfunc="mean",
    )
    means = pd.DataFrame(index=wide.index)
    for weights in WEIGHTS:
        for kind in kinds:
            column = (f"{kind}_{similarity}", weights)
            means[f"{weights}_{kind}"] = wide[column] if column in wide.columns else np.nan
        means[f"{weights}_separation"] = means[f"{weights}_positive"] - means[f"{weights}_negative"]
    if not np.isfinite(means.to_numpy(float)).all():
        raise StageError(
            "data/evaluation.parquet: expected finite similarities by trained and untrained "
            "weights for every pair, some are missing; run `dvc repro --force evaluate`"
        )
    return means.reset_index().rename(columns={"target_emotion": "emotion"}).set_index("pair")


def change(means: pd.DataFrame, metric: str, resampling: Resampling) -> Change:
    """What training did to one metric, over the pairs in `means` (of `pair_means`)."""
    rows = means[means["metric"] == metric]

    def by_weights(value: str) -> dict[str, Estimate]:
        return {w: resampling.estimate(rows[f"{w}_{value}"].to_numpy(float)) for w in WEIGHTS}

    gain = rows["trained_separation"] - rows["untrained_separation"]
    return Change(
        metric,
        by_weights("positive"),
        by_weights("negative"),
        by_weights("separation"),
        resampling.estimate(gain.to_numpy(float)),
    )


def signed(value: float) -> str:
    """A number with two decimals and a typographic sign.

    >>> signed(0.5), signed(-0.125), signed(-0.001)
    ('+0.50', '−0.12', '0.00')
    """
    return "0.00" if plain(value) == "0.00" else ("+" if value > 0 else "") + plain(value)


def plain(value: float) -> str:
    """A number with two decimals, a typographic minus, and no minus before zero.

    >>> plain(0.4567), plain(-0.3), plain(float("nan"))
    ('0.46', '−0.30', 'n/a')
    """
    if not np.isfinite(value):
        return "n/a"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}")


def interval(estimate: Estimate) -> str:
    """The two ends of an interval, or why there is none.

    >>> interval(Estimate(0.5, 0.4, 0.6, 3)), interval(Estimate(0.5, None, None, 1))
    ('0.40 to 0.60', 'one pair, no interval')
    """
    if estimate.low is None or estimate.high is None:
        return "one pair, no interval"
    return f"{plain(estimate.low)} to {plain(estimate.high)}"


def duration(seconds: float) -> str:
    """A length of time in the unit a person would use.

    >>> duration(42.4), duration(754), duration(10_000)
    ('42 s', '12.6 min', '2.8 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
