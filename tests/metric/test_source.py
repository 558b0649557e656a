import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.metric.loss import STCCLLoss, initial
from stccl.metric.source import SourceFeatures
from stccl.metric.source_cache import SourceCache
from tests.metric.test_loss import noise, where

KINDS = {
    "images": (3, 3, 48, 48),
    "clips": (3, 4, 3, 48, 48),
}


@pytest.fixture
def loss(small) -> STCCLLoss:
    return initial(small, 0).freeze()


@pytest.fixture
def passes(loss, monkeypatch):
    """How many images each pass of the backbone saw."""
    seen = []
    maps = loss._maps

    def counted(images, dtype):
        seen.append(images.shape[0])
        return maps(images, dtype)

    monkeypatch.setattr(loss, "_maps", counted)
    return seen


@pytest.mark.parametrize("shape", KINDS.values(), ids=KINDS)
def test_features_stand_for_the_source_to_the_bit(loss, shape):
    source, generated = noise(*shape), noise(*shape, seed=1)
    generated[0] = 0.3  # nothing to compare
    source[1] = 0.1
    locations = where(loss.config)
    found = []
    for given_source in (source, loss.features(source)):
        leaf = generated.clone().requires_grad_()
        terms = loss(leaf, given_source, locations=locations)
        terms.total.backward()
        found.append((*terms, leaf.grad))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert found[0][5] > 0


def test_a_source_with_features_passes_the_backbone_once(loss, passes):
    source = noise(3, 4, 3, 48, 48)
    features = loss.features(source)
    for seed in (1, 2):
        loss(noise(*source.shape, seed=seed), features)
    assert passes == [3, 3, 3]  # the source, and two generated batches
    assert all(not level.requires_grad for level in features.maps)


def test_features_of_a_metric_in_training_are_refused(small):
    with pytest.raises(ValueError, match=r"features: expected a frozen metric.*freeze\(\)"):
        initial(small, 0).features(noise(1, 3, 48, 48))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (noise(1, 3, 48, 48).int(), "source: expected floats"),
        (noise(1, 3, 20, 48), "source: expected sides of at least 33"),
        (3 * noise(1, 3, 48, 48), r"source: expected values in \[-1, 1\]"),
        (noise(1, 3, 48, 48) / 0, "source: expected finite values"),
    ],
)
def test_what_cannot_be_a_source_is_refused(loss, source, message):
    with pytest.raises(ValueError, match=message):
        loss.features(source)


def test_features_of_other_shapes_are_refused(loss):
    features = loss.features(noise(2, 4, 3, 48, 48))
    for shape in ((2, 3, 48, 48), (2, 4, 3, 48, 64), (1, 4, 3, 48, 48)):
        with pytest.raises(ValueError, match="source: expected features of the shape of generated"):
            loss(noise(*shape), features)


@pytest.mark.parametrize("shape", KINDS.values(), ids=KINDS)
def test_known_sources_are_not_computed_again(loss, passes, shape):
    cache = SourceCache(loss, 10**9)
    sources = dict(zip("abc", noise(*shape), strict=True))

    def asked(keys):
        return cache(list(keys), torch.stack([sources[key] for key in keys]))

    asked("ab")
    found = asked("cab")
    assert passes == [2, 1]
    assert (cache.computed, cache.found) == (3, 2)
    whole = loss.features(torch.stack([sources[key] for key in "cab"]))
    assert found.shape == whole.shape
    for a, b in zip(found.maps, whole.maps, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    for name in ("constant", "still", "flaw"):
        assert torch.equal(getattr(found, name), getattr(whole, name))


def test_equal_keys_in_a_batch_are_computed_once(loss, passes):
    source = noise(1, 3, 48, 48)
    found = SourceCache(loss, 10**9)(["a", "a"], source.expand(2, -1, -1, -1))
    assert passes == [1]
    assert all(torch.equal(level[0], level[1]) for level in found.maps)


def test_a_key_of_another_shape_is_another_source(loss, passes):
    cache = SourceCache(loss, 10**9)
    cache(["a"], noise(1, 3, 48, 48))
    assert cache(["a"], noise(1, 3, 64, 48)).shape == (1, 3, 64, 48)
    assert passes == [1, 1]


def test_a_key_is_needed_for_every_source(loss):
    with pytest.raises(ValueError, match="keys: expected one per source, 2, got 1"):
        SourceCache(loss, 0)(["a"], noise(2, 3, 48, 48))
    with pytest.raises(ValueError, match="capacity_bytes: expected at least 0, got -1"):
        SourceCache(loss, -1)


@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3), max_size=8),
    room=st.integers(0, 6),
)
def test_it_keeps_what_was_used_last_and_no_more_than_it_may(batches, room):
    class Counting:
        def features(self, source):
            count = len(source)
            level = source.flatten(1)[:, :1].reshape(count, 1, 1, 1, 1).clone()
            no = torch.zeros(count, dtype=torch.bool)
            return SourceFeatures((level,), no[:, None], no, no.float(), tuple(source.shape))

    cache = SourceCache(Counting(), room * 4)
    recent: list[int] = []
    computed = 0
    for keys in batches:
        found = cache(keys, torch.tensor(keys, dtype=torch.float32).view(-1, 1, 1, 1))
        assert found.maps[0].flatten().tolist() == keys
        new = list(dict.fromkeys(key for key in keys if key not in recent))
        known = list(dict.fromkeys(key for key in keys if key in recent))
        computed += len(new)
        recent = [key for key in recent if key not in known] + known + new
        recent = recent[max(0, len(recent) - room) :]
    assert cache.computed == computed
    assert cache._bytes <= room * 4
