import numpy as np
import pytest
import torch

from stccl.metric.heatmap import region_similarity
from stccl.metric.images import as_input
from stccl.metric.loss import initial
from stccl.metric.sampling import Locations, inner_region


@pytest.fixture
def loss(small):
    return initial(small, 0).freeze()


def picture(seed: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def by_hand(loss, a, b, row, column):
    """The region of the finest level at (row, column), neighbour by neighbour, in numpy."""
    maps = [loss.backbone(as_input([image], 48))[0][0].detach().numpy() for image in (a, b)]
    head = loss.spatial_heads[0]
    cosines = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                q, k = (
                    head(torch.from_numpy(m[:, row, column] - m[:, row + down, column + right]))
                    .detach()
                    .numpy()
                    for m in maps
                )
                cosines.append(q @ k / np.linalg.norm(q) / np.linalg.norm(k))
    return np.mean(cosines)


def test_the_finest_level_is_that_of_a_loop(loss, monkeypatch):
    a, b = picture(0), picture(1)
    # The other levels silenced: the mean of four is then a quarter of the finest.
    for head in loss.spatial_heads[1:]:
        torch.nn.init.zeros_(head[2].weight)
    found = region_similarity(loss, a, b)
    for row, column in ((1, 1), (5, 17), (22, 22)):
        assert found[row, column] == pytest.approx(by_hand(loss, a, b, row, column) / 4, abs=1e-5)


def test_equal_pictures_are_alike_wherever_it_looks(loss, small):
    found = region_similarity(loss, picture(0), picture(0))
    assert found.shape == (24, 24)
    inside = np.zeros(24 * 24, bool)
    inside[inner_region(24, 24, small.inner_fraction)] = True
    assert (np.isfinite(found).ravel() == inside).all()
    np.testing.assert_allclose(found[np.isfinite(found)], 1, atol=1e-5)


def test_a_change_shows_where_it_is(loss):
    a = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    b = a.copy()
    b[60:90, 10:40] = picture(3, 30)
    found = region_similarity(loss, a, b)
    assert np.nanmean(found[16:22, 4:9]) < np.nanmean(found[2:8, 14:22]) - 0.1


def test_regions_of_coarse_levels_lie_where_they_belong(loss):
    # All but the third level silenced; its map of 6×6 enlarged by four must peak in the same place.
    for level in (0, 1, 3):
        torch.nn.init.zeros_(loss.spatial_heads[level][2].weight)
    a, b = picture(0), picture(1)
    found = region_similarity(loss, a, b)
    each = np.full((6, 6), np.nan)
    for number, region in enumerate(inner_region(6, 6, 0.45).tolist()):
        one = torch.tensor([[region, region + step] for step in (-7, -6, -5, -1, 1, 5, 6, 7)])
        where = Locations((one[:0], one[:0], one, one[:0]), ())
        tensors = [as_input([image], 48) for image in (a, b)]
        level = loss.compare(*tensors, locations=where).spatial[2]
        each.ravel()[region] = float((level.query * level.key).sum(-1).mean())
        assert number < 16
    # Away from edges the value at a coarse centre lies between the four fine pixels around it.
    for row, column in ((2, 2), (3, 2), (2, 3)):
        around = found[4 * row + 1 : 4 * row + 3, 4 * column + 1 : 4 * column + 3].mean()
        neighbours = each[row - 1 : row + 2, column - 1 : column + 2]
        assert np.nanmin(neighbours) <= 4 * around <= np.nanmax(neighbours)
        assert 4 * around == pytest.approx(each[row, column], abs=0.3)


def test_a_temporal_metric_is_refused(small):
    with pytest.raises(ValueError, match="expected a metric with its spatial part"):
        region_similarity(
            initial(small.model_copy(update={"spatial": False}), 0), picture(0), picture(1)
        )


@pytest.mark.parametrize("centred", [False, True])
def test_the_map_of_correlations_is_the_cosine_of_rows(small, centred):
    changes = {"formulation": "correlation", "centred": centred}
    loss = initial(small.model_copy(update=changes), 0).freeze()
    for head in loss.spatial_heads[1:]:
        torch.nn.init.zeros_(head[2].weight)
    a, b = picture(0), picture(1)
    found = region_similarity(loss, a, b)
    inner = inner_region(24, 24, small.inner_fraction)
    nothing = torch.tensor([0])
    where = Locations((inner, nothing, nothing, nothing), ())
    level = loss.compare(*(as_input([i], 48) for i in (a, b)), locations=where).spatial[0]
    expected = (level.query * level.key).sum(dim=-1)[0] / 4
    np.testing.assert_allclose(found.ravel()[inner], expected, atol=1e-5)
    # Large enough for more than one region at the fourth level: one has no mean to differ from.
    larger = initial(loss.config.model_copy(update={"size_px": 80}), 1).freeze()
    same = region_similarity(larger, a, a)
    np.testing.assert_allclose(same[np.isfinite(same)], 1, atol=1e-5)
