import numpy as np
import pytest
import torch
from torch import Tensor

from stccl.metric.config import STCCLConfig
from stccl.metric.disparity import SpatialDisparity, TemporalDisparity
from stccl.metric.loss import STCCLLoss, STCCLTerms, initial
from stccl.metric.sampling import Locations, draw_locations
from tests.metric.slow_loss import slow_loss


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).to(dtype) * 2 - 1


def where(config: STCCLConfig, side: int = 48) -> Locations:
    return draw_locations(side, side, config, torch.Generator().manual_seed(0))


@pytest.fixture
def loss(small) -> STCCLLoss:
    return initial(small, 0).freeze()


SETTINGS = {
    "as published": {},
    "no weight": {"adaptive": False, "temporal_weight": 0.7},
    "published weight": {"adaptive_form": "published"},
    "other exponents": {"adaptive_scale": 3.0, "adaptive_power": 1.5, "temperature": 0.3},
    "no mapping": {"mapping": False},
    "neighbours": {"negatives": "neighbours"},
    "adjacent frames": {"frame_pairs": "adjacent"},
    "windows": {"temporal_window_frames": 3},
    "correlation": {"formulation": "correlation"},
    "correlation, no weight": {"formulation": "correlation", "adaptive": False},
    "correlation, published weight": {"formulation": "correlation", "adaptive_form": "published"},
    "correlation, no mapping": {"formulation": "correlation", "mapping": False},
    "correlation, neighbours": {"formulation": "correlation", "negatives": "neighbours"},
    "correlation, adjacent frames": {"formulation": "correlation", "frame_pairs": "adjacent"},
    "correlation, windows": {"formulation": "correlation", "temporal_window_frames": 3},
    "correlation, centred": {"formulation": "correlation", "centred": True},
    "spatial alone": {"temporal": False},
    "temporal alone": {"spatial": False},
}
MASKS = {
    "everything": None,
    "some frames": torch.tensor([[True, True, False, True], [False, True, True, True]]),
    "some pixels": noise(2, 4, 6, 6, seed=9).repeat_interleave(8, 2).repeat_interleave(8, 3) > -0.3,
}


MASKED = [
    "as published",
    "published weight",
    "neighbours",
    "windows",
    "correlation",
    "correlation, published weight",
    "correlation, neighbours",
    "correlation, windows",
    "correlation, centred",
]


@pytest.mark.parametrize(
    ("setting", "masked"),
    [
        *((setting, "everything") for setting in SETTINGS),
        *((setting, masked) for setting in MASKED for masked in ("some frames", "some pixels")),
    ],
)
def test_both_parts_are_the_formulas(small, setting, masked):
    loss = initial(small.model_copy(update=SETTINGS[setting]), 0).freeze().double()
    for head in loss.modules():  # biases begin at zero, where they would hide
        if isinstance(head, torch.nn.Linear):
            head.bias.copy_(0.1 * noise(len(head.bias), seed=3))
    a, b = (noise(2, 4, 3, 48, 48, seed=s, dtype=torch.float64) for s in (0, 1))
    locations = where(loss.config)
    terms = loss(a, b, locations=locations, mask=MASKS[masked])
    spatial, temporal = slow_loss(loss, a, b, locations, MASKS[masked])
    assert float(terms.spatial) == pytest.approx(spatial, rel=1e-6)
    assert float(terms.temporal) == pytest.approx(temporal, rel=1e-6)
    assert float(terms.total) == pytest.approx(spatial + temporal, rel=1e-6)


def test_disparities_by_index():
    features = noise(2, 3, 4, 5, 6)
    pairs = torch.tensor([[7, 8], [14, 9]])
    found = SpatialDisparity().vectors(features, pairs)
    # Sample 1, frame 2 is item 5; 14 is row 2 column 2, 9 is row 1 column 3.
    expected = features[1, 2, :, 2, 2] - features[1, 2, :, 1, 3]
    assert torch.equal(found[5, 1], expected)
    every = TemporalDisparity("all").vectors(features, torch.tensor([8, 14]))
    assert every.shape == (6, 2, 4)
    # Pairs of frames are (0,1), (0,2), (1,2); item 4 is sample 1, frames 0 and 2.
    assert torch.equal(every[4, 1], features[1, 0, :, 2, 2] - features[1, 2, :, 2, 2])
    adjacent = TemporalDisparity("adjacent").vectors(features, torch.tensor([8, 14]))
    assert torch.equal(adjacent[3, 0], features[1, 1, :, 1, 2] - features[1, 2, :, 1, 2])


