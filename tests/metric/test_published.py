"""The published checkpoints and the published arithmetic."""

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stccl.errors import StcclError
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.sampling import Locations, draw_locations

OUTPUTS, GRADIENTS = 1e-4, 2e-3
"""Of the largest value: what another number of threads or other instructions may change."""


def recipe_b(contract: list) -> dict[str, Tensor]:
    """Random weights that let the signal through, as the goldens were made with."""
    state = {}
    for index, (key, shape, dtype) in enumerate(contract):
        r = torch.randn(shape, generator=torch.Generator().manual_seed(1000 + index))
        if not dtype.startswith("float"):
            state[key] = torch.zeros(shape, dtype=getattr(torch, dtype))
        elif len(shape) >= 2:
            state[key] = r / math.sqrt(math.prod(shape[1:]))
        elif key.endswith("running_var"):
            state[key] = 1 + 0.1 * r.abs()
        elif key.endswith("weight"):
            state[key] = 1 + 0.1 * r
        else:
            state[key] = 0.05 * r
    return state


@pytest.fixture(scope="module")
def checkpoint(contracts, tmp_path_factory):
    """A file with the 484 keys of the published metric."""
    path = tmp_path_factory.mktemp("published") / "metric.pth"
    torch.save(recipe_b(json.loads((contracts / "stccl_temporal.json").read_text())), path)
    return path


def images(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["stccl_spatial", "stccl_temporal", "stccl_spatial_temporal"])
def test_a_metric_of_one_part_holds_the_published_checkpoint(contracts, kind):
    published = {k: tuple(s) for k, s, _ in json.loads((contracts / f"{kind}.json").read_text())}
    assert len(published) == 484
    with torch.device("meta"):
        own = STCCLLoss(STCCLConfig(temporal=False)).state_dict()
    assert sorted(published.values()) == sorted(tuple(v.shape) for v in own.values())


@pytest.mark.slow
def test_the_temporal_part_meets_the_published_arithmetic(goldens, checkpoint):
    golden = np.load(goldens / "stccl_temporal_loss_recipeB.npz")
    loss = STCCLLoss.from_published(checkpoint, "temporal")
    first = images(2, 3, 3, 112, 112, seed=7)
    second = first + 0.5 * images(2, 3, 3, 112, 112, seed=8)
    first.requires_grad_()
    indices = tuple(torch.from_numpy(golden[f"idx{level}"]).long() for level in range(4))
    terms = loss(first, second, locations=Locations((), indices))
    terms.total.backward()
    assert terms.total.item() == pytest.approx(float(golden["loss"]), rel=OUTPUTS)
    assert float(first.grad.norm()) == pytest.approx(float(golden["grad_arg1_norm"]), rel=GRADIENTS)
    start = first.grad.flatten()[:1000].numpy()
    expected = golden["grad_arg1_first1000"]
    np.testing.assert_allclose(start, expected, atol=GRADIENTS * np.abs(expected).max())


def published_spatial(loss, first, second, locations, mapped):
    """The spatial metric written down as the papers' repositories describe it, level by level."""
    total = 0.0
    for level, sides in enumerate(zip(loss.backbone(first), loss.backbone(second), strict=True)):
        centre, neighbour = locations.spatial[level].T
        raw = [side.flatten(2)[:, :, centre] - side.flatten(2)[:, :, neighbour] for side in sides]
        vectors = []
        for d in raw:
            v = loss.spatial_heads[level](d.transpose(1, 2)).transpose(1, 2) if mapped else d
            vectors.append(v / (v.norm(dim=1, keepdim=True) + 1e-7))
        logits = torch.einsum("bcs,bct->bst", *vectors) / 0.07
        target = torch.arange(logits.shape[1]).expand(len(logits), -1)
        mean = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        s = torch.sigmoid(raw[0].abs())
        total += float((torch.where(s > 0.8, 2 * s**2, 1.0) * mean).mean())
    return 0.3 * total


@pytest.mark.parametrize("mapped", [True, False])
def test_the_spatial_part_meets_the_published_arithmetic(checkpoint, mapped):
    config = STCCLConfig.reference().model_copy(update={"mapping": mapped})
    loss = STCCLLoss.from_published(checkpoint, "spatial", config)
    first = images(1, 3, 80, 80, seed=7)
    second = first + 0.5 * images(1, 3, 80, 80, seed=8)
    locations = draw_locations(80, 80, loss.config, torch.Generator().manual_seed(0))
    expected = published_spatial(loss, first, second, locations, mapped)
    terms = loss(first, second, locations=locations)
    assert terms.total.item() == pytest.approx(expected, rel=OUTPUTS)


def test_the_reference_is_the_default_but_for_weight_range_and_precision():
    changed = {
        "adaptive_form": "published",
        "check_range": False,
        "supervision_precision": "32-true",
    }
    assert STCCLConfig.reference() == STCCLConfig().model_copy(update=changed)


SMALL = STCCLConfig(blocks=(1, 1, 1, 1), widths=(16, 16, 16, 16))


def as_published(loss: STCCLLoss, prefix: str = "") -> dict[str, Tensor]:
    """Under the published names."""
    state = {}
    for key, value in loss.state_dict().items():
        name, *rest = key.split(".")
        if name == "backbone":
            state[".".join(["resnet50", *rest])] = value
        else:
            level, layer, kind = rest
            state[f"mlp.{3 * int(level) + int(layer)}.{kind}"] = value
    return {prefix + k: v for k, v in state.items()}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_both_namings_of_a_checkpoint_load(tmp_path, prefix):
    theirs = initial(SMALL.model_copy(update={"temporal": False}), 3)
    torch.save(as_published(theirs, prefix), tmp_path / "a.pth")
    ours = STCCLLoss.from_published(tmp_path / "a.pth", "spatial", SMALL)
    assert not ours.config.temporal
    assert not any(p.requires_grad for p in ours.parameters())
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


def test_a_checkpoint_of_something_else_names_the_keys(tmp_path):
    state = as_published(initial(SMALL.model_copy(update={"temporal": False}), 3))
    state["mlp.99.weight"] = state.pop("mlp.0.weight")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(
        StcclError,
        match=r"a\.pth: not a published metric .*1 missing keys \(spatial_heads\.0\.0\.weight\); "
        r"1 unexpected keys",
    ):
        STCCLLoss.from_published(tmp_path / "a.pth", "spatial", SMALL)
