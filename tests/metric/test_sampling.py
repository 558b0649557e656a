import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.metric.backbone import level_sizes
from stccl.metric.config import STCCLConfig
from stccl.metric.sampling import draw_locations, inner_region


def drawn(height, width, seed=0):
    return draw_locations(height, width, STCCLConfig(), torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=40)
@given(st.integers(33, 230), st.integers(33, 230), st.integers(0, 9))
def test_regions_are_distinct_and_neighbours_touch_without_wrapping(height, width, seed):
    locations = drawn(height, width, seed)
    for (rows, columns), pairs, positions in zip(
        level_sizes(height, width), locations.spatial, locations.temporal, strict=True
    ):
        assert len(set(map(tuple, pairs.tolist()))) == len(pairs)
        assert len(set(positions.tolist())) == len(positions) > 0
        centre, neighbour = pairs.unbind(dim=1)
        assert len(pairs) == 8 * len(centre.unique())
        down = neighbour // columns - centre // columns
        right = neighbour % columns - centre % columns
        assert int(torch.maximum(down.abs(), right.abs()).max()) == 1
        assert ((neighbour >= 0) & (neighbour < rows * columns)).all()
        assert positions.min() > columns
        assert positions.max() < (rows - 1) * columns


def test_the_published_numbers_of_regions():
    locations = drawn(224, 224)
    assert [len(pairs) for pairs in locations.spatial] == [256, 128, 64, 32]
    assert [len(positions) for positions in locations.temporal] == [256, 128, 64, 32]


def test_fewer_regions_where_the_map_has_no_more():
    assert [len(p) for p in drawn(33, 33).temporal] == [225, 49, 9, 1]


@pytest.mark.parametrize(("side", "border"), [(112, 3), (56, 1), (28, 1), (14, 1), (7, 1), (3, 1)])
def test_the_published_square_and_at_least_one_from_the_edge(side, border):
    # By hand: int(112//2 + 0.45·112) = 106, (112-106)//2 = 3; 53, 1; 26, 1; 13, 0; 6, 0; 2, 0.
    inner = inner_region(side, side, 0.45)
    assert int(inner[0]) == border * side + border
    assert len(inner) == (side - 2 * border) ** 2


def test_the_generator_decides():
    first, again, other = drawn(64, 64), drawn(64, 64), drawn(64, 64, seed=1)
    assert all(map(torch.equal, first.spatial, again.spatial))
    assert all(map(torch.equal, first.temporal, again.temporal))
    assert not torch.equal(first.temporal[0], other.temporal[0])


def test_without_one_torchs_own_decides():
    torch.manual_seed(3)
    first = draw_locations(64, 64, STCCLConfig())
    torch.manual_seed(3)
    assert torch.equal(first.spatial[0], draw_locations(64, 64, STCCLConfig()).spatial[0])
