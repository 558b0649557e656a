"""What is computed for a frozen metric, beside the modules whose weights it has."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from stccl.metric.activation import PReLU
from stccl.metric.backbone import IResNet
from stccl.metric.folded import FoldedIResNet, Folding
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.sampling import draw_locations

EXACT = 1e-11
"""Relative to the largest value, in double precision: another order of the same sums."""


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).to(dtype) * 2 - 1


def worn(module: nn.Module, seed: int = 0) -> nn.Module:
    """Norms and slopes as if it had been trained: none of them at 0 or 1, some slopes negative."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.weight, 1, 0.2)
                nn.init.normal_(part.bias, 0, 0.5)
                nn.init.normal_(part.running_mean, 0, 0.5)
                nn.init.uniform_(part.running_var, 0.5, 2)
            if isinstance(part, nn.PReLU):
                nn.init.uniform_(part.weight, -0.3, 0.7)
    return module.eval().requires_grad_(False)


def backbone(widths=(16, 32, 16, 48), blocks=(2, 1, 2, 1)) -> IResNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return worn(IResNet(blocks, widths))


def through(function, images: Tensor, of_maps) -> list[Tensor]:
    """Maps, and the gradient of the images; `of_maps` are weights of the maps, None for unused."""
    images = images.clone().requires_grad_()
    maps = function(images)
    sum((m * w.to(m.dtype)).sum() for m, w in zip(maps, of_maps, strict=True)
        if w is not None).backward()  # fmt: skip
    return [*(m.detach() for m in maps), images.grad]


def close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= tolerance * other.abs().max()


def weights_of(maps, seed: int = 7) -> list[Tensor]:
    return [noise(*m.shape, seed=seed + i, dtype=m.dtype) for i, m in enumerate(maps)]


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(33, 70),
    width=st.integers(33, 70),
    batch=st.integers(1, 3),
    blocks=st.tuples(*[st.integers(1, 2)] * 4),
    widths=st.tuples(*[st.sampled_from([16, 32])] * 4),
)
def test_maps_and_gradient_are_those_of_the_modules(height, width, batch, blocks, widths):
    plain = backbone(widths, blocks).double()
    images = noise(batch, 3, height, width, dtype=torch.float64)
    of_maps = weights_of(plain(images))
    folded = FoldedIResNet(plain, torch.float64)
    close(through(folded, images, of_maps), through(plain, images, of_maps), EXACT)


def test_in_single_precision_it_is_as_near_to_the_truth_as_the_modules():
    plain, images = backbone(), noise(2, 3, 80, 64)
    of_maps = weights_of(plain(images))
    truth = through(copy.deepcopy(plain).double(), images.double(), of_maps)
    close(through(FoldedIResNet(plain, torch.float32), images, of_maps), truth, 2e-5)


@pytest.mark.parametrize("used", [[0], [2], [1, 3]])
def test_levels_that_are_not_used_have_no_part_in_the_gradient(used):
    plain = backbone().double()
    images = noise(1, 3, 40, 40, dtype=torch.float64)
    of_maps = [w if i in used else None for i, w in enumerate(weights_of(plain(images)))]
    folded = FoldedIResNet(plain, torch.float64)
    close(through(folded, images, of_maps)[4:], through(plain, images, of_maps)[4:], EXACT)


def test_half_precision_points_the_same_way():
    plain, images = backbone((32, 32, 64, 64), (3, 3, 4, 2)), noise(2, 3, 112, 112)
    of_maps = weights_of(plain(images))
    *maps, gradient = through(plain, images, of_maps)
    *rough, found = through(FoldedIResNet(plain, torch.bfloat16), images, of_maps)
    for one, other in zip([*rough, found], [*maps, gradient], strict=True):
        cosine = cosine_similarity(one.double().flatten(), other.double().flatten(), dim=0)
        assert cosine > 0.99
    assert {m.dtype for m in rough} == {torch.bfloat16}


