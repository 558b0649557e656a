import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stccl.metric.contrast import info_nce, mean_cosines, unit_vectors


def vectors(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def slow_info_nce(query, key, tau):
    """By plain loops over plain numbers."""
    result = []
    for q_item, k_item in zip(query.tolist(), key.tolist(), strict=True):
        row = []
        for s, q in enumerate(q_item):
            scores = [
                math.exp(math.fsum(a * b for a, b in zip(q, k, strict=True)) / tau) for k in k_item
            ]
            row.append(-math.log(scores[s] / math.fsum(scores)))
        result.append(row)
    return torch.tensor(result, dtype=torch.float64)


@pytest.mark.parametrize(("shape", "tau"), [((2, 5, 3), 0.07), ((1, 1, 4), 0.5), ((3, 7, 2), 1.0)])
def test_info_nce_is_the_formula(shape, tau):
    query, key = unit_vectors(vectors(*shape)), unit_vectors(vectors(*shape, seed=1))
    expected = slow_info_nce(query, key, tau)
    torch.testing.assert_close(info_nce(query, key, temperature=tau), expected)


def test_info_nce_meets_the_published_arithmetic(goldens):
    golden = np.load(goldens / "patchnce_small.npz")
    query, key, weight = (
        torch.from_numpy(golden[name]).transpose(1, 2) for name in ("f_q", "f_k", "weight")
    )
    each = info_nce(query, key, temperature=float(golden["tau"]))
    assert float(each.mean()) == pytest.approx(float(golden["loss_unweighted"]), rel=1e-5)
    published = weight.mean() * each.mean()
    assert float(published) == pytest.approx(float(golden["loss_weighted"]), rel=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 99))
def test_info_nce_follows_a_permutation_of_the_regions(items, count, seed):
    query, key = unit_vectors(vectors(items, count, 4)), unit_vectors(vectors(items, count, 4))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    moved = info_nce(query[:, order], key[:, order], temperature=0.07)
    torch.testing.assert_close(moved, info_nce(query, key, temperature=0.07)[:, order])


def test_equal_vectors_are_the_best_keys():
    query = unit_vectors(vectors(2, 6, 4))
    best = info_nce(query, query, temperature=0.07).mean()
    for seed in range(5):
        key = unit_vectors(vectors(2, 6, 4, seed=seed + 1))
        assert best < info_nce(query, key, temperature=0.07).mean()


def test_gradients_of_the_contrast_are_right():
    def value(q, k):
        return info_nce(unit_vectors(q), unit_vectors(k), temperature=0.3)

    inputs = (vectors(2, 4, 3).requires_grad_(), vectors(2, 4, 3, seed=1).requires_grad_())
    assert torch.autograd.gradcheck(value, inputs)


def test_unit_vectors_have_length_one_and_zero_stays_zero_with_a_finite_gradient():
    x = vectors(3, 5)
    x[1] = 0
    x.requires_grad_()
    unit = unit_vectors(x)
    torch.testing.assert_close(unit.norm(dim=1), torch.tensor([1.0, 0, 1]).double())
    unit.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_half_precision_is_widened():
    assert unit_vectors(vectors(2, 3).bfloat16()).dtype == torch.float32


def test_mean_cosines_by_loops():
    query, key = unit_vectors(vectors(2, 4, 3)), unit_vectors(vectors(2, 4, 3, seed=1))
    for item, (positive, negative) in enumerate(zip(*mean_cosines(query, key), strict=True)):
        cosines = np.array([[float(q @ k) for k in key[item]] for q in query[item]])
        assert float(positive) == pytest.approx(np.diag(cosines).mean())
        assert float(negative) == pytest.approx(cosines[~np.eye(4, dtype=bool)].mean())
