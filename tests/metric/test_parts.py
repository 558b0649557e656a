"""The four ways of telling what regions mean to each other, and what decides which are compared."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stccl.metric.adaptive import AdaptiveWeight
from stccl.metric.contrast import info_nce
from stccl.metric.correlation import SpatialCorrelation, TemporalCorrelation
from stccl.metric.disparity import SpatialDisparity, TemporalDisparity
from stccl.metric.part import compare
from stccl.metric.windows import frame_pairs, windows

PARTS = [
    SpatialDisparity(),
    SpatialDisparity(neighbours_only=True),
    TemporalDisparity(),
    TemporalDisparity("adjacent"),
    TemporalDisparity("all", window_frames=2, neighbours_only=True),
    SpatialCorrelation(),
    SpatialCorrelation(neighbours_only=True),
    SpatialCorrelation(centred=True),
    TemporalCorrelation(),
    TemporalCorrelation(centred=True),
    TemporalCorrelation("adjacent", window_frames=3, neighbours_only=True),
]


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def regions(part) -> Tensor:
    """Of a map of 5×6: around (1, 1) and (3, 3), and apart from both."""
    if isinstance(part, SpatialDisparity):
        return torch.tensor([[7, 8], [7, 13], [7, 0], [21, 20], [21, 28], [21, 22]])
    return torch.tensor([7, 8, 13, 21, 20, 28, 23])


def value(part, query: Tensor, key: Tensor, where: Tensor, mask: Tensor | None = None) -> Tensor:
    level = compare(part, nn.Identity(), None, query, key, where, mask)
    counted = None if level.counted is None else level.counted[:, None, :]
    rivals = level.rivals
    if counted is not None:
        rivals = counted if rivals is None else counted & rivals
    each = info_nce(level.query, level.key, temperature=0.5, rivals=rivals)
    return each if level.counted is None else each[level.counted]


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_the_gradient_is_that_of_the_function(part):
    query, key = noise(1, 4, 3, 5, 6).requires_grad_(), noise(1, 4, 3, 5, 6, seed=1)
    assert torch.autograd.gradcheck(lambda q: value(part, q, key, regions(part)), query)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_masked_gradient_is_that_of_the_function(part):
    query, key = noise(1, 4, 3, 5, 6).requires_grad_(), noise(1, 4, 3, 5, 6, seed=1)
    mask = noise(1, 4, 30, seed=2) > -0.8
    assert torch.autograd.gradcheck(lambda q: value(part, q, key, regions(part), mask), query)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_nothing_learns_from_the_source_side(part):
    """Not even the head that both sides share."""
    head = nn.Linear(3, 4).double()
    query, key = (
        noise(1, 4, 3, 5, 6).requires_grad_(),
        noise(1, 4, 3, 5, 6, seed=1).requires_grad_(),
    )
    level = compare(
        part, head, AdaptiveWeight(2.0, 2.0), query, key, regions(part), None
    )  # fmt: skip
    assert level.query.requires_grad
    assert not level.key.requires_grad
    assert not level.weight.requires_grad


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_features_may_have_any_scale(part):
    query, key = noise(2, 4, 3, 5, 6), noise(2, 4, 3, 5, 6, seed=1)
    expected = value(part, query, key, regions(part))
    torch.testing.assert_close(value(part, 7 * query, 0.2 * key, regions(part)), expected)


@pytest.mark.parametrize("part", PARTS, ids=str)
@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=10)
def test_the_order_of_regions_does_not_matter(part, random):
    where = regions(part)
    order = list(range(len(where)))
    random.shuffle(order)
    query, key = noise(2, 4, 3, 5, 6), noise(2, 4, 3, 5, 6, seed=1)
    before = value(part, query, key, where).sort().values.sum()
    torch.testing.assert_close(value(part, query, key, where[order]).sort().values.sum(), before)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_equal_sides_are_the_minimum(part):
    query = noise(2, 4, 3, 5, 6)
    least = value(part, query, query, regions(part)).mean()
    for seed in range(1, 5):
        assert least < value(part, query, noise(2, 4, 3, 5, 6, seed=seed), regions(part)).mean()


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_what_is_masked_has_no_say(part):
    """Neither in the loss nor in the weight nor in the gradient, whatever stands there."""
    mask = noise(2, 4, 30, seed=2) > -0.5
    hidden = ~mask.view(2, 4, 1, 5, 6)
    query, key = noise(2, 4, 3, 5, 6), noise(2, 4, 3, 5, 6, seed=1)
    results = []
    for filling in (0.0, 100.0):
        q, k = (side.masked_fill(hidden, filling).requires_grad_() for side in (query, key))
        level = compare(
            part, nn.Identity(), AdaptiveWeight(2.0, 2.0), q, k, regions(part), mask
        )  # fmt: skip
        assert 0 < level.counted.sum() < level.counted.numel()
        losses = value(part, q, k, regions(part), mask)
        losses.sum().backward()
        assert (q.grad[hidden.expand_as(q.grad)] == 0).all()
        results.append((losses, level.weight[level.counted]))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_rivals_by_hand():
    pairs = torch.tensor([[7, 8], [9, 8], [7, 1]])
    features = torch.zeros(1, 4, 2, 5, 6)
    assert SpatialDisparity().rivals(features, pairs) is None
    around = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert SpatialDisparity(True).rivals(features, pairs).int().tolist() == around
    # On a map six wide 7 is (1, 1), 14 is (2, 2), 11 is (1, 5) and 12 is (2, 0).
    where = torch.tensor([7, 14, 11, 12])
    expected = [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]
    assert TemporalDisparity("all", None, True).rivals(features, where).int().tolist() == expected
    assert SpatialCorrelation(True).rivals(features, where).int().tolist() == expected
    frames = TemporalCorrelation("all", 3, True).rivals(features, where).int().tolist()
    assert frames == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


def test_the_matrix_of_a_region_over_time_by_hand():
    features = noise(2, 3, 4, 5, 6)
    part = TemporalCorrelation()
    matrix = part.related(part.vectors(features, torch.tensor([8, 14])), None)
    # Item 3 is sample 1, region 14, which is row 2 column 2; frames 0 and 2.
    expected = (features[1, 0, :, 2, 2] * features[1, 2, :, 2, 2]).sum()
    assert matrix.shape == (4, 3, 3)
    assert float(matrix[3, 0, 2]) == pytest.approx(float(expected))
    beside = TemporalCorrelation("adjacent").related(
        part.vectors(features, torch.tensor([8])), None
    )
    assert (beside == 0).int()[0].tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_the_matrix_of_a_frame_by_hand():
    features = noise(2, 3, 4, 5, 6)
    part = SpatialCorrelation()
    matrix = part.related(part.vectors(features, torch.tensor([8, 14])), None)
    # Item 4 is sample 1, frame 1; 8 is row 1 column 2.
    expected = (features[1, 1, :, 1, 2] * features[1, 1, :, 2, 2]).sum()
    assert matrix.shape == (6, 2, 2)
    assert float(matrix[4, 0, 1]) == pytest.approx(float(expected))


def test_half_precision_is_widened_before_it_is_multiplied():
    mapped = torch.full((1, 2, 3), 1 + 2**-7).bfloat16()
    matrix = SpatialCorrelation().related(mapped, None)
    assert matrix.dtype == torch.float32
    assert float(matrix[0, 0, 1]) == 3 * (1 + 2**-7) ** 2


@settings(deadline=None)
@given(st.integers(1, 30), st.one_of(st.none(), st.integers(2, 12)))
def test_windows_take_every_frame_and_no_more_than_they_must(frames, length):
    found = windows(frames, length)
    count = min(length or frames, frames)
    assert found.shape == (-(-frames // count), count)
    assert found.unique().tolist() == list(range(frames))
    assert (found.diff(dim=1) == 1).all()


@settings(deadline=None)
@given(st.integers(2, 30), st.one_of(st.none(), st.integers(2, 12)))
def test_pairs_of_frames_stay_within_a_window(frames, length):
    reach = min(length or frames, frames)
    earlier, later = frame_pairs(frames, length, "all")
    assert ((later - earlier >= 1) & (later - earlier < reach)).all()
    assert len(earlier) == len(windows(frames, length)) * reach * (reach - 1) // 2
    first, second = frame_pairs(frames, length, "adjacent")
    assert (second - first == 1).all()
    assert len(first) == len(windows(frames, length)) * (reach - 1)
