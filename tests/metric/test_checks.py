"""What is refused, by name; and that nothing else is."""

import math

import pytest
import torch
from torch import Tensor

from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.sampling import Locations, draw_locations


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


@pytest.fixture
def loss(small) -> STCCLLoss:
    return initial(small, 0).freeze()


GOOD = (1, 2, 3, 48, 48)


@pytest.mark.parametrize(
    ("generated", "source", "message"),
    [
        (noise(3, 48, 48), noise(3, 48, 48), r"generated: expected \(B, 3, H, W\) or .*got \(3, 4"),
        (noise(1, 1, 48, 48), noise(1, 1, 48, 48), r"generated: expected .* got \(1, 1, 48, 48\)"),
        (noise(*GOOD), noise(2, 2, 3, 48, 48), r"source: expected the shape of generated \(1, 2,"),
        (noise(1, 3, 32, 48), noise(1, 3, 32, 48), "generated: expected sides of at least 33 px"),
        (noise(1, 0, 3, 48, 48), noise(1, 0, 3, 48, 48), "generated: expected at least 1 frame"),
        (torch.zeros(GOOD, dtype=torch.uint8), noise(*GOOD), "generated: .* got torch.uint8"),
        (noise(*GOOD), torch.zeros(GOOD, dtype=torch.int64), "source: .* got torch.int64"),
        (noise(*GOOD) * math.nan, noise(*GOOD), "generated: expected finite values"),
        (noise(*GOOD), noise(*GOOD) / 0, "source: expected finite values"),
        (
            noise(*GOOD) * 127.5 + 127.5,
            noise(*GOOD),
            r"generated: .* got .* to 25.*clamp",
        ),
        (
            noise(*GOOD),
            1.1 * noise(*GOOD),
            r"source: expected values in .*, got -1.1 to 1.1",
        ),
        (
            noise(*GOOD),
            torch.empty(GOOD, device="meta"),
            "source: expected the device .* cpu, g",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(loss, generated, source, message):
    with pytest.raises(ValueError, match=message):
        loss(generated, source)


def test_the_metric_on_another_device_is_named(small):
    with torch.device("meta"):
        loss = STCCLLoss(small)
    with pytest.raises(ValueError, match="generated: expected the device of the metric, meta, got"):
        loss(noise(*GOOD), noise(*GOOD))


def test_rounding_in_half_precision_is_no_error(loss):
    assert torch.isfinite(loss(noise(*GOOD), (1.005 * noise(*GOOD)).clamp(max=1.005)).total)


def test_the_reference_takes_any_range(small):
    config = small.model_copy(update={"check_range": False})
    assert torch.isfinite(initial(config, 0)(9 * noise(*GOOD), noise(*GOOD)).total)


def test_similarity_names_its_own_arguments(loss):
    with pytest.raises(ValueError, match=r"^b: expected finite values"):
        loss.similarity(noise(*GOOD), noise(*GOOD) * math.nan)


def test_a_temporal_metric_refuses_single_images(small):
    loss = initial(small.model_copy(update={"spatial": False}), 0)
    with pytest.raises(ValueError, match="generated: expected at least 2 frames"):
        loss(noise(1, 3, 48, 48), noise(1, 3, 48, 48))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            torch.ones(1, 2),
            r"mask: .* \(1, 2\) for .* \(1, 2, 48, 48\) .*torch.float32",
        ),
        (torch.ones(2, dtype=torch.bool), r"mask: expected bool, .* got torch.bool, \(2,\)"),
        (torch.ones(1, 2, 1, 48, 48, dtype=torch.bool), r"mask: .* got .* \(1, 2, 1, 48, 48\)"),
        (torch.ones(1, 2, dtype=torch.bool, device="meta"), "mask: expected the device of the ima"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(loss, mask, message):
    with pytest.raises(ValueError, match=message):
        loss(noise(*GOOD), noise(*GOOD), mask=mask)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.ones(2), r"sample_weight: expected floats, \(1,\), got torch.float32, \(2,\)"),
        (torch.ones(1, dtype=torch.int64), "sample_weight: expected floats, .* got torch.int64"),
        (torch.ones(1, device="meta"), "sample_weight: expected the device of the images, cpu"),
    ],
)
def test_weights_that_do_not_fit_are_named(loss, weight, message):
    with pytest.raises(ValueError, match=message):
        loss(noise(*GOOD), noise(*GOOD), sample_weight=weight)


def test_locations_that_do_not_fit_are_named(loss, small):
    def refused(locations, message):
        with pytest.raises(ValueError, match=message):
            loss(noise(*GOOD), noise(*GOOD), locations=locations)

    good = draw_locations(48, 48, small)
    refused(Locations((), ()), "locations: expected 4 levels .* got 0 for the spatial one")
    refused(Locations(good.spatial, ()), "locations: expected 4 levels .* got 0 for the temporal")
    refused(
        Locations(good.temporal, good.temporal),
        r"locations: expected \(S, 2\) for the spatial part at level 1, got \(9,\)",
    )
    refused(draw_locations(64, 64, small), r"0 to 8, got \d+ to 1\d|0 to \d+, got")
    negative = (-good.temporal[0], *good.temporal[1:])
    refused(Locations(good.spatial, negative), "24×24 map of level 1, 0 to 575, got -")
    # Single images have nothing to compare in time.
    single = Locations(good.spatial, ())
    assert loss(noise(1, 3, 48, 48), noise(1, 3, 48, 48), locations=single).spatial > 0


def test_no_check_waits_for_a_device(loss, small, monkeypatch):
    """As on a GPU, which a traced program stands in for: values are never looked at."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    for name in ("__bool__", "__float__", "__int__", "item", "tolist", "__index__"):
        monkeypatch.setattr(Tensor, name, lambda *a, name=name: pytest.fail(f"{name} waits"))
    locations = draw_locations(48, 48, small)
    mask = torch.ones(1, 2, 48, 48, dtype=torch.bool)
    generated = noise(*GOOD).requires_grad_()
    terms = loss(generated, noise(*GOOD, seed=1), locations=locations, mask=mask)
    terms.total.backward()
    bad = loss(generated, noise(*GOOD) * 255, locations=locations)
    monkeypatch.undo()
    assert torch.isfinite(terms.total)
    assert torch.isnan(bad.total)
