import pytest
import torch

from stccl.face3d.model import FaceCoefficients
from stccl.spfem.ned.manipulator.signal import Scale, signal_of, with_signal


def faces(count: int) -> FaceCoefficients:
    random = torch.Generator().manual_seed(0)
    sizes = ((6,), (4,), (3,), (3,), (3,), (2, 3))
    return FaceCoefficients(*(torch.randn(count, *size, generator=random) for size in sizes))


def test_only_the_opening_of_the_jaw_and_the_expression_change():
    before = faces(5)
    assert torch.equal(signal_of(before), torch.cat((before.jaw[:, :1], before.expression), 1))
    signal = torch.arange(25.0).view(5, 5)
    after = with_signal(before, signal)
    assert torch.equal(signal_of(after), signal)
    assert torch.equal(after.jaw[:, 1:], before.jaw[:, 1:])
    for name in ("shape", "rotation", "translation", "eyes"):
        assert torch.equal(getattr(after, name), getattr(before, name))
    assert all(map(torch.equal, with_signal(before, signal_of(before)), before))


def test_the_scale_of_what_is_learnt_from():
    random = torch.Generator().manual_seed(0)
    signal = torch.randn(500, 4, generator=random) * torch.tensor([0.05, 1.0, 2.0, 0.001]) + 3
    scale = Scale.of(signal)
    normalised = scale.normalise(signal)
    torch.testing.assert_close(normalised.mean(0), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(normalised[:, :3].std(0), torch.ones(3), atol=0.01, rtol=0)
    assert normalised[:, 3].std() < 0.02  # noise stays small
    torch.testing.assert_close(scale.restore(normalised), signal)
    assert torch.equal(scale.bound(signal), signal)
    assert torch.equal(scale.bound(signal + 100), signal.amax(0).expand(500, -1))


@pytest.mark.parametrize("frames", [1, 3])
def test_numbers_that_never_change_stay_finite(frames):
    scale = Scale.of(torch.ones(frames, 3))
    assert torch.equal(scale.normalise(torch.ones(1, 3)), torch.zeros(1, 3))


def test_the_identity_changes_nothing():
    signal = 1e3 * torch.randn(4, 3)
    scale = Scale.identity(3)
    for same in (scale.normalise, scale.restore, scale.bound):
        assert torch.equal(same(signal), signal)
