"""Charts of the page, as SVG that takes its colours and its typeface from the page."""

import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stccl.report.numbers import WEIGHTS, Change, Estimate

INK, FAINT, POSITIVE, NEGATIVE, PUBLISHED = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--line)",
    POSITIVE: "var(--positive)",
    NEGATIVE: "var(--negative)",
    PUBLISHED: "var(--muted)",
}
"""Stand-ins that matplotlib draws with; the page's style sheet gives the colour of each theme."""

Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Steps and values."""

Times = Sequence[float] | npt.NDArray[np.float64]

Published = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Metric, then weights, then `positive` or `negative`; what was not published is absent."""


def similarity(change: Change, published: Published) -> str:
    """Positive and negative similarity before and after training, with intervals."""

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        for kind, colour in (("positive", POSITIVE), ("negative", NEGATIVE)):
            estimates = [getattr(change, kind)[weights] for weights in WEIGHTS]
            _with_intervals(panel, range(2), estimates, colour, "-")
            end = (1.14, estimates[-1].mean)
            panel.text(*end, kind, color=colour, va="center", fontweight="bold")
            reference = published.get(change.metric, {})
            for place, weights in enumerate(WEIGHTS):
                if kind in reference.get(weights, {}):
                    mark = reference[weights][kind]
                    panel.plot(place, mark, "D", mfc="none", mec=PUBLISHED, ms=6)
        panel.set_xticks(range(2), WEIGHTS)
        panel.set_xlim(-0.25, 1.75)
        panel.axhline(0, color=FAINT, lw=0.8, zorder=0)

    return _svg(f"similarity-{change.metric}", (4.2, 2.5), draw)


def by_emotion(changes: Mapping[str, Change], metric: str) -> str:
    """Separation (positive − negative) per emotion, untrained beside trained."""

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        places = np.arange(len(changes), dtype=float)
        for offset, weights, colour in (
            (0.15, "untrained", PUBLISHED),
            (-0.15, "trained", POSITIVE),
        ):
            estimates = [change.separation[weights] for change in changes.values()]
            _with_intervals(panel, places + offset, estimates, colour, "", across=True)
        panel.set_yticks(places, list(changes))
        panel.set_ylim(len(changes) - 0.5, -0.5)
        panel.axvline(0, color=FAINT, lw=0.8, zorder=0)
        panel.set_xlabel("positive − negative similarity")

    return _svg(f"emotions-{metric}", (4.4, 0.75 + 0.36 * max(2, len(changes))), draw)


def warping_path(source_s: Times, target_s: Times, names: Sequence[str], key: str) -> str:
    """A warping path over the straight line between its ends; times in seconds."""

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        ends = ([source_s[0], source_s[-1]], [target_s[0], target_s[-1]])
        panel.plot(source_s, target_s, color=POSITIVE, lw=2.4)
        panel.plot(*ends, color=FAINT, lw=1, dashes=(4, 3))
        panel.set_xlabel(f"{names[0]} (s)")
        panel.set_ylabel(f"{names[1]} (s)")
        panel.set_aspect("equal", adjustable="datalim")

    return _svg(f"path-{key}", (2.5, 2.4), draw)


def training(title: str, curves: Mapping[str, Curve]) -> str:
    """One quantity over training steps, a line per set of clips."""

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        for (label, (steps, values)), colour in zip(
            curves.items(), cycle((POSITIVE, NEGATIVE, PUBLISHED, INK)), strict=False
        ):
            marker = "o" if len(steps) < 2 else None
            panel.plot(steps, values, marker=marker, color=colour, lw=1.6, label=label or None)
        panel.set_title(title, loc="left", fontweight="bold")
        panel.set_xlabel("training step")
        if any(curves):
            panel.legend(frameon=False, handlelength=1.2)

    return _svg(f"training-{title}", (4.4, 2.5), draw)


def _with_intervals(
    panel: Axes,
    places: Sequence[float] | npt.NDArray[np.float64] | range,
    estimates: Sequence[Estimate],
    colour: str,
    line: str,
    *,
    across: bool = False,
) -> None:
    means = [estimate.mean for estimate in estimates]
    below = [e.mean - (e.mean if e.low is None else e.low) for e in estimates]
    above = [(e.mean if e.high is None else e.high) - e.mean for e in estimates]
    # Rounding may put a mean a hair outside its interval; a negative length would be refused.
    spans = np.clip(np.nan_to_num([below, above]), 0, None)
    ends = {"xerr": spans} if across else {"yerr": spans}
    x, y = (means, places) if across else (places, means)
    panel.errorbar(x, y, **ends, fmt="o" + line, color=colour, ms=5, lw=1.6, capsize=3)


def _svg(key: str, size_in: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    style: Any = {  # the stubs know only literal names of settings
        "svg.hashsalt": key,  # ids that are the same every time and differ between charts
        "svg.fonttype": "none",
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.5,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "text.parse_math": False,
    }
    text = StringIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a user's own matplotlibrc says
        matplotlib.rcParams.update(style)
        figure = Figure(figsize=size_in, layout="constrained", facecolor="none")
        draw(figure)
        for panel in figure.axes:
            panel.set_facecolor("none")
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _embeddable(text.getvalue())


def _embeddable(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every chart, and needed by none
    svg = re.sub(r' (?:xmlns(?::xlink)?|version|width|height)="[^"]*"', "", svg, count=5)
    svg = svg.replace("xlink:href", "href")
    for stand_in, variable in _VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    # The figure's caption and the table beside it say what a chart shows.
    return svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
