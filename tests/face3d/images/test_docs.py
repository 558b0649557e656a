"""`docs/face-images.md` keeps its promises: its blocks run one after the other as printed."""

import re
from pathlib import Path

import torch

PAGE = (Path(__file__).parents[3] / "docs/face-images.md").read_text(encoding="utf-8")


def test_the_page_runs_as_printed():
    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(block, "docs/face-images.md", "exec"), names)
    assert names["condition"].shape == (4, 10, 256, 256)
    assert 0 <= names["condition"].min() < names["condition"].max() <= 1
    assert (names["gaze"].sum((1, 2, 3)) > 10).all()
    assert names["coefficients"].jaw.grad.abs().sum() > 0
    assert torch.equal(names["image"][:, 0], names["image"][:, 2])
