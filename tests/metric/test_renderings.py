"""The same loss, and the same metric, on shaded renderings of a head as on pictures."""

import numpy as np
import pytest
import torch
from torch import Tensor

from stccl.metric.loss import STCCLLoss, initial

SIZE = 64
GRAY = 180 / 255


def shaded(opening: Tensor, smile: float) -> tuple[Tensor, Tensor]:
    """Gray height fields under a lamp from above left, on black, and where the head is.

    Args:
        opening: How far the mouth is open in each of T frames.
        smile: How much the face is deformed by emotion, all the time.

    Returns:
        (T, 3, H, W) in [-1, 1] and (T, H, W).
    """
    y, x = torch.meshgrid(*[torch.linspace(-1.2, 1.2, SIZE)] * 2, indexing="ij")
    head = x**2 + y**2 < 1
    height = torch.sqrt((1 - x**2 - y**2).clamp(min=0.05)).expand(len(opening), -1, -1)
    height = height + 0.15 * torch.exp(-((x**2 + (y - 0.0) ** 2) / 0.02))
    mouth = torch.exp(-(x**2 / 0.08 + (y - 0.5) ** 2 / 0.01))
    height = height - opening[:, None, None] * mouth
    height = height + smile * torch.exp(-(((x.abs() - 0.5) ** 2 + (y - 0.2) ** 2) / 0.03))
    down, right = torch.gradient(height, spacing=2.4 / SIZE, dim=(1, 2))
    normal = torch.nn.functional.normalize(
        torch.stack([-right, -down, torch.ones_like(right)]), dim=0
    )
    lamp = torch.nn.functional.normalize(torch.tensor([-0.4, -0.4, 1.0]), dim=0)
    light = (GRAY * (normal * lamp[:, None, None, None]).sum(dim=0)).clamp(0, 1) * head
    return (2 * light - 1)[:, None].expand(-1, 3, -1, -1), head.expand(len(opening), -1, -1)


@pytest.fixture(params=["disparity", "correlation"])
def loss(request, small) -> STCCLLoss:
    changes = {"size_px": SIZE, "formulation": request.param, "positions": (64, 48, 16, 4)}
    return initial(small.model_copy(update=changes), 0).freeze()


def spoken(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 0.4, 5)).float()


def test_the_same_words_are_closer_than_others_whatever_the_expression(loss):
    source, head = (side[None] for side in shaded(spoken(0), smile=0.0))
    same, other = (shaded(spoken(seed), smile=0.2)[0][None] for seed in (0, 1))
    values = []
    for generated in (same, other):
        torch.manual_seed(0)
        terms = loss(generated, source, mask=head)
        assert terms.degenerate == 0
        values.append(terms)
    assert values[0].temporal < values[1].temporal
    assert values[0].total < values[1].total


def test_gradients_reach_the_mesh(loss):
    """Through the shading, back to what a 3DMM would give: how far the mouth is open."""
    source, head = (side[None] for side in shaded(spoken(0), smile=0.0))
    opening = spoken(1).requires_grad_()
    loss(shaded(opening, smile=0.2)[0][None], source, mask=head).total.backward()
    assert (opening.grad != 0).all()
    assert torch.isfinite(opening.grad).all()


def test_the_black_around_a_head_is_harmless_and_can_be_left_out(loss):
    source, head = (side[None] for side in shaded(spoken(0), smile=0.0))
    generated = shaded(spoken(1), smile=0.2)[0][None].clone().requires_grad_()
    torch.manual_seed(0)
    everything = loss(generated, source)
    torch.manual_seed(0)
    face = loss(generated, source, mask=head)
    assert torch.isfinite(everything.total)
    assert everything.total != face.total
    everything.total.backward()
    assert torch.isfinite(generated.grad).all()


def test_one_metric_supervises_pictures_and_renderings(loss):
    """Shared weights: both terms come from the same modules and add up."""
    source, head = (side[None] for side in shaded(spoken(0), smile=0.0))
    rendering = shaded(spoken(1), smile=0.2)[0][None].clone().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    picture = (torch.rand(1, 5, 3, SIZE, SIZE, generator=generator) * 2 - 1).requires_grad_()
    before = {k: v.clone() for k, v in loss.state_dict().items()}
    total = loss(rendering, source, mask=head).total + loss(picture, picture.detach()).total
    total.backward()
    assert rendering.grad.abs().sum() > 0
    assert picture.grad.abs().sum() > 0
    assert all(torch.equal(v, before[k]) for k, v in loss.state_dict().items())
