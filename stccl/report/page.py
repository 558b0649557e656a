"""From figures and pictures to one HTML file that needs nothing beside itself."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stccl.report.numbers import Change, duration, interval, plain, signed


def render(content: Mapping[str, Any]) -> str:
    """The page. Every text in `content` is escaped unless it is `Markup`."""
    environment = Environment(
        loader=PackageLoader("stccl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=plain, signed=signed, interval=interval, duration=duration, count=count
    )
    style = Path(__file__).with_name("templates") / "style.css"
    # A style sheet is no HTML: escaping would break it, and nothing of it comes from data.
    sheet = Markup(style.read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(style=sheet, **content)


def count(number: int, of: str) -> str:
    r"""A number with its noun.

    >>> count(1, "speakers"), count(70303, "frame pairs")
    ('1 speaker', '70\u202f303 frame pairs')
    """
    return (
        f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        + " "
        + (of.removesuffix("s") if number == 1 else of)
    )


def headline(changes: Sequence[Change]) -> str:
    """What training did, in a few words."""
    rose, fell, flat = (
        [change.metric for change in changes if change.verdict == verdict]
        for verdict in ("rose", "fell", "did not rise")
    )
    what = "both metrics" if len(changes) > 1 else f"the {changes[0].metric} metric"
    if len(rose) == len(changes):
        return f"Training taught {what} to tell which face regions belong together"
    if rose:
        other = f"the {fell[0]} one fell" if fell else f"the {flat[0]} one did not rise"
        return f"Training helped the {rose[0]} metric; {other}"
    if len(fell) == len(changes):
        return f"Training did not help: {what} fell"
    if fell:
        return f"Training did not help: the {fell[0]} metric fell, the {flat[0]} one did not rise"
    if len(changes) > 1:
        return "Training did not help: neither metric rose"
    return f"Training did not help: {what} did not rise"


def finding(change: Change, confidence: str) -> str:
    """One metric's result as a sentence: both similarities, their gap, and how sure it is."""
    positive, negative = change.positive, change.negative
    gain = change.gain
    sure = (
        f"{confidence} interval {signed(gain.low)} to {signed(gain.high)}"
        if gain.low is not None and gain.high is not None
        else "one clip pair, so no interval"
    )
    return (
        f"{change.metric.capitalize()}: similarity of corresponding regions went from "
        f"{plain(positive['untrained'].mean)} to {plain(positive['trained'].mean)}, of other "
        f"regions from {plain(negative['untrained'].mean)} to {plain(negative['trained'].mean)}; "
        f"the gap between them {change.verdict}: {plain(change.separation['untrained'].mean)} to "
        f"{plain(change.separation['trained'].mean)} (change {signed(gain.mean)}, {sure})."
    )


def icon() -> str:
    """A page icon as a data URL; without one a browser asks the server for it."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        '<rect width="16" height="16" rx="4" fill="#1d4ed8"/>'
        '<path d="M3 11 8 4l5 7" fill="none" stroke="#fff" stroke-width="2"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
