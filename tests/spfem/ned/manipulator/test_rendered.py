from typing import Literal

import pytest
import torch

from stccl.face3d.flame import FLAME
from stccl.face3d.head.head import Head
from stccl.face3d.images.shape import shape_image
from stccl.face3d.model import FaceModel
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import initial
from stccl.spfem.ned.manipulator.params import SpatialFactor, SupervisionParams
from stccl.spfem.ned.manipulator.rendered import RenderedLoss
from tests.face3d.published import write_flame

METRIC = STCCLConfig(
    blocks=(1, 1, 1, 1), widths=(16, 16, 16, 16), centres=(8, 4, 2, 1), positions=(16, 8, 4, 2)
)


@pytest.fixture(scope="module")
def head() -> Head:
    return Head()


@pytest.fixture(scope="module")
def rendered(head) -> RenderedLoss:
    return seeing(head, "face", size_px=48, frames=2)


def seeing(
    head: FaceModel,
    region: Literal["face", "mouth"],
    size_px: int,
    frames: int,
    metric: STCCLConfig = METRIC,
    **spatial_factor: float,
) -> RenderedLoss:
    params = SupervisionParams(
        weight=1.0,
        spatial_factor=SpatialFactor(**{"disparity": 2.0, "correlation": 2.0, **spatial_factor}),
        every_steps=1,
        region=region,
        size_px=size_px,
        windows=1,
        frames=frames,
    )
    return RenderedLoss(initial(metric, 0).freeze(), head, params, seed=0)


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


@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
def test_the_factor_of_the_formulation_is_of_the_spatial_part(head, formulation):
    metric = METRIC.model_copy(update={"formulation": formulation})
    both, spatial = (
        [
            seeing(head, "mouth", 48, frames, metric, **{formulation: factor})(
                signals(head, 1), signals(head, 0), people(head), 0
            )
            for factor in (0.0, 1.0, 3.0)
        ]
        for frames in (2, 1)  # one frame has no temporal part
    )
    assert both[0] > 0
    assert both[2] - both[0] == pytest.approx(3 * float(both[1] - both[0]), rel=1e-4)
    assert spatial[0] == 0
    assert spatial[1] > 0


def test_what_does_the_same_is_closest(head, rendered):
    source = signals(head, 0)
    own = rendered(source, source, people(head), 0)
    assert own < rendered(signals(head, 1), source, people(head), 0)


def test_the_pictures_show_the_face_from_the_front(head):
    rendered = seeing(head, "face", size_px=64, frames=1)
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


def test_of_the_mouth_the_lips_are_in_the_middle_and_no_brows(head):
    face, mouth = (seeing(head, region, size_px=64, frames=1) for region in ("face", "mouth"))
    rest = torch.zeros(1, 1 + len(head.expression_names))

    def changed(rendered: RenderedLoss, name: str) -> torch.Tensor:
        moved = rest.clone()
        moved[0, 1 + head.expression_names.index(name)] = 1.0
        both = [rendered.images(signal, people(head)[:1])[0, 0] for signal in (moved, rest)]
        return (both[0] - both[1]).abs() > 0.02

    assert not changed(mouth, "outer_brow_raiser").any()
    assert changed(face, "outer_brow_raiser").any()
    puckered = changed(mouth, "lip_pucker")
    assert puckered.sum() > 3 * changed(face, "lip_pucker").sum()  # drawn about twice as large
    middle = puckered.nonzero().float().mean(0)
    assert (middle - 31.5).abs().max() < 5


def test_a_crumpled_mesh_is_within_range(tmp_path):
    """Triangles thinner than a pixel, as a model may make them of what it never saw."""
    write_flame(tmp_path, vertices=60, triangles=20)
    flame = FLAME.from_folder(tmp_path, shapes=4, expressions=3)
    signal, shape = torch.zeros(1, 1 + 3), torch.zeros(1, 4)
    rendered = seeing(flame, "mouth", size_px=48, frames=2)
    faces, images = rendered._draw(signal, shape)
    bare = 2 * faces.soften(shape_image(faces)) - 1
    assert bare.min() < -1
    assert images.min() == -1
    assert images.max() <= 1
    inside = (bare >= -1) & (bare <= 1)
    assert torch.equal(images[inside], bare[inside])
