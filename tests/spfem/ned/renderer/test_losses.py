"""Every term of the loss against loops and hand arithmetic."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stccl.spfem.ned.renderer.losses import (
    adversarial,
    discrimination,
    feature_matching,
    pixel,
)
from stccl.spfem.ned.renderer.regions import centres, crops


def levels(seed: int, scales: int = 2, layers: int = 5) -> list[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        [torch.randn(2, 3, 4 + layer, 5, generator=generator) for layer in range(layers)]
        for _ in range(scales)
    ]


def test_least_squares_by_a_loop():
    found = levels(0)
    for real, target in ((True, 1.0), (False, 0.0)):
        expected = 0.0
        for scale in found:
            values = scale[-1].flatten().tolist()
            expected += sum((value - target) ** 2 for value in values) / len(values)
        assert adversarial(found, real).item() == pytest.approx(expected, rel=1e-5)


def test_discrimination_is_half_of_both_errors():
    real, generated = levels(0), levels(1)
    expected = (adversarial(real, True) + adversarial(generated, False)).item() / 2
    assert discrimination(real, generated).item() == pytest.approx(expected)


@pytest.mark.parametrize(("layers", "factor"), [(5, 1.0), (3, 2.0)])
def test_feature_matching_by_a_loop(layers, factor):
    ours, theirs = levels(0, 2, layers), levels(1, 2, layers)
    expected = 0.0
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a[:-1], b[:-1], strict=True):
            expected += 0.5 * factor * float((x - y).abs().double().mean())
    assert feature_matching(ours, theirs).item() == pytest.approx(expected, rel=1e-5)


def test_feature_matching_moves_the_generated_side_only():
    ours, theirs = levels(0), levels(1)
    for scale in (*ours, *theirs):
        for layer in scale:
            layer.requires_grad_()
    feature_matching(ours, theirs).backward()
    assert all(layer.grad is not None for scale in ours for layer in scale[:-1])
    assert all(scale[-1].grad is None for scale in ours)
    assert all(layer.grad is None for scale in theirs for layer in scale)


def test_the_pixel_term_is_a_mean_within_the_mask():
    random = torch.Generator().manual_seed(0)
    a, b = (torch.rand(2, 3, 6, 5, generator=random) for _ in range(2))
    mask = (torch.rand(2, 1, 6, 5, generator=random) > 0.5).float()
    inside = mask.expand_as(a) > 0
    assert pixel(a, b, mask).item() == pytest.approx((a - b).abs()[inside].mean().item())
    assert pixel(a, b, 0 * mask).item() == 0


@given(
    x=st.floats(-40, 80), y=st.floats(-40, 80), side=st.integers(1, 20), tall=st.integers(20, 30)
)
def test_a_crop_lies_within_the_image_around_its_centre(x, y, side, tall):
    rows, columns = torch.meshgrid(torch.arange(tall), torch.arange(25), indexing="ij")
    image = torch.stack((columns, rows)).float()[None]
    crop = crops(image, torch.tensor([[x, y]]), side)[0]
    assert crop.shape == (2, side, side)
    corner = crop[:, 0, 0]
    assert torch.equal(crop, image[0, :, :side, :side] + corner[:, None, None])
    for place, start, extent in ((x, corner[0], 25), (y, corner[1], tall)):
        if side <= place <= extent - side:
            assert start - 1 <= place - side / 2 <= start + 1


def test_the_centre_is_the_median_of_the_regions_landmarks():
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(0))
    for region, numbers in (("mouth", range(48, 68)), ("eyes", range(36, 48))):
        for frame, found in zip(points, centres(points, region), strict=True):
            for axis in range(2):
                values = sorted(float(frame[number, axis]) for number in numbers)
                assert float(found[axis]) == values[(len(values) - 1) // 2]
