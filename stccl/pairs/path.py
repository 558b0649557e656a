"""Which frame of one utterance belongs to which frame of another: dynamic time warping."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from stccl.errors import StageError
from stccl.pairs.banded import cheapest_path
from stccl.pairs.features import SpeechFeatures, speech_features
from stccl.pairs.params import PairsParams

Steps = npt.NDArray[np.int64]
"""P×2 indices (source, target) of a monotone path without gaps from both starts to both ends:
every step is (1, 1), (0, 1) or (1, 0)."""

# Of the steps (1, 1), (0, 1), (1, 0). Waiting costs half as much again as going on: without it the
# path of two unrelated utterances dodges every large distance, their cost comes close to that of
# the same words, and true paths stammer.
_STEP_WEIGHTS = (1.0, 1.5, 1.5)
_ROWS_AT_ONCE = 256
_LEAST_DISTANCE_DB = 1e-3


@dataclass(frozen=True)
class Warp:
    """A path through two sequences and how well they agree along it.

    Attributes:
        steps: P×2.
        distances: P; the distance at each step, divided by the mean distance between the speech
            of the two utterances. 1 is what any two sounds of them have.
        cost: Mean distance over the steps where at least one of the two speaks.
    """

    steps: Steps
    distances: npt.NDArray[np.float64]
    cost: float


def warp(source: SpeechFeatures, target: SpeechFeatures, band: float) -> Warp:
    r"""The cheapest monotone path between two utterances.

    With the root-mean-square distance :math:`d(i, j)` of vectors, the path minimises

    .. math:: \sum_p w_p \, d(i_p, j_p)

    where a diagonal step weighs 1 and one that waits 1.5. Its cost is

    .. math:: \frac{\mathrm{mean}_{p:\, s_{i_p} \lor t_{j_p}} d(i_p, j_p)}
                   {\mathrm{mean}_{i, j:\, s_i \land t_j} d(i, j)}

    with :math:`s, t` marking speech. Silence resembles silence whatever is said around it, so
    without the marks a long pause at both ends makes any two sentences look alike.

    Args:
        source: K vectors.
        target: L vectors.
        band: Half-width of the band around the diagonal in which the path stays, as a fraction of
            the shorter utterance; the band is wider by the difference of the lengths, so there
            always is a path.

    Source:
        Sakoe and Chiba, IEEE Trans. ASSP 26 (1), 1978.
    """
    # A radius of 0 would close the diagonal itself.
    radius = max(1, round(band * min(len(source.vectors), len(target.vectors))))
    steps = cheapest_path(source.vectors, target.vectors, radius, _STEP_WEIGHTS)
    i, j = steps.T
    along = np.sqrt(((source.vectors[i] - target.vectors[j]) ** 2).mean(axis=1))
    distances = along / _usual_distance(source, target)
    speaks = source.speech[i] | target.speech[j]
    return Warp(steps, distances, float(distances[speaks].mean()))


def _usual_distance(source: SpeechFeatures, target: SpeechFeatures) -> float:
    """Mean distance between the speech of two utterances, a few rows of it at a time."""
    rows, others = source.vectors[source.speech], target.vectors[target.speech]
    total = sum(
        float(cdist(rows[start : start + _ROWS_AT_ONCE], others).sum())
        for start in range(0, len(rows), _ROWS_AT_ONCE)
    )
    mean = total / (len(rows) * len(others)) / np.sqrt(rows.shape[1])
    # Two utterances of one unchanging sound have no distance to compare with.
    return max(float(mean), _LEAST_DISTANCE_DB)


def align_speech(
    source_sound: npt.NDArray[np.float32],
    target_sound: npt.NDArray[np.float32],
    *,
    sample_rate_hz: int,
    source_times_s: npt.NDArray[np.float64],
    target_times_s: npt.NDArray[np.float64],
    params: PairsParams,
) -> Warp:
    """The frames of two utterances that belong together, by their sound.

    Args:
        source_sound: Samples in [-1, 1], from the time of frame 0 on.
        target_sound: Likewise.
        sample_rate_hz: Of both.
        source_times_s: M; where each frame stands in the clip, ascending from about 0.
        target_times_s: N; likewise.
        params: Features and band.

    Returns:
        A path over frames from (0, 0) to (M-1, N-1); its cost is that of the underlying path over
        features.

    Raises:
        StageError: Where `params.hop_s` is longer than a frame.
    """
    hop_samples = max(1, round(params.hop_s * sample_rate_hz))
    frame_of = [
        _nearest_frames(times_s, hop_samples / sample_rate_hz)
        for times_s in (source_times_s, target_times_s)
    ]
    source, target = (
        speech_features(
            sound,
            sample_rate_hz=sample_rate_hz,
            hop_samples=hop_samples,
            coefficients=params.coefficients,
            count=len(frames),
        )
        for sound, frames in zip((source_sound, target_sound), frame_of, strict=True)
    )
    return reduce_to_frames(warp(source, target, params.band), *frame_of)


def reduce_to_frames(path: Warp, source_frame_of: Steps, target_frame_of: Steps) -> Warp:
    """A path over features as a path over the frames they belong to.

    Features run several to a frame, and the two clips' frames hardly ever begin at the same point
    of the path; taken as it comes, frame 1 would begin in one clip a feature before it begins in
    the other, and the path be made of corners, repeating every frame. A step to the side followed
    by one upwards (or the other way round) is therefore taken as the diagonal step it stands for:
    no frame is lost.

    Args:
        path: K×L features.
        source_frame_of: K; the frame of each feature, from 0 in steps of 0 or 1.
        target_frame_of: L; likewise.

    Returns:
        Steps over frames; each distance is the mean over its features.
    """
    cells = np.column_stack([source_frame_of[path.steps[:, 0]], target_frame_of[path.steps[:, 1]]])
    starts = np.flatnonzero(np.r_[True, (np.diff(cells, axis=0) != 0).any(axis=1)])
    lengths = np.diff(np.r_[starts, len(cells)])
    distances = np.add.reduceat(path.distances, starts) / lengths
    cells = cells[starts]
    kept = [0]
    following = 1
    while following < len(cells):
        if following + 1 < len(cells) and (cells[following + 1] - cells[kept[-1]] == 1).all():
            following += 1
        kept.append(following)
        following += 1
    return Warp(cells[kept], distances[kept], path.cost)


def _nearest_frames(times_s: npt.NDArray[np.float64], hop_s: float) -> Steps:
    """The frame nearest to each feature, up to the first feature at or after the last frame."""
    features_s = np.arange(int(np.ceil(times_s[-1] / hop_s)) + 1) * hop_s
    frames = np.searchsorted((times_s[1:] + times_s[:-1]) / 2, features_s, side="right")
    if (np.diff(frames) > 1).any():
        raise StageError(
            f"pairs.hop_s: {hop_s:g} s is longer than a frame "
            f"({np.diff(times_s).min():g} s); set it to half of that or less"
        )
    return frames.astype(np.int64)