def test_gradients_reach_the_generated_clip_alone(loss):
    generated = noise(2, 2, 3, 48, 48).requires_grad_()
    source = noise(2, 2, 3, 48, 48, seed=1).requires_grad_()
    loss(generated, source).total.backward()
    assert generated.grad.abs().sum() > 0
    assert source.grad is None


def test_the_gradient_is_that_of_the_function(small):
    config = small.model_copy(update={"adaptive": False})
    loss = initial(config, 0).freeze().double()
    source = noise(1, 2, 3, 48, 48, seed=1, dtype=torch.float64)
    generated = noise(1, 2, 3, 48, 48, dtype=torch.float64).requires_grad_()
    locations = where(config)
    loss(generated, source, locations=locations).total.backward()
    step = noise(1, 2, 3, 48, 48, seed=2, dtype=torch.float64)
    with torch.no_grad():
        up, down = (
            loss(generated + h * step, source, locations=locations).total for h in (1e-6, -1e-6)
        )
    assert float((up - down) / 2e-6) == pytest.approx(
        float((generated.grad * step).sum()), rel=1e-5
    )


def test_the_weight_has_no_gradient_and_stands_inside_the_mean(small):
    """Scaling every weight scales loss and gradient alike; were it differentiated, it would not."""
    results = []
    for scale in (1.0, 3.0):
        loss = initial(small.model_copy(update={"adaptive_scale": scale}), 0).freeze()
        generated = noise(1, 2, 3, 48, 48).requires_grad_()
        terms = loss(generated, noise(1, 2, 3, 48, 48, seed=1), locations=where(small))
        terms.total.backward()
        results.append((terms.total, generated.grad))
    torch.testing.assert_close(3 * results[0][0], results[1][0])
    torch.testing.assert_close(3 * results[0][1], results[1][1])


@pytest.mark.parametrize("shape", [(2, 3, 48, 48), (2, 1, 3, 48, 48), (0, 3, 48, 48),
                                   (0, 4, 3, 48, 48), (1, 2, 3, 33, 40)])  # fmt: skip
def test_small_batches_are_finite_and_lead_back_to_the_input(loss, shape):
    generated = noise(*shape).requires_grad_()
    terms = loss(generated, noise(*shape, seed=1))
    assert all(bool(torch.isfinite(term)) for term in terms)
    terms.total.backward()
    assert generated.grad is not None
    assert torch.isfinite(generated.grad).all()


def test_equal_clips_are_better_than_any_other(loss, small):
    locations = where(small)
    clip = noise(2, 3, 3, 48, 48)
    same = loss(clip, clip, locations=locations)
    assert float(same.positive_similarity) == pytest.approx(1, abs=1e-5)
    for seed in range(1, 4):
        assert same.total < loss(clip, noise(2, 3, 3, 48, 48, seed=seed), locations=locations).total


def test_the_order_of_samples_does_not_matter(loss, small):
    a, b = noise(3, 2, 3, 48, 48), noise(3, 2, 3, 48, 48, seed=1)
    order = [2, 0, 1]
    locations = where(small)
    torch.testing.assert_close(
        loss(a, b, locations=locations).total, loss(a[order], b[order], locations=locations).total
    )


def test_one_sample_does_not_change_another(loss, small):
    a, b = noise(2, 3, 3, 48, 48), noise(2, 3, 3, 48, 48, seed=1)
    before = loss.similarity(a, b)
    a[1] = noise(3, 3, 48, 48, seed=5)
    after = loss.similarity(a, b)
    assert torch.allclose(before.temporal.positive_cosine[0], after.temporal.positive_cosine[0])
    assert not torch.allclose(before.temporal.positive_cosine[1], after.temporal.positive_cosine[1])


def test_a_batch_is_the_mean_of_its_samples(loss, small):
    a, b = noise(2, 3, 3, 48, 48), noise(2, 3, 3, 48, 48, seed=1)
    locations = where(small)
    apart = [loss(a[i : i + 1], b[i : i + 1], locations=locations).total for i in range(2)]
    torch.testing.assert_close(loss(a, b, locations=locations).total, sum(apart) / 2)


@pytest.mark.parametrize("formulation", ["disparity", "correlation"])
def test_samples_can_have_weights(small, formulation):
    loss = initial(small.model_copy(update={"formulation": formulation}), 0).freeze()
    a, b = noise(3, 3, 3, 48, 48), noise(3, 3, 3, 48, 48, seed=1)
    locations, weight = where(loss.config), torch.tensor([0.0, 0.5, 2.0])
    a.requires_grad_()
    terms = loss(a, b, locations=locations, sample_weight=weight)
    apart = [loss(a[i : i + 1], b[i : i + 1], locations=locations) for i in range(3)]
    for part in ("spatial", "temporal", "total"):
        expected = sum(w * getattr(one, part) for w, one in zip(weight, apart, strict=True)) / 3
        torch.testing.assert_close(getattr(terms, part), expected)
    terms.total.backward()
    assert (a.grad[0] == 0).all()


