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


def test_it_is_the_similarity_of_the_windows(loss, clips):
    source, generated = (clip[:8] for clip in clips)
    found = score(iter(source), iter(generated), loss, window_frames=4)
    parts = []
    for i in (0, 4):
        sides = (as_input(clip[i : i + 4], 48)[None] for clip in (generated, source))
        parts.append(loss.similarity(*sides))
    spatial = np.mean([float(p.spatial.positive_cosine.mean()) for p in parts])
    assert found.spatial_positive == pytest.approx(spatial, abs=1e-5)
    assert found.spatial_margin == pytest.approx(
        found.spatial_positive - found.spatial_negative, abs=1e-6
    )
    assert found.score == pytest.approx((found.spatial_margin + found.temporal_margin) / 2)
    assert (found.frames_compared, found.frames_left_out) == (8, 0)


def test_a_clip_is_most_like_itself(loss, clips):
    source, generated = clips
    same = score(source, source, loss)
    assert same.spatial_positive == pytest.approx(1, abs=1e-5)
    assert same.temporal_positive == pytest.approx(1, abs=1e-5)
    assert same.score > score(source, generated[::-1], loss).score


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


def test_single_frames_have_no_temporal_part(loss, clips):
    found = score(clips[0][:1], clips[1][:1], loss)
    assert found.temporal_margin is None
    assert found.score == found.spatial_margin


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
