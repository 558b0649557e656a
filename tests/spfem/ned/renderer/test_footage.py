"""What is learnt from: which frames, and what they show."""

from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from stccl.errors import StageError
from stccl.spfem.ned.renderer.footage import Footage, Passage, windowed
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.tables.frames import FrameReader
from tests.spfem.ned.renderer.conftest import CLIPS, FRAMES, GAP


def test_a_frame_shows_its_crop_within_its_mask(made, config, footage):
    shots = footage.read(Passage(1, 0, 2, 4), 0, 4)
    track = footage.tracks[1]
    with FrameReader(made / "aligned" / "made-B.parquet", "aligned") as crops:
        for place in range(4):
            crop = crops[int(track.frames[2 + place])]
            small = cv2.resize(crop, (config.size_px, config.size_px), interpolation=cv2.INTER_AREA)
            (x, y), (height, width) = config.corner_px, config.picture_px
            picture = small[y : y + height, x : x + width]
            mask = shots.images[2 + place, -1].numpy()[..., None] > 0
            found = shots.targets[2 + place].movedim(0, -1).numpy()
            np.testing.assert_array_equal(found, picture * mask)
            assert mask.any()


def test_before_a_clip_its_first_frame_is_shown_and_before_a_passage_what_was(footage):
    images = footage.read(Passage(1, 0, 0, 6), 0, 6).images
    assert torch.equal(images[0], images[2])
    assert torch.equal(images[1], images[2])
    assert not torch.equal(images[3], images[2])
    assert torch.equal(footage.read(Passage(1, 0, 0, 6), 4, 6).images, images[4:])
    assert torch.equal(footage.read(Passage(1, 0, 4, 2), 0, 2).images, images[4:])
    after_gap = footage.read(Passage(1, GAP, GAP, 2), 0, 2).images
    assert torch.equal(after_gap[0], after_gap[2])


def test_passages_never_cross_a_gap_and_speakers_come_alike_often(footage):
    random = np.random.default_rng(0)
    drawn = [footage.draw_passage(random, 3) for _ in range(400)]
    speakers = Counter(passage.track for passage in drawn)
    assert 150 < speakers[0] < 250
    for passage in drawn:
        frames = footage.tracks[passage.track].frames[passage.start : passage.start + 3]
        assert np.ptp(frames) == 2
        assert passage.first in (0, GAP)
    starts = Counter(passage.start for passage in drawn if passage.track == 1)
    assert sorted(starts) == list(range(GAP - 2))
    long = {footage.draw_passage(random, FRAMES).track for _ in range(20)}
    assert long == {0}


def test_too_long_and_nothing_at_all_are_errors(made, config, footage):
    with pytest.raises(StageError, match="no clip has 13 fitted frames in a row; lower"):
        footage.draw_passage(np.random.default_rng(0), FRAMES + 1)
    with pytest.raises(StageError, match="none of 1 clips has a fitted face"):
        Footage(made, CLIPS[2:], config, 10)


def test_a_small_memory_changes_nothing(made, config, footage):
    forgetful = Footage(made, CLIPS, config, 1)
    for track in (0, 1, 0):
        passage = Passage(track, 0, 1, 4)
        for a, b in zip(forgetful.read(passage, 0, 4), footage.read(passage, 0, 4), strict=True):
            assert torch.equal(a, b)


def test_what_lies_beyond_the_crop_is_black():
    config = RendererConfig(size_px=60, downsamplings=3, window=(0.5, 0.5, 1, 1))
    picture = windowed(np.full((60, 60, 3), 7, np.uint8), config)
    assert picture.shape == (32, 32, 3)
    assert (picture[:30, :30] == 7).all()
    assert not picture[30:].any()
