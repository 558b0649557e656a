"""Dynamic time warping inside a band, in memory proportional to the band's area in bytes."""

import numba
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
    root-mean-square distance of two vectors. Of a cell nothing is kept but one byte, its move. A
    table of all distances takes 8 bytes per pair of vectors and one of costs as much again: a
    gigabyte for two readings of a minute each.

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
    moves = _cheapest_moves(source, target, lowest, highest, weights)
    cells = [(rows - 1, columns - 1)]
    while cells[-1] != (0, 0):
        i, j = cells[-1]
        down, right = _MOVES[moves[i, j - i - lowest]]
        cells.append((i - down, j - right))
    return np.array(cells[::-1], np.int64)


@numba.njit(cache=True)
def _cheapest_moves(
    source: Vectors, target: Vectors, lowest: int, highest: int, weights: tuple[float, float, float]
) -> npt.NDArray[np.uint8]:
    """The last move to every cell with lowest ≤ j - i ≤ highest: row i, column j - i - lowest."""
    width = highest - lowest + 1
    moves = np.zeros((len(source), width), np.uint8)
    # In the row above, the cell one to the left stands in the same column and the one right above
    # in the next, of which there is one more than the band has.
    above = np.full(width + 1, np.inf)
    for i in range(len(source)):
        here = np.full(width + 1, np.inf)
        for j in range(max(0, i + lowest), min(len(target), i + highest + 1)):
            column = j - i - lowest
            squares = 0.0
            for channel in range(source.shape[1]):
                squares += (source[i, channel] - target[j, channel]) ** 2
            distance = np.sqrt(squares / source.shape[1])
            if i == 0 and j == 0:
                here[column] = distance
                continue
            ways = (
                above[column] + weights[0] * distance,
                (here[column - 1] if column else np.inf) + weights[1] * distance,
                above[column + 1] + weights[2] * distance,
            )
            for move in range(3):
                if ways[move] < here[column]:
                    here[column] = ways[move]
                    moves[i, column] = move
        above = here
    return moves
