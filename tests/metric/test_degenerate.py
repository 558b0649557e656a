"""Batches with nothing to compare: finite, led back to the input, and counted."""

import pytest
import torch
from torch import Tensor

from stccl.metric.loss import initial
from stccl.metric.sampling import Locations, draw_locations


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


CLIP = (2, 3, 3, 48, 48)


@pytest.fixture(params=["32-true", "bf16"])
def precision(request, monkeypatch):
    """Of supervision, whatever this device is good at."""
    monkeypatch.setattr("stccl.metric.loss.computes_in_bf16", lambda _: request.param == "bf16")


@pytest.fixture(params=["disparity", "correlation"])
def loss(request, small, precision):
    # Two positions at level 4: one alone would already be degenerate.
    changes = {
        "formulation": request.param,
        "positions": (9, 8, 4, 2),
        "size_px": 80,
        "supervision_precision": "auto",
    }
    return initial(small.model_copy(update=changes), 0).freeze()


def told(loss, generated: Tensor, source: Tensor, **more) -> int:
    """How often it was degenerate; everything else must hold for any batch."""
    generated = generated.clone().requires_grad_()
    terms = loss(generated, source, **more)
    assert all(bool(torch.isfinite(term)) for term in terms)
    terms.total.backward()
    assert torch.isfinite(generated.grad).all()
    assert not terms.degenerate.requires_grad
    return int(terms.degenerate)


def clip(seed: int = 0) -> Tensor:
    return noise(2, 3, 3, 80, 80, seed=seed)


def test_a_healthy_batch_counts_nothing(loss):
    assert told(loss, clip(), clip(1)) == 0
    assert told(loss, clip()[:, 0], clip(1)[:, 0]) == 0


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_constant_images(loss, side, value):
    sides = [clip(), clip(1)]
    sides[side][1] = value
    assert told(loss, *sides) == 8  # one sample, four levels, both parts
    # One constant frame leaves the others to compare.
    sides = [clip(), clip(1)]
    sides[side][1, 0] = value
    assert told(loss, *sides) == 0


def test_equal_frames_have_no_time(loss):
    sides = [clip(), clip(1)]
    sides[0][1] = sides[0][1, :1]
    assert told(loss, *sides) == 4


def test_one_frame(loss):
    assert told(loss, clip()[:, :1], clip(1)[:, :1]) == 8  # two samples, four levels


def test_one_region(loss):
    drawn = draw_locations(80, 80, loss.config)
    spatial = tuple(level[:1] for level in drawn.spatial)
    temporal = tuple(level[:1] for level in drawn.temporal)
    # Over time a correlation tells frames apart, not regions.
    expected = 16 if loss.config.formulation == "disparity" else 8
    assert told(loss, clip(), clip(1), locations=Locations(spatial, temporal)) == expected


def test_everything_masked(loss):
    frames = torch.ones(2, 3, dtype=torch.bool)
    frames[1] = False
    assert told(loss, clip(), clip(1), mask=frames) == 8
    assert told(loss, clip(), clip(1), mask=torch.zeros(2, 3, 80, 80, dtype=torch.bool)) == 16
    terms = loss(clip(), clip(1), mask=torch.zeros(2, 3, dtype=torch.bool))
    assert [float(value) for value in terms[:5]] == [0, 0, 0, 0, 0]


def test_a_single_frame_that_counts_has_no_time(loss):
    frames = torch.tensor([[True, False, False], [True, True, True]])
    assert told(loss, clip(), clip(1), mask=frames) == 4


def test_an_empty_batch(loss):
    assert told(loss, clip()[:0], clip()[:0]) == 0


def test_a_mask_of_everything_changes_nothing(loss):
    locations = draw_locations(80, 80, loss.config)
    plain = loss(clip(), clip(1), locations=locations)
    for mask in (torch.ones(2, 3), torch.ones(2, 3, 80, 80)):
        masked = loss(clip(), clip(1), locations=locations, mask=mask.bool())
        for one, other in zip(plain, masked, strict=True):
            torch.testing.assert_close(one, other)


def test_frames_without_a_face_do_not_matter(loss):
    frames = torch.tensor([[True, True, False], [True, True, True]])
    locations = draw_locations(80, 80, loss.config)
    results = []
    for seed in (5, 6):
        generated, source = clip(), clip(1)
        generated[0, 2], source[0, 2] = noise(3, 80, 80, seed=seed), noise(3, 80, 80, seed=seed + 2)
        generated.requires_grad_()
        terms = loss(generated, source, locations=locations, mask=frames)
        terms.total.backward()
        assert (generated.grad[0, 2] == 0).all()
        results.append(terms)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
