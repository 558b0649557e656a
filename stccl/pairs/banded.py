"""Dynamic time warping inside a band, in memory proportional to the band's area in bytes."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]

_MOVES = ((1, 1), (0, 1), (1, 0))


def cheapest_path(
    source: Vectors, target: Vectors, radius: int, weights: tuple[float, float, float]
) -> npt.NDArray[np.int64]:
    r"""The cheapest monotone path between two sequences that stays near the diagonal.

    .. math:: D(i, j) = \min_m \left[ D\big((i, j) - m\big) + w_m \, d(i, j) \right],
              \quad D(0, 0) = d(0, 0)

    over the moves m = (1, 1), (0, 1), (1, 0), of equally cheap ones the first. d is the
    root-mean-square distance of two vectors. Cells with the same i + j do not need each other, so
    each such row of cells is computed at once from the two before it, distances included; what is
    kept of it is one byte per cell, the move. A table of all distances takes 8 bytes per pair of
    vectors and one of costs as much again: a gigabyte for two readings of a minute each.

    Args:
        source: K×C.
        target: L×C.
        radius: At least 1; cells with -(r + max(0, K - L)) < j - i < r + max(0, L - K) are open.
        weights: Of the three moves.

    Returns:
        P×2 indices from (0, 0) to (K-1, L-1).

    Source:
        Sakoe and Chiba, IEEE Trans. ASSP 26 (1), 1978.

    >>> a = np.array([[0.0], [1.0], [5.0]])
    >>> cheapest_path(a, np.array([[0.0], [1.0], [1.0], [5.0]]), 2, (1.0, 1.5, 1.5)).tolist()
    [[0, 0], [1, 1], [1, 2], [2, 3]]
    """
    rows, columns = len(source), len(target)
    lowest = -(radius + max(0, rows - columns)) + 1
    highest = radius + max(0, columns - rows) - 1
    # Total costs by i, one cell further on, so that what lies before the first row is there too.
    totals = np.full((3, rows + 1), np.inf)
    ways = np.empty((3, rows))
    moves: list[npt.NDArray[np.uint8]] = []
    firsts: list[int] = []
    reversed_target = target[::-1]
    for diagonal in range(rows + columns - 1):
        first = max(0, diagonal - columns + 1, -((highest - diagonal) // 2))
        last = min(rows - 1, diagonal, (diagonal - lowest) // 2)
        two_before, before, here = (totals[(diagonal + k) % 3] for k in (1, 2, 0))
        start = columns - 1 - diagonal + first
        difference = source[first : last + 1] - reversed_target[start : start + last + 1 - first]
        distance = np.sqrt(np.einsum("ij,ij->i", difference, difference) / source.shape[1])
        way = ways[:, : len(distance)]
        np.add(two_before[first : last + 1], weights[0] * distance, out=way[0])
        np.add(before[first + 1 : last + 2], weights[1] * distance, out=way[1])
        np.add(before[first : last + 1], weights[2] * distance, out=way[2])
        here.fill(np.inf)
        here[first + 1 : last + 2] = way.min(axis=0) if diagonal else distance
        moves.append(way.argmin(axis=0).astype(np.uint8))
        firsts.append(first)

    cells = [(rows - 1, columns - 1)]
    while cells[-1] != (0, 0):
        i, j = cells[-1]
        down, right = _MOVES[moves[i + j][i - firsts[i + j]]]
        cells.append((i - down, j - right))
    return np.array(cells[::-1], np.int64)
