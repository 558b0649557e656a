import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.errors import StageError
from stccl.pairs.features import SpeechFeatures
from stccl.pairs.path import Warp, align_speech, reduce_to_frames, warp

RATE_HZ = 16000
WEIGHT = {(1, 1): 1.0, (0, 1): 1.5, (1, 0): 1.5}


@st.composite
def utterances(draw, least=1, most=14):
    lengths = [draw(st.integers(least, most)) for _ in range(2)]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [SpeechFeatures(random.normal(size=(n, 3)), np.ones(n, bool)) for n in lengths]


def _distance(a, b):
    return [[math.dist(x, y) / math.sqrt(3) for y in b.vectors] for x in a.vectors]


def _cheapest(distance, radius):
    """Dynamic programming as in the textbook, cell by cell."""
    rows, columns = len(distance), len(distance[0])
    below, above = max(0, rows - columns) + radius, max(0, columns - rows) + radius
    best = {(0, 0): distance[0][0]}
    for i in range(rows):
        for j in range(columns):
            if (i, j) == (0, 0) or not -below < j - i < above:
                continue
            before = [
                best[i - di, j - dj] + weight * distance[i][j]
                for (di, dj), weight in WEIGHT.items()
                if (i - di, j - dj) in best
            ]
            if before:
                best[i, j] = min(before)
    return best[rows - 1, columns - 1]


def _paid(distance, steps):
    moves = [tuple(move) for move in np.diff(steps, axis=0).tolist()]
    cells = [distance[i][j] for i, j in steps.tolist()]
    return cells[0] + sum(WEIGHT[m] * d for m, d in zip(moves, cells[1:], strict=True))


def _assert_whole(steps, rows, columns):
    assert steps[0].tolist() == [0, 0]
    assert steps[-1].tolist() == [rows - 1, columns - 1]
    assert {tuple(move) for move in np.diff(steps, axis=0).tolist()} <= set(WEIGHT)


@settings(max_examples=80, deadline=None)
@given(utterances(), st.floats(0.01, 1))
def test_path_is_the_cheapest_of_the_band(pair, band):
    a, b = pair
    shorter = min(len(a.vectors), len(b.vectors))
    radius = max(1, round(band * shorter))
    path = warp(a, b, band)
    _assert_whole(path.steps, len(a.vectors), len(b.vectors))
    distance = _distance(a, b)
    assert _paid(distance, path.steps) == pytest.approx(_cheapest(distance, radius))
    usual = np.mean(distance)
    np.testing.assert_allclose(
        path.distances, [distance[i][j] / usual for i, j in path.steps.tolist()]
    )
    assert path.cost == pytest.approx(path.distances.mean())


@settings(max_examples=40, deadline=None)
@given(utterances(least=8, most=8), st.floats(0.01, 1))
def test_no_dearer_than_the_diagonal(pair, band):
    distance = _distance(*pair)
    diagonal = sum(distance[i][i] for i in range(8))
    assert _paid(distance, warp(*pair, band).steps) <= diagonal * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(utterances(), st.floats(0.01, 1))
def test_swapping_the_utterances_swaps_the_path(pair, band):
    a, b = pair
    there, back = warp(a, b, band), warp(b, a, band)
    np.testing.assert_array_equal(there.steps, back.steps[:, ::-1])
    assert there.cost == pytest.approx(back.cost)


def test_cost_by_hand():
    # Distances 0 1 / 1 0 between the two sounds of each: their mean is 0.5, the diagonal is free.
    same = SpeechFeatures(np.array([[0.0], [1.0]]), np.array([True, True]))
    assert warp(same, same, 1.0).cost == 0
    # Against a sound between the two every distance is 0.5.
    other = SpeechFeatures(np.array([[0.5], [0.5]]), np.array([True, True]))
    assert warp(same, other, 1.0).cost == 1


def test_silence_neither_earns_nor_costs():
    random = np.random.default_rng(3)
    spoken = [random.normal(size=(20, 3)) for _ in range(2)]
    plain = warp(*(SpeechFeatures(v, np.ones(20, bool)) for v in spoken), 0.25)
    # A pause unlike any speech, the same for both.
    pause = np.full((15, 3), 40.0)
    speech = np.r_[np.zeros(15, bool), np.ones(20, bool), np.zeros(15, bool)]
    padded = warp(*(SpeechFeatures(np.vstack([pause, v, pause]), speech) for v in spoken), 0.25)
    assert padded.cost == pytest.approx(plain.cost, abs=0.1)


