import pytest
import torch

from stccl.face3d.head.head import Head
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import initial
from stccl.spfem.ned.manipulator.params import SupervisionParams
from stccl.spfem.ned.manipulator.rendered import RenderedLoss

METRIC = STCCLConfig(
    blocks=(1, 1, 1, 1), widths=(16, 16, 16, 16), centres=(8, 4, 2, 1), positions=(16, 8, 4, 2)
)


@pytest.fixture(scope="module")
def head() -> Head:
    return Head()


@pytest.fixture(scope="module")
def rendered(head) -> RenderedLoss:
    params = SupervisionParams(weight=1.0, every_steps=1, size_px=48, windows=1, frames=2)
    return RenderedLoss(initial(METRIC, 0).freeze(), head, params, seed=0)


def signals(head: Head, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    signal = 0.4 * torch.rand(2, 10, 1 + len(head.expression_names), generator=random)
    signal[..., 0] *= 0.5
    return signal


def people(head: Head) -> torch.Tensor:
    return torch.zeros(2, len(head.shape_names))


def test_gradients_reach_the_generated_frames_that_are_drawn(head, rendered):
    source, generated = signals(head, 0).requires_grad_(), signals(head, 1).requires_grad_()
    total = rendered(generated, source, people(head), 0)
    total.backward()
    assert total > 0
    assert source.grad is None
    assert torch.isfinite(generated.grad).all()
    drawn = generated.grad.abs().sum(2) > 0
    assert drawn.nonzero().tolist() == [[0, 0], [0, 9]]  # a window of two, its first and last frame
    assert generated.grad[0, 0, 0] != 0  # the jaw


def test_regions_are_a_function_of_the_step(head, rendered):
    source, generated = signals(head, 0), signals(head, 1)
    state = torch.get_rng_state()
    first = rendered(generated, source, people(head), 3)
    torch.rand(1)
    assert torch.equal(first, rendered(generated, source, people(head), 3))
    assert not torch.equal(first, rendered(generated, source, people(head), 4))
    torch.set_rng_state(state)


def test_what_does_the_same_is_closest(head, rendered):
    source = signals(head, 0)
    own = rendered(source, source, people(head), 0)
    assert own < rendered(signals(head, 1), source, people(head), 0)


def test_the_pictures_show_the_face_from_the_front(head):
    params = SupervisionParams(weight=1.0, every_steps=1, size_px=64, windows=1, frames=1)
    rendered = RenderedLoss(initial(METRIC, 0).freeze(), head, params, seed=0)
    rest = torch.zeros(1, 1 + len(head.expression_names))
    picture = rendered.images(rest, people(head)[:1])
    assert picture.shape == (1, 3, 64, 64)
    assert picture.min() >= -1
    assert picture.max() <= 1
    seen = picture[0, 0] > -1
    columns = seen.nonzero()[:, 1]
    assert abs(columns.float().mean() - 31.5) < 1  # left and right alike
    assert seen[16:48, 20:44].all()  # the face's middle
    assert 0.4 < seen.float().mean() < 0.95
    opened = rest.clone()
    opened[0, 0] = 0.3
    lower = (rendered.images(opened, people(head)[:1]) - picture).abs()[0, 0]
    assert lower[40:].sum() > 10 * lower[:24].sum()  # the jaw is below