def test_a_part_that_is_off_has_no_weights_and_no_value(small):
    for part, other in (("spatial", "temporal"), ("temporal", "spatial")):
        loss = initial(small.model_copy(update={part: False}), 0).freeze()
        terms = loss(noise(1, 2, 3, 48, 48), noise(1, 2, 3, 48, 48, seed=1))
        assert float(getattr(terms, part)) == 0
        assert float(getattr(terms, other)) > 0
        assert not [name for name, _ in loss.named_parameters() if name.startswith(part)]


def test_two_metrics_share_nothing(small):
    first, second = STCCLLoss(small), STCCLLoss(small)
    mine = {p.data_ptr() for p in first.parameters()}
    assert not mine & {p.data_ptr() for p in second.parameters()}


def test_everything_that_learns_is_saved_and_learns(small):
    loss = initial(small, 0)
    loss(noise(2, 2, 3, 48, 48), noise(2, 2, 3, 48, 48, seed=1)).total.backward()
    for name, parameter in loss.named_parameters():
        assert name in loss.state_dict()
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_a_frozen_metric_ignores_the_mode_of_what_it_is_part_of(loss):
    whole = torch.nn.Sequential(torch.nn.Dropout(), loss).train()
    before = {k: v.clone() for k, v in loss.state_dict().items()}
    whole[1](noise(1, 2, 3, 48, 48), noise(1, 2, 3, 48, 48, seed=1))
    assert not loss.backbone.bn1.training
    assert all(torch.equal(v, before[k]) for k, v in loss.state_dict().items())


def test_similarity_is_repeatable_and_one_for_equal_clips(loss):
    a, b = noise(2, 3, 3, 48, 48), noise(2, 3, 3, 48, 48, seed=1)
    for first, second in zip(loss.similarity(a, b), loss.similarity(a, b), strict=True):
        assert all(map(torch.equal, first, second))
        assert first.positive_cosine.shape == (2, 4)
    same = loss.similarity(a, a)
    for part in same:
        torch.testing.assert_close(part.positive_cosine, torch.ones(2, 4))
        torch.testing.assert_close(part.positive_pearson, torch.ones(2, 4))
    assert loss.similarity(a[:, 0], b[:, 0]).temporal is None


def test_pearson_is_that_of_numpy(loss, small):
    a, b = noise(1, 3, 48, 48), noise(1, 3, 48, 48, seed=1)
    locations = where(small)
    found = loss.similarity(a, b, locations=locations).spatial
    with torch.no_grad():
        q, k = (
            loss.spatial_heads[1](SpatialDisparity().vectors(loss.backbone(x)[1][:, None], pairs))[
                0
            ]
            for x, pairs in ((a, locations.spatial[1]), (b, locations.spatial[1]))
        )
    table = np.corrcoef(q.numpy(), k.numpy())[: len(q), len(q) :]
    off = ~np.eye(len(q), dtype=bool)
    assert float(found.positive_pearson[0, 1]) == pytest.approx(np.diag(table).mean(), abs=1e-5)
    assert float(found.negative_pearson[0, 1]) == pytest.approx(table[off].mean(), abs=1e-5)


def test_the_untrained_metric_depends_on_its_seed_alone(small):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = initial(small, 1).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    second, other = initial(small, 1).state_dict(), initial(small, 2).state_dict()
    assert all(torch.equal(v, second[k]) for k, v in first.items())
    assert not torch.equal(first["backbone.conv1.weight"], other["backbone.conv1.weight"])


def test_half_precision_agrees_roughly(loss, small):
    a, b = noise(1, 2, 3, 48, 48), noise(1, 2, 3, 48, 48, seed=1)
    exact = loss(a, b, locations=where(small)).total
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = loss(a, b, locations=where(small)).total
    assert rough.dtype == torch.float32
    assert float(rough) == pytest.approx(float(exact), rel=0.1)


def test_names_come_from_the_package_without_waiting_for_torch():
    import subprocess
    import sys

    code = (
        "import sys, stccl\nassert 'torch' not in sys.modules\n"
        "from stccl import STCCLConfig, STCCLLoss, STCCLTerms\nSTCCLConfig()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import stccl

    assert stccl.STCCLTerms is STCCLTerms
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stccl.nothing
