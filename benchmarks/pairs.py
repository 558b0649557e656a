"""How fast two utterances are warped, beside a plain loop over the whole matrix.

Both get the same features and give the same path over frames; the plain version fills the matrix
cell by cell in Python. Run it with `python -m benchmarks.pairs`.
"""

import time
from collections.abc import Callable
from statistics import median
from unittest.mock import patch

import numpy as np

from stccl.pairs.features import SpeechFeatures
from stccl.pairs.params import PairsParams
from stccl.pairs.path import Warp, align_speech

RATE_HZ = 16000
FRAME_RATE_HZ = 25
DURATIONS_S = (4.0, 4.4)
PARAMS = PairsParams(hop_s=0.01, coefficients=13, band=0.25, max_cost=0.7)


def plain_warp(source: SpeechFeatures, target: SpeechFeatures, band: float) -> Warp:
    """The whole matrix by loops, whatever the band."""
    rows, columns = len(source.vectors), len(target.vectors)
    distance = np.array(
        [np.sqrt(((target.vectors - vector) ** 2).mean(axis=1)) for vector in source.vectors]
    )
    total = np.full((rows + 1, columns + 1), np.inf)
    total[1, 1] = distance[0, 0]
    back = np.zeros((rows, columns), int)
    for i in range(rows):
        for j in range(columns):
            if i or j:
                ways = (
                    total[i, j] + distance[i, j],
                    total[i + 1, j] + 1.5 * distance[i, j],
                    total[i, j + 1] + 1.5 * distance[i, j],
                )
                back[i, j] = min(range(3), key=ways.__getitem__)
                total[i + 1, j + 1] = ways[back[i, j]]
    i, j = rows - 1, columns - 1
    cells = [(i, j)]
    while i or j:
        move = back[i, j]
        i, j = i - (move != 1), j - (move != 2)
        cells.append((i, j))
    steps = np.array(cells[::-1])
    distances = distance[steps[:, 0], steps[:, 1]]
    return Warp(steps, distances, float(distances.mean()))


def seconds_of(call: Callable[[], Warp], repeats: int) -> float:
    """Median wall time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Print one line per figure."""
    random = np.random.default_rng(0)
    # The work does not depend on what is said.
    sounds = [
        (0.1 * random.normal(size=round(s * RATE_HZ))).astype(np.float32) for s in DURATIONS_S
    ]
    times_s = [np.arange(round(s * FRAME_RATE_HZ)) / FRAME_RATE_HZ for s in DURATIONS_S]

    def align() -> Warp:
        return align_speech(
            *sounds,
            sample_rate_hz=RATE_HZ,
            source_times_s=times_s[0],
            target_times_s=times_s[1],
            params=PARAMS,
        )

    first = seconds_of(align, 1)
    ours = seconds_of(align, 15)
    with patch("stccl.pairs.path.warp", plain_warp):
        plain = seconds_of(align, 3)
    speech_s = sum(DURATIONS_S)
    print(f"first call of a process: {first:.2f} s")
    print(f"ours: {1e3 * ours:.0f} ms a pair, {speech_s / ours:.0f} s of speech per second")
    print(f"plain: {1e3 * plain:.0f} ms a pair, {speech_s / plain:.0f} s of speech per second")
    print(f"ratio: {plain / ours:.1f}")


if __name__ == "__main__":
    main()
