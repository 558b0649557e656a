import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.spfem.ned.manipulator.losses import (
    discriminator_loss,
    generator_loss,
    least_squares,
    mean_difference,
    mouth_correlation,
)
from stccl.spfem.ned.manipulator.networks import Networks
from stccl.spfem.ned.manipulator.params import ManipulatorConfig

SMALL = ManipulatorConfig(
    expressions=4, style=3, latent=2, mapping_width=8, generator_width=8, critic_width=4
)


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    return Networks(SMALL, 7)


def windows(seed: int) -> torch.Tensor:
    return torch.randn(5, 10, 5, generator=torch.Generator().manual_seed(seed))


def slow_squares(judged, target):
    return sum((d - target) ** 2 for d in judged.tolist()) / len(judged)


def slow_difference(a, b):
    pairs = list(zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
    return sum(abs(x - y) for x, y in pairs) / len(pairs)


def slow_mouth(a, b):
    return np.mean([np.corrcoef(x[:, 0], y[:, 0])[0, 1] for x, y in zip(a, b, strict=True)])


def test_each_term_is_its_formula():
    a, b = windows(1), windows(2)
    for target in (0, 1):
        found = least_squares(a[:, 0, 0], target)
        assert found.item() == pytest.approx(slow_squares(a[:, 0, 0], target))
    assert mean_difference(a, b).item() == pytest.approx(slow_difference(a, b))
    assert mouth_correlation(a, b).item() == pytest.approx(slow_mouth(a, b))


@given(st.floats(0.01, 100), st.floats(-10, 10), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_mouth_that_moves_alike_correlates_fully(stretch, shift, seed):
    a = windows(seed).double()
    assert mouth_correlation(a, stretch * a + shift).item() == pytest.approx(1)
    assert mouth_correlation(a, shift - stretch * a).item() == pytest.approx(-1)


@pytest.mark.parametrize("still", ["source", "made", "both"])
def test_a_jaw_that_stands_still_correlates_with_nothing(still):
    a, b = windows(1), windows(2)
    if still != "made":
        a[:, :, 0] = 0.3
    if still != "source":
        b[:, :, 0] = -0.1
    b.requires_grad_()
    found = mouth_correlation(a, b)
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-4)
    assert torch.isfinite(b.grad).all()


def test_the_discriminators_loss(networks):
    source, generated = windows(1), windows(2).requires_grad_()
    own, other = torch.tensor([0, 1, 2, 3, 4]), torch.tensor([6, 5, 4, 3, 2])
    found = discriminator_loss(networks, source, own, generated, other)
    assert found.real.item() == pytest.approx(slow_squares(networks.discriminator(source, own), 1))
    made = slow_squares(networks.discriminator(generated, other), 0)
    assert found.made.item() == pytest.approx(made)
    assert found.total.item() == pytest.approx(found.real.item() + made)
    found.total.backward()
    assert generated.grad is None


def test_the_generators_loss(networks):
    source, label = windows(1), torch.tensor([6, 5, 4, 3, 2])
    style = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found = generator_loss(
            networks, source, style, label, style_weight=2.0, cycle_weight=3.0, mouth_weight=0.5
        )
        made = networks.generator(source, style)
        back = networks.generator(made, networks.style_encoder(source))
        expected = {
            "adversarial": slow_squares(networks.discriminator(made, label), 1),
            "style": slow_difference(networks.style_encoder(made), style),
            "cycle": slow_difference(back, source),
            "mouth": slow_mouth(source, made) + slow_mouth(made, back),
        }
    for name, value in expected.items():
        assert getattr(found, name).item() == pytest.approx(value, rel=1e-4), name
    total = (
        expected["adversarial"] + 2 * expected["style"] + 3 * expected["cycle"]
    ) - 0.5 * expected["mouth"]
    assert found.total.item() == pytest.approx(total, rel=1e-4)
    torch.testing.assert_close(found.generated, made)
