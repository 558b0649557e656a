"""On a GPU a value that Python looks at stops the queue until it is computed.

Tensors on the device `meta` have no values: whatever looks at one there is an error. So a step that
runs on it never waits.
"""

import contextlib

import pytest
import torch

from stccl.metric.loss import initial
from tests.metric.test_loss import noise, where


@pytest.fixture(autouse=True)
def autocast_knows_every_device(monkeypatch):
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: False)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())


def images(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, 3, 48, 48, device="meta", requires_grad=True)


def test_there_are_no_values_to_look_at():
    with pytest.raises(RuntimeError, match="meta"):
        images(1).sum().item()


@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
@pytest.mark.parametrize("shape", [(2,), (2, 4)], ids=["images", "clips"])
@pytest.mark.parametrize("frozen", [True, False], ids=["supervision", "training"])
@pytest.mark.parametrize("masked", ["nothing", "frames", "pixels"])
def test_a_step_never_waits(small, formulation, shape, frozen, masked):
    config = small.model_copy(
        update={"formulation": formulation, "centred": formulation == "correlation"}
    )
    loss = initial(config, 0).to("meta")
    loss = loss.freeze() if frozen else loss.train()
    mask = {
        "nothing": None,
        "frames": torch.empty(shape, dtype=torch.bool, device="meta"),
        "pixels": torch.empty((*shape, 48, 48), dtype=torch.bool, device="meta"),
    }[masked]
    generated, source = images(*shape), images(*shape).detach()
    weight = torch.empty(2, device="meta")
    loss(generated, source, mask=mask, sample_weight=weight).total.backward()
    assert generated.grad is not None
    if frozen:
        loss(generated, loss.features(source), mask=mask).total.backward()


@pytest.mark.slow
@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
def test_a_step_is_one_graph_for_the_compiler(small, formulation):
    loss = initial(small.model_copy(update={"formulation": formulation}), 0).freeze()
    generated, source = noise(2, 4, 3, 48, 48).requires_grad_(), noise(2, 4, 3, 48, 48, seed=1)
    locations = where(loss.config)
    plain = loss(generated, source, locations=locations)
    (expected,) = torch.autograd.grad(plain.total, generated)
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    found = compiled(generated, source, locations=locations)
    (gradient,) = torch.autograd.grad(found.total, generated)
    torch.testing.assert_close(found.total, plain.total, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)
