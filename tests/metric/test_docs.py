"""`docs/add-stccl.md` keeps its promises: every block runs as it is printed."""

import re
from pathlib import Path

import pytest

from stccl.metric.loss import initial

PAGE = (Path(__file__).parents[2] / "docs/add-stccl.md").read_text(encoding="utf-8")
BLOCKS = {
    heading.strip(): code
    for heading, code in re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
    )
}


@pytest.fixture
def beside_a_metric(small, tmp_path, monkeypatch) -> None:
    # Large enough for more than one region at the fourth level.
    config = small.model_copy(update={"size_px": 80, "positions": (9, 8, 4, 2)})
    initial(config, 0).freeze().save_pretrained(tmp_path / "models" / "metric")
    monkeypatch.chdir(tmp_path)


def test_every_block_is_found():
    assert len(BLOCKS) == PAGE.count("```python")


@pytest.mark.parametrize("heading", BLOCKS)
def test_it_runs_as_printed(beside_a_metric, heading):
    names: dict = {}
    exec(compile(BLOCKS[heading], heading, "exec"), names)
    if "generator" in names:
        gradients = [p.grad for p in names["generator"].parameters()]
        assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    if "denoiser" in names:
        assert names["denoiser"].weight.grad.abs().sum() > 0
    if "weight" in names:
        assert names["weight"] > 0
    if "curves" in names:
        assert set(names["curves"]) == set(names["terms"]._fields)
    if "picture" in names:
        assert names["picture"].shape == (256, 256, 3)
