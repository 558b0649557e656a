import onnxruntime
import pytest
import torch

from stccl.errors import StcclError
from stccl.export.metric import INPUTS, OUTPUTS, export_metric, export_onnx
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.sampling import draw_locations

SMALL = STCCLConfig(
    size_px=48,
    blocks=(1, 1, 1, 1),
    widths=(16, 16, 16, 16),
    centres=(3, 3, 2, 1),
    positions=(9, 8, 4, 1),
    supervision_precision="32-true",
)
VALUES = 1e-5
"""Relative: another order of the same sums."""


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def metric(formulation: str) -> STCCLLoss:
    return initial(SMALL.model_copy(update={"formulation": formulation}), 0).freeze()


def regions(loss):
    return draw_locations(48, 48, loss.config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("formulation", "frames", "batch"),
    [("disparity", None, 1), pytest.param("correlation", 3, 3, marks=pytest.mark.slow)],
)
def test_the_program_is_the_loss_with_its_gradient(tmp_path, formulation, frames, batch):
    loss = metric(formulation)
    torch.export.save(export_metric(loss, frames), tmp_path / "metric.pt2")
    program = torch.export.load(tmp_path / "metric.pt2").module()
    shape = (batch, *([frames] if frames else []), 3, 48, 48)
    source = noise(*shape, seed=1)
    gradients = []
    for function in (program, lambda a, b: loss(a, b, locations=regions(loss))):
        generated = noise(*shape, seed=0).requires_grad_()
        terms = function(generated, source)
        values = dict(zip(OUTPUTS, terms, strict=False))
        values["total"].backward()
        gradients.append(({k: v.item() for k, v in values.items()}, generated.grad))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=VALUES)
    # Values beside the kink of their activation may fall on its other side.
    one, other = (gradient.flatten() for _, gradient in gradients)
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.9999
    assert other.norm().item() == pytest.approx(one.norm().item(), rel=1e-3)


def test_what_the_loss_refuses_is_not_a_number_in_the_program():
    program = export_metric(metric("disparity")).module()
    fine = noise(1, 3, 48, 48, seed=0)
    for bad in (255 * fine, fine * torch.nan, fine / 0):
        assert all(torch.isnan(program(*images)[0]) for images in ((bad, fine), (fine, bad)))
    assert torch.isfinite(program(fine, fine)[0])


@pytest.mark.slow
@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
def test_onnx_agrees(tmp_path, formulation):
    loss = metric(formulation)
    export_onnx(loss, tmp_path / "metric.onnx", 3)
    session = onnxruntime.InferenceSession(tmp_path / "metric.onnx")
    clips = [noise(3, 3, 3, 48, 48, seed=seed) for seed in (0, 1)]
    found = session.run(None, {k: v.numpy() for k, v in zip(INPUTS, clips, strict=True)})
    expected = loss(*clips, locations=regions(loss))
    for name, value in zip(OUTPUTS, found, strict=True):
        assert float(value) == pytest.approx(getattr(expected, name).item(), rel=1e-4), name


def test_a_metric_that_learns_is_refused(tmp_path):
    with pytest.raises(StcclError, match="still learns; freeze it first"):
        export_metric(initial(SMALL, 0))
