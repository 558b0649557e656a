import math

import pytest
import torch

from stccl.metric.adaptive import AdaptiveWeight, PublishedWeight


def disparities(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_equation_6_by_hand():
    disparity = torch.tensor([[[math.log(3.0), -math.log(3.0), 0.0]]])
    # sigmoid(ln 3) = 3/4 on both sides of zero, sigmoid(0) = 1/2.
    expected = 2 * (0.75**2 + 0.75**2 + 0.5**2) / 3
    assert float(AdaptiveWeight(scale=2, power=2)(disparity)) == pytest.approx(expected)


def test_the_published_weight_by_hand():
    # sigmoid(ln 3) = 0.75 stays one; sigmoid(ln 9) = 0.9 becomes 2·0.81.
    disparity = torch.tensor([[[math.log(3.0), -math.log(9.0)], [0.0, 0.0]]])
    found = PublishedWeight(scale=2, power=2)(disparity)
    assert found[0].tolist() == pytest.approx([(1 + 1.62 + 1 + 1) / 4] * 2)


def test_the_published_weight_leaves_out_what_does_not_count():
    disparity = disparities(2, 3, 4)
    counted = torch.tensor([[True, False, True], [False, False, True]])
    found = PublishedWeight(scale=2, power=2)(disparity, counted)
    alone = PublishedWeight(scale=2, power=2)(disparity[counted][None])
    torch.testing.assert_close(found, alone[0, 0].expand(2, 3))


@pytest.mark.parametrize("kind", [AdaptiveWeight, PublishedWeight])
def test_no_gradient_and_no_loss_of_digits(kind):
    weight = kind(scale=2.0, power=2.0)(disparities(2, 3, 4).requires_grad_())
    assert not weight.requires_grad
    assert weight.dtype == torch.float64
    assert kind(scale=2.0, power=2.0)(disparities(2, 3, 4).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("kind", [AdaptiveWeight, PublishedWeight])
def test_harder_is_never_lighter(kind):
    disparity = disparities(1, 5, 4)
    weights = [float(kind(scale=2.0, power=2.0)(k * disparity).mean()) for k in (0.5, 1, 2, 4)]
    assert weights == sorted(weights)
    assert weights[0] < weights[-1] <= 2