@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
def test_a_frozen_loss_is_the_loss(small, formulation):
    """Parameters that ask for gradients keep to the modules."""
    config = small.model_copy(update={"formulation": formulation})
    frozen = worn(initial(config, 0)).double()
    plain = copy.deepcopy(frozen).requires_grad_()
    assert not plain.backbone.training
    locations = draw_locations(48, 48, config, torch.Generator().manual_seed(0))
    found = []
    for loss in (frozen, plain):
        generated = noise(2, 3, 3, 48, 48, dtype=torch.float64).requires_grad_()
        terms = loss(generated, noise(2, 3, 3, 48, 48, seed=1).double(), locations=locations)
        terms.total.backward()
        found.append([*(term.detach().double() for term in terms), generated.grad])
    close(found[0], found[1], 1e-8)


def total(loss: STCCLLoss) -> float:
    locations = draw_locations(48, 48, loss.config, torch.Generator().manual_seed(0))
    images = (noise(1, 3, 48, 48, seed=s).to(loss.backbone.conv1.weight.dtype) for s in (0, 1))
    return float(loss(*images, locations=locations).total)


def test_weights_may_change_after_it_was_used(small):
    loss, other = (worn(initial(small, seed), seed).freeze() for seed in (0, 1))
    first, expected = total(loss), total(other)
    assert first != expected
    loss.load_state_dict(other.state_dict())
    assert total(loss) == expected
    loss.backbone.layer2[0].bn1.running_mean.add_(0.5)
    assert total(loss) != expected
    loss.double()
    assert total(loss) != total(loss.float()) != 0


def test_copies_and_files_of_it_hold_the_weights_alone(small):
    loss = worn(initial(small, 0)).freeze()
    names, expected = list(loss.state_dict()), total(loss)
    assert list(loss.state_dict()) == names
    for again in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert list(again.state_dict()) == names
        assert total(again) == expected
    fresh = initial(small, 0)
    assert len(pickle.dumps(loss)) < 1.01 * len(pickle.dumps(fresh))


def test_it_is_folded_once():
    folding, plain = Folding(), backbone()
    once = folding(plain, torch.float32)
    assert folding(plain, torch.float32) is once
    assert folding(plain, torch.float64) is not once


def test_the_gradient_can_be_asked_for_twice_and_not_of_itself():
    folded = FoldedIResNet(backbone(), torch.float32)
    images = noise(1, 3, 40, 40).requires_grad_()
    value = folded(images)[3].square().sum()
    first, second = (torch.autograd.grad(value, images, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    (gradient,) = torch.autograd.grad(value, images, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_supervision_is_in_what_the_device_is_good_at(small, monkeypatch):
    auto = small.model_copy(update={"supervision_precision": "auto"})
    seen = []
    monkeypatch.setattr(
        "stccl.metric.loss.Folding",
        lambda: lambda backbone, dtype: seen.append(dtype) or FoldedIResNet(backbone, dtype),
    )
    for fast in (True, False):
        monkeypatch.setattr("stccl.metric.loss.computes_in_bf16", lambda _, fast=fast: fast)
        total(initial(auto, 0).freeze())
        total(initial(small, 0).freeze())
        total(initial(auto, 0).freeze().double())
        initial(auto, 0).freeze().similarity(noise(1, 3, 48, 48), noise(1, 3, 48, 48))
        with torch.autocast("cpu", torch.float16):
            total(initial(small, 0).freeze())
    half, single, double = torch.bfloat16, torch.float32, torch.float64
    rest = [*[single] * 2, *[double] * 2, *[single] * 2, *[torch.float16] * 2]
    assert seen == [half, half, *rest, single, single, *rest]


@settings(deadline=None)
@given(
    seed=st.integers(0, 99),
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    laid_out=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_the_activation_has_the_gradients_of_torch(seed, shape, laid_out):
    torch_own, ours = nn.PReLU(shape[1]).double(), PReLU(shape[1]).double()
    nn.init.uniform_(torch_own.weight, -1, 1)
    ours.load_state_dict(torch_own.state_dict())
    x = (
        (3 * noise(*shape, seed=seed, dtype=torch.float64))
        .round()
        .contiguous(memory_format=laid_out)
    )
    results = []
    for module in (torch_own, ours):
        leaf = x.clone().requires_grad_()
        (module(leaf) * noise(*shape, seed=1, dtype=torch.float64)).sum().backward()
        results.append((leaf.grad, module.weight.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
