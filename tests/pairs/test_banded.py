import subprocess
import sys

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from stccl.pairs.banded import cheapest_path
from tests.conftest import ROOT

WEIGHTS = (1.0, 1.5, 1.5)


def by_librosa(source, target, radius, weights):
    """The same through a table of all distances; it takes the radius as a fraction."""
    shorter = min(len(source), len(target))
    _, path = librosa.sequence.dtw(
        C=cdist(source, target) / np.sqrt(source.shape[1]),
        weights_mul=np.array(weights),
        global_constraints=True,
        band_rad=radius / shorter,
    )
    return path[::-1]


@settings(deadline=None, max_examples=150)
@given(
    lengths=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    share=st.floats(0, 1),
    weights=st.tuples(*[st.floats(0.5, 3)] * 3),
    seed=st.integers(0, 10**6),
)
def test_it_is_librosas_path(lengths, share, weights, seed):
    rng = np.random.default_rng(seed)
    source, target = (rng.normal(size=(length, 4)) for length in lengths)
    radius = max(1, round(share * min(lengths)))
    found = cheapest_path(source, target, radius, weights)
    np.testing.assert_array_equal(found, by_librosa(source, target, radius, weights))


def test_of_equally_cheap_moves_the_diagonal_is_taken():
    still = np.zeros((5, 2))
    assert cheapest_path(still, still, 3, WEIGHTS).tolist() == [[k, k] for k in range(5)]


_PEAK_MEMORY = """
import resource, sys
import numpy as np
from stccl.pairs.banded import cheapest_path
rng = np.random.default_rng(0)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sides = rng.normal(size=(2, int(sys.argv[1]), 26))
before = peak()
cheapest_path(*sides, int(sys.argv[1]) // 4, (1.0, 1.5, 1.5))
print((peak() - before) / 1024)
"""


@pytest.mark.slow
def test_a_minute_takes_no_more_than_its_band():
    """6000 vectors: the band has 14 MB of cells; all distances alone would be 288 MB."""
    command = [sys.executable, "-c", _PEAK_MEMORY, "6000"]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert float(out.stdout) < 40
