import dataclasses

import numpy as np
import pytest
import torch

from stccl.errors import StcclError
from stccl.evaluation.score import score
from stccl.evaluation.similarity import CoherentSimilarity
from stccl.metric.data import WindowReader, read_pairs
from stccl.metric.images import as_input
from stccl.metric.loss import initial
from stccl.tables.frames import FrameReader


@pytest.fixture
def loss(small):
    return initial(small, 0).freeze()


@pytest.fixture
def clips(made_data):
    pair = read_pairs(made_data, "metric-test", 3)[0]
    both = []
    for clip in (pair.source, pair.target):
        with FrameReader(made_data / "aligned" / f"{clip}.parquet", "aligned") as frames:
            both.append(list(frames))
    return both


def test_similarities_are_those_of_the_windows(loss, clips):
    source, generated = (clip[:8] for clip in clips)
    found = score(iter(source), iter(generated), loss, window_frames=4)
    parts = []
    for i in (0, 4):
        sides = (as_input(clip[i : i + 4], 48)[None] for clip in (generated, source))
        parts.append(loss.similarity(*sides))
    for part in ("spatial", "temporal"):
        for sign in ("positive", "negative"):
            expected = np.mean(
                [float(getattr(getattr(p, part), f"{sign}_cosine").mean()) for p in parts]
            )
            assert getattr(found, f"{part}_{sign}") == pytest.approx(expected, abs=1e-5)
    assert found.score == pytest.approx((found.spatial_coherence + found.temporal_coherence) / 2)
    assert (found.frames_compared, found.frames_left_out) == (8, 0)


def coherence_of(loss, source, generated, windows, part):
    """numpy's correlation coefficient of whole trajectories, each region about its own mean."""
    sides = [[], []]
    for window in windows:
        images = (as_input([clip[i] for i in window], 48)[None] for clip in (generated, source))
        levels = getattr(loss.compare(*images), part)
        for side, name in zip(sides, ("query", "key"), strict=True):
            vectors = [
                getattr(level, name) / getattr(level, name).shape[1] ** 0.5 for level in levels
            ]
            side.append(np.concatenate([v.flatten(1).numpy() for v in vectors], axis=1))
    q, k = (np.concatenate(side).astype(float) for side in sides)
    return np.corrcoef((q - q.mean(0)).ravel(), (k - k.mean(0)).ravel())[0, 1]


def test_coherence_is_the_correlation_over_time(loss, clips):
    source, generated = clips[0][:11], clips[1][:11]
    source[5] = None
    found = score(source, generated, loss, window_frames=4)
    windows = [range(4), range(4, 5), range(6, 10), range(10, 11)]
    expected = coherence_of(loss, source, generated, windows, "spatial")
    assert found.spatial_coherence == pytest.approx(expected, abs=1e-6)
    windows = [range(4), range(6, 10)]
    expected = coherence_of(loss, source, generated, windows, "temporal")
    assert found.temporal_coherence == pytest.approx(expected, abs=1e-6)


def test_a_clip_is_most_like_itself(loss, clips):
    source, generated = clips
    same = score(source, source, loss)
    assert same.score == pytest.approx(1, abs=1e-5)
    assert same.spatial_positive == pytest.approx(1, abs=1e-5)
    assert same.temporal_positive == pytest.approx(1, abs=1e-5)
    assert 1 > score(source, generated, loss).score > score(source, generated[::-1], loss).score


def test_stills_have_nothing_to_compare(loss, clips):
    with pytest.raises(StcclError, match="nothing changes in 5 frames of one of the clips"):
        score(clips[0][:5], [clips[1][0]] * 5, loss)


def test_it_reads_as_a_table(loss, clips):
    source = [*clips[0]]
    source[4] = None
    found = score(source, clips[1], loss)
    first, *table, last = str(found).splitlines()
    assert first == f"score {found.score:.3f}"
    assert table[0].split() == ["coherence", "positive", "negative"]
    assert table[1].split() == [
        "spatial",
        *(
            f"{value:.3f}"
            for value in (found.spatial_coherence, found.spatial_positive, found.spatial_negative)
        ),
    ]
    assert len({len(line) for line in table}) == 1
    assert last == "11 frames compared, 1 left out"


