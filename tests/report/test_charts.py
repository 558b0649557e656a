import re
from xml.etree import ElementTree

import numpy as np

from stccl.report import charts
from stccl.report.curves import read_curves


def path_chart(key="a"):
    return charts.warping_path([0.0, 0.5, 1.0], [0.0, 0.2, 1.2], ("neutral", "<b>$x$ & é"), key)


def test_chart_is_wellformed_takes_colours_from_the_page_and_names_no_address():
    svg = path_chart()
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert "http" not in svg
    assert "var(--positive)" in svg
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]", svg)
    assert "<b>$x$ & é (s)" in ["".join(text.itertext()) for text in root.iter("text")]


def test_charts_on_one_page_share_no_id_and_are_the_same_each_time():
    first, second = (set(re.findall(r'\bid="([^"]+)"', path_chart(key))) for key in "ab")
    assert first
    assert not first & second
    assert path_chart() == path_chart()


def test_curves_of_one_quantity_come_together(tmp_path):
    folder = tmp_path / "plots" / "metrics"
    for name, rows in (("train/loss", "0\t2\n1\t1.5\n"), ("heldout/loss", "1\tnan\n2\t1.25\n")):
        path = folder / f"{name}.tsv"
        path.parent.mkdir(parents=True)
        path.write_text("step\tloss\n" + rows)
    (folder / "pace.tsv").write_text("timestamp\tstep\tpace\n123\t0\t7\n")
    found = read_curves(tmp_path)
    assert list(found) == ["loss", "pace"]
    assert list(found["loss"]) == ["training", "held out"]
    assert np.array_equal(found["loss"]["training"], [[0, 1], [2, 1.5]])
    assert np.array_equal(found["loss"]["held out"], [[2], [1.25]])
    assert np.array_equal(found["pace"][""], [[0], [7]])
    for title, lines in found.items():
        ElementTree.fromstring(charts.training(title, lines))


def test_no_curves_where_nothing_was_recorded(tmp_path):
    assert read_curves(tmp_path / "absent") == {}
