import base64
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stccl.report import faces
from stccl.tables.io import read_table
from tests.report.conftest import RATE_HZ, Shape, clips_of, draw, source_of


def test_matches_are_the_crops_the_path_puts_beside_each_other(usual):
    clips = {clip.clip: clip for clip in clips_of(Shape())}
    table = read_table(usual.data / "pairs.parquet", "pairs").to_pandas()
    path = table[table["pair"] == table["pair"].iloc[0]]
    steps = set(zip(path["source_frame"], path["target_frame"], strict=True))
    found = faces.matches(usual.data, path, 99, RATE_HZ)
    for match in found:
        i, j = (round(t * RATE_HZ) for t in (match.source_time_s, match.target_time_s))
        assert (i, j) in steps
        assert (match.source == draw(clips[path["source"].iloc[0]], i, True)).all()
        assert (match.target == draw(clips[path["target"].iloc[0]], j, True)).all()
    faceless = {step for step in steps if "missing" in (source_of(step[0]), source_of(step[1]))}
    assert faceless
    assert len(found) == len(steps) - len(faceless)
    few = faces.matches(usual.data, path, 3, RATE_HZ)
    assert len(few) == 3
    assert [m.source_time_s for m in few] == sorted(m.source_time_s for m in few)


def test_pairs_shown_are_spread_over_speakers_emotions_and_splits():
    rows = [
        {"pair": f"{s}{e}{k}", "speaker": s, "target_emotion": e, "split": "x"}
        for s in "abc"
        for e in "uvw"
        for k in range(3)
    ]
    shown = faces.spread(pd.DataFrame(rows).set_index("pair"), 3)
    assert sorted(pair[0] for pair in shown) == list("abc")
    assert sorted(pair[1] for pair in shown) == list("uvw")
    assert len(faces.spread(pd.DataFrame(rows).set_index("pair"), 99)) == 27


@given(st.integers(0, 300), st.integers(1, 40))
def test_evenly_takes_items_in_order_without_repetition(length, count):
    found = faces.evenly(np.arange(length), count).tolist()
    assert found == sorted(set(found))
    assert len(found) == min(length, count)
    gaps = np.diff([-1, *found, length])
    assert gaps.max(initial=0) <= 2 * (length / max(len(found), 1)) + 1


def test_data_url_is_the_picture():
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24] = (200, 30, 30)
    kind, content = faces.data_url(picture).split(",")
    assert kind == "data:image/jpeg;base64"
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded[..., ::-1].astype(int) - picture)[:, 4:20].max() < 8


def test_fit_shrinks_and_never_grows():
    assert faces.fit(np.zeros((100, 50, 3), np.uint8), 40).shape == (40, 20, 3)
    assert faces.fit(np.zeros((30, 20, 3), np.uint8), 40).shape == (30, 20, 3)
    assert faces.fit(np.zeros((900, 1, 3), np.uint8), 40).shape == (40, 1, 3)


def test_points_are_drawn_where_they_are(usual):
    clip = clips_of(Shape())[0]
    found = faces.face_with_points(usual.data, clip.clip, 1000)
    assert found is not None
    picture, crop, frame = found
    assert source_of(frame) != "missing"
    assert (crop == draw(clip, frame, True)).all()
    changed = (picture != draw(clip, frame, False)).any(axis=2)
    side = picture.shape[0]
    # Point 0 of the fixture is at angle 0 on a circle of 0.3 sides around the centre.
    assert changed[side // 2, round(0.8 * side)]
    assert not changed[side // 2, side // 2]


def test_sheet_takes_the_most_intense_clip_of_the_first_speakers():
    clips = clips_of(Shape(speakers=("a", "b", "c")))
    mild = [replace(clip, level=1, clip="0" + clip.clip) for clip in clips]
    sheet = faces.sheet_clips(mild + clips, 2)
    assert list(sheet) == ["a", "b"]
    assert {clip.clip for clip in sheet["a"].values() if clip.emotion != "neutral"} <= {
        clip.clip for clip in clips
    }