@st.composite
def feature_paths(draw):
    moves = draw(st.lists(st.sampled_from(list(WEIGHT)), min_size=1, max_size=60))
    steps = np.cumsum([(0, 0), *moves], axis=0)
    rate = [draw(st.integers(1, 6)) for _ in range(2)]
    frames = [np.arange(n + 1) // r for n, r in zip(steps[-1], rate, strict=True)]
    return Warp(steps, np.arange(len(steps), dtype=float), 0.5), frames


@settings(max_examples=200, deadline=None)
@given(feature_paths())
def test_frame_path_is_whole_and_stays_on_the_feature_path(case):
    path, frames = case
    reduced = reduce_to_frames(path, *frames)
    _assert_whole(reduced.steps, frames[0][-1] + 1, frames[1][-1] + 1)
    cells = list(zip(frames[0][path.steps[:, 0]], frames[1][path.steps[:, 1]], strict=True))
    for (m, n), distance in zip(reduced.steps.tolist(), reduced.distances, strict=True):
        here = [d for d, cell in zip(path.distances, cells, strict=True) if cell == (m, n)]
        assert distance == pytest.approx(np.mean(here))
    # No two steps make a corner: one of them would repeat both frames.
    two = reduced.steps[2:] - reduced.steps[:-2]
    assert not (two == 1).all(axis=1).any()


def test_frames_that_begin_at_different_features_give_a_diagonal():
    steps = np.column_stack([np.arange(16)] * 2)
    late = np.array([0] * 6 + [1] * 4 + [2] * 4 + [3] * 2)
    reduced = reduce_to_frames(Warp(steps, np.zeros(16), 0.0), np.arange(16) // 4, late)
    assert reduced.steps.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


def _align(a, b, params, frames):
    return align_speech(
        a,
        b,
        sample_rate_hz=RATE_HZ,
        source_times_s=np.arange(frames[0]) / 25,
        target_times_s=np.arange(frames[1]) / 25,
        params=params,
    )


def _fraction_near(path, expected, frames=2):
    return (abs(path.steps[:, 0] - expected(path.steps[:, 1])) <= frames).mean()


@pytest.mark.parametrize("words", [1, 2, 3])
@pytest.mark.parametrize("pitch_hz", [110, 170])
def test_an_uneven_tempo_is_recovered(utterance, params, words, pitch_hz):
    times_s = np.arange(round(3.6 * RATE_HZ)) / RATE_HZ

    def in_source_s(target_s):
        return target_s * 3 / 3.6 + 0.2 * np.sin(2 * np.pi * target_s / 3.6)

    target = utterance(words, 3.6, script_s=in_source_s(times_s), pitch_hz=pitch_hz)
    path = _align(utterance(words, 3.0), target, params, (75, 90))
    _assert_whole(path.steps, 75, 90)
    assert path.cost < params.max_cost
    assert _fraction_near(path, lambda frame: in_source_s(frame / 25) * 25) >= 0.9


def test_other_words_cost_more_than_the_limit(utterance, params):
    costs = [
        _align(utterance(a, 3.0), utterance(b, 3.3), params, (75, 82)).cost
        for a, b in ((1, 2), (2, 3), (4, 5))
    ]
    assert min(costs) > params.max_cost


@pytest.mark.parametrize("seconds", [2.6, 3.0, 3.4])
def test_frames_are_counted_by_the_picture_and_not_by_the_sound(utterance, params, seconds):
    sound = utterance(1, 3.4)[: round(seconds * RATE_HZ)]
    path = _align(utterance(1, 3.4), sound, params, (75, 77))
    _assert_whole(path.steps, 75, 77)
    assert _fraction_near(path, lambda frame: frame) >= 0.95


@pytest.mark.parametrize("frames", [(1, 1), (1, 9), (2, 1), (9, 3)])
def test_very_short_clips(utterance, params, frames):
    path = _align(utterance(1, 0.4), utterance(1, 0.4), params, frames)
    _assert_whole(path.steps, *frames)


def test_silence_on_both_sides_is_no_reason_to_divide_by_zero(params):
    silence = np.zeros(48000, np.float32)
    path = _align(silence, silence, params, (75, 75))
    assert path.cost == 0
    np.testing.assert_array_equal(path.steps[:, 0], path.steps[:, 1])


def test_a_hop_longer_than_a_frame_is_refused(utterance, params):
    sound = utterance(1, 3.0)
    long = params.model_copy(update={"hop_s": 0.1})
    with pytest.raises(StageError, match=r"pairs\.hop_s: 0\.1 s is longer than a frame"):
        _align(sound, sound, long, (75, 75))
