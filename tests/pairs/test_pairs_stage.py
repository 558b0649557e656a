from itertools import pairwise

import numpy as np
import pytest

from stccl.errors import StageError
from stccl.pairs.stage import merge
from stccl.perclip import run
from stccl.runner import InOrder
from stccl.tables.io import read_table, write_table


def _run(data, params, max_rejected=1.0):
    return run(
        "stccl.pairs.stage:STAGE",
        data,
        params,
        InOrder(),
        max_rejected=max_rejected,
        chunk_items=2,
    )


def _index(data, clips):
    write_table(data / "clips.parquet", "clips", [vars(clip) for clip in clips])


def _rejected(data):
    return read_table(data / "pairs" / "rejected.parquet", "rejected").to_pylist()


def _contents(data):
    return {path.name: path.read_bytes() for path in sorted(data.glob("pairs*/*.parquet"))} | {
        "pairs.parquet": (data / "pairs.parquet").read_bytes()
    }


@pytest.fixture
def trio(tmp_path, a_clip, add_clip, utterance):
    """A neutral clip, the same words at another pitch, and other words under the same name."""
    clips = [a_clip("neutral"), a_clip("angry"), a_clip("sad")]
    _index(tmp_path, clips)
    add_clip(tmp_path, clips[0], utterance(1, 3.0), 75)
    add_clip(tmp_path, clips[1], utterance(1, 3.0, pitch_hz=170), 75, missing=[0, 10, 11])
    add_clip(tmp_path, clips[2], utterance(2, 3.2), 80)
    return tmp_path, clips


def test_the_same_words_are_paired_and_others_are_not(trio, params):
    data, (neutral, angry, _) = trio
    summary = _run(data, params)
    assert (summary.done, len(summary.rejections)) == (1, 1)
    (rejected,) = _rejected(data)
    assert rejected["reason"] == "different_words"
    assert "pairs.max_cost = 0.7" in rejected["detail"]
    assert merge(data) == 1
    rows = read_table(data / "pairs.parquet", "pairs").to_pylist()
    assert {row["pair"] for row in rows} == {f"{neutral.clip}~{angry.clip}"}
    first = rows[0]
    assert (first["source"], first["target"]) == (neutral.clip, angry.clip)
    assert (first["source_emotion"], first["target_emotion"]) == ("neutral", "angry")
    assert (first["speaker"], first["words"], first["split"]) == ("M003", "001", "metric-train")
    assert 0 < first["cost"] < params.max_cost
    assert {row["cost"] for row in rows} == {first["cost"]}


def test_frames_without_a_face_are_left_out_and_steps_keep_their_numbers(trio, params):
    data, _ = trio
    _run(data, params)
    merge(data)
    rows = read_table(data / "pairs.parquet", "pairs").to_pylist()
    assert not {0, 10, 11} & {row["target_frame"] for row in rows}
    assert {row["target_frame"] for row in rows} == set(range(75)) - {0, 10, 11}
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps))
    for before, after in pairwise(rows):
        moved = max(after[f"{s}_frame"] - before[f"{s}_frame"] for s in ("source", "target"))
        assert moved <= after["step"] - before["step"]


def test_hardly_a_face_rejects_the_pair(tmp_path, a_clip, add_clip, utterance, params):
    clips = [a_clip("neutral"), a_clip("angry")]
    _index(tmp_path, clips)
    add_clip(tmp_path, clips[0], utterance(1, 3.0), 75, missing=range(0, 40))
    add_clip(tmp_path, clips[1], utterance(1, 3.0), 75, missing=range(48, 75))
    _run(tmp_path, params)
    (rejected,) = _rejected(tmp_path)
    assert rejected["reason"] == "too_few_frame_pairs"
    assert rejected["detail"].startswith("8 of 75 frame pairs")


def test_a_muted_clip_is_rejected_and_named(tmp_path, a_clip, add_clip, utterance, params):
    clips = [a_clip("neutral"), a_clip("angry")]
    _index(tmp_path, clips)
    add_clip(tmp_path, clips[0], utterance(1, 3.0), 75)
    add_clip(tmp_path, clips[1], np.zeros(48000), 75)
    _run(tmp_path, params)
    (rejected,) = _rejected(tmp_path)
    assert rejected["reason"] == "constant_sound"
    assert clips[1].clip in rejected["detail"]


def test_no_pair_left_says_why(tmp_path, a_clip, add_clip, utterance, params):
    clips = [a_clip("neutral"), a_clip("angry"), a_clip("sad"), a_clip("fear")]
    _index(tmp_path, clips)
    for clip, words in zip(clips, (1, 2, 3), strict=False):
        add_clip(tmp_path, clip, utterance(words, 3.0), 75)
    add_clip(tmp_path, clips[3], np.zeros(48000), 75)
    _run(tmp_path, params)
    with pytest.raises(StageError, match="no pair is left: 2 different_words, 1 constant_sound"):
        merge(tmp_path)


def test_no_candidates_says_so(tmp_path, a_clip, params):
    _index(tmp_path, [a_clip("angry"), a_clip("neutral", words="")])
    with pytest.raises(StageError, match="none of 2 clips is an emotional reading"):
        _run(tmp_path, params)


def test_clips_rejected_earlier_have_no_pair(trio, params):
    data, (_, angry, _) = trio
    (data / "landmarks" / f"{angry.clip}.parquet").unlink()
    assert [r.clip for r in _run(data, params).rejections] == [
        "mead-M003-neutral-1-001~mead-M003-sad-3-001"
    ]


def test_only_what_depends_on_a_change_runs_again(trio, params, a_clip, add_clip, utterance):
    data, clips = trio
    _run(data, params)
    merge(data)
    before = _contents(data)
    assert _run(data, params).done == 0
    merge(data)
    assert _contents(data) == before
    happy = a_clip("happy")
    _index(data, [*clips, happy])
    add_clip(data, happy, utterance(1, 3.1), 77)
    added = _run(data, params)
    assert (added.done, added.kept) == (1, 1)
    assert merge(data) == 2
    # Another split changes what the rows say, though no sound changed.
    _index(data, [_changed(clip, split="metric-test") for clip in (*clips, happy)])
    assert _run(data, params).done == 2
    merge(data)
    rows = read_table(data / "pairs.parquet", "pairs")["split"].to_pylist()
    assert set(rows) == {"metric-test"}


def test_pairs_are_merged_in_the_order_of_their_names(trio, params, a_clip, add_clip, utterance):
    data, (neutral, angry, _) = trio
    # '.' sorts before '0' and after '-', so file names would sort differently.
    again = a_clip("angry", clip=angry.clip + "-2")
    _index(data, [neutral, angry, again])
    add_clip(data, again, utterance(1, 3.1), 77)
    _run(data, params)
    assert merge(data) == 2
    names = read_table(data / "pairs.parquet", "pairs")["pair"].to_pylist()
    assert names == sorted(names)


def _changed(clip, **changes):
    return type(clip)(**(vars(clip) | changes))
