import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.spfem.ned.manipulator.overlap import overlap_add, taps, windows_of


def test_the_taps_are_the_published_ones(goldens):
    golden = np.load(goldens / "ned_geometric_median.npz")["gauss_kernel_10"][:, 0]
    np.testing.assert_allclose(taps(10), golden, rtol=1e-6)


@pytest.mark.parametrize("frames", [2, 4, 10, 11, 12])
def test_the_taps_are_those_of_another_library(frames):
    np.testing.assert_allclose(taps(frames), cv2.getGaussianKernel(frames, -1)[:, 0], rtol=1e-6)
    assert taps(frames).sum().item() == pytest.approx(1)


def slow_overlap_add(windows, ends):
    count, frames, numbers = windows.shape
    shown = np.zeros((count + frames - 1, 1))
    weights = taps(frames).numpy()
    out = np.zeros((count + frames - 1, numbers))
    for window in range(count):
        for place in range(frames):
            out[window + place] += weights[place] * windows[window, place]
            shown[window + place] += weights[place]
    if ends == "blended":
        return out / shown
    for place in range(frames - 1):
        out[place] = windows[0, place]
    for place in range(1, frames):
        out[count - 1 + place] = windows[-1, place]
    return out


@given(st.integers(1, 30), st.integers(2, 11), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_windows_are_added_one_after_the_other(count, frames, seed):
    windows = np.random.default_rng(seed).normal(size=(count, frames, 3))
    for ends in ("published", "blended"):
        found = overlap_add(torch.from_numpy(windows), ends).numpy()
        np.testing.assert_allclose(found, slow_overlap_add(windows, ends), atol=1e-6)


@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_windows_that_agree_give_back_the_sequence(length, frames, seed):
    signal = torch.randn(length, 2, generator=torch.Generator().manual_seed(seed)).double()
    windows = windows_of(signal, frames)
    assert windows.shape == (max(1, length - frames + 1), min(frames, length), 2)
    for ends in ("published", "blended"):
        torch.testing.assert_close(overlap_add(windows, ends), signal)


def test_blended_ends_do_not_jump():
    """Windows that begin alike and drift: where others begin to count, published ends jump."""
    drift = torch.arange(10.0).square()[None, :, None].expand(20, 10, 1)
    published, blended = (overlap_add(drift, ends).diff(dim=0) for ends in ("published", "blended"))
    assert published[8].abs() > 20
    assert blended.abs().max() < 20