def test_a_part_that_is_off_is_a_dash(small, clips):
    loss = initial(small.model_copy(update={"temporal": False}), 0).freeze()
    found = score(*clips, loss)
    assert found.temporal_coherence is None
    assert found.score == found.spatial_coherence
    assert str(found).splitlines()[3].split() == ["temporal", "–", "–", "–"]


def test_frames_without_a_face_and_beyond_the_end_are_counted(loss, clips):
    source, generated = [*clips[0]], clips[1][:10]
    source[4] = None
    found = score(source, generated, loss, window_frames=4)
    assert (found.frames_compared, found.frames_left_out) == (9, 3)


def test_along_a_path(loss, clips):
    source, generated = clips
    moved = [generated[0], *generated]
    straight = score(source, generated, loss)
    along = score(source, moved, loss, path=[(i, i + 1) for i in range(len(source))])
    assert dataclasses.astuple(along) == pytest.approx(dataclasses.astuple(straight))


def test_nothing_to_compare_is_one_line(loss):
    with pytest.raises(StcclError, match="no frame to compare: 2 left out"):
        score([None, None], [None, None], loss)


def test_frames_far_apart_have_no_temporal_part(loss, clips):
    source = [None if i % 2 else image for i, image in enumerate(clips[0])]
    found = score(source, clips[1], loss)
    assert found.temporal_coherence is None
    assert found.score == found.spatial_coherence


def test_coherent_similarity_is_the_mean_over_all_batches(loss, made_data):
    reader = WindowReader(made_data, 48)
    pair = read_pairs(made_data, "metric-test", 3)[0]
    read = [reader.read(pair, window) for window in pair.windows[:3]]
    targets, sources = (torch.stack(side) for side in zip(*read, strict=True))
    metric = CoherentSimilarity(loss)
    metric.update(targets[:2], sources[:2])
    metric.update(targets[2:], sources[2:])
    found = metric.compute()
    expected = loss.similarity(targets, sources)
    assert set(found) == {
        f"{part}_{value}" for part in expected._fields for value in expected.spatial._fields
    }
    for part in ("spatial", "temporal"):
        for name, values in getattr(expected, part)._asdict().items():
            assert float(found[f"{part}_{name}"]) == pytest.approx(float(values.mean()), abs=1e-6)
    metric.reset()
    assert metric.compute() == {}


def test_a_saved_similarity_is_not_in_the_way_of_single_images(loss):
    metric = CoherentSimilarity(loss)
    images = torch.rand(2, 3, 48, 48)
    metric.update(images, images)
    assert set(metric.compute()) == {
        "spatial_positive_cosine", "spatial_negative_cosine",
        "spatial_positive_pearson", "spatial_negative_pearson",
    }  # fmt: skip


@pytest.fixture
def rows(small):
    return initial(small.model_copy(update={"formulation": "correlation"}), 0).freeze()


def test_a_metric_of_correlations_scores_windows(rows, clips):
    source, generated = clips  # of 12 frames: three windows, the last of another length
    found = score(source, generated, rows, window_frames=5)
    sides = [[], []]
    for start in (0, 5):
        window = (as_input(clip[start : start + 5], 48)[None] for clip in (generated, source))
        levels = rows.compare(*window).temporal
        for side, name in zip(sides, ("query", "key"), strict=True):
            vectors = [
                getattr(level, name) / (len(level.query) * level.query.shape[1]) ** 0.5
                for level in levels
            ]
            side.append(np.concatenate([v.flatten().numpy() for v in vectors]))
    q, k = (np.stack(side).astype(float) for side in sides)
    expected = np.corrcoef((q - q.mean(0)).ravel(), (k - k.mean(0)).ravel())[0, 1]
    assert found.temporal_coherence == pytest.approx(expected, abs=1e-4)
    assert found.frames_compared == 12


def test_equal_clips_score_one_under_correlations(rows, clips):
    found = score(clips[0], clips[0], rows, window_frames=4)
    assert found.score == pytest.approx(1, abs=1e-5)
    assert found.temporal_positive == pytest.approx(1, abs=1e-5)
