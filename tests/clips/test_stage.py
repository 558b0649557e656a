import shutil
from pathlib import Path

import pytest

from stccl.clip import read_clips
from stccl.clips.stage import run
from stccl.download import stage as download
from stccl.errors import ParamsError, StageError
from stccl.params import Params, read_yaml
from stccl.tables.io import read_table

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "datasets"


def params_with(**datasets):
    values = read_yaml(ROOT / "params.yaml")
    return Params.parse(values | {"datasets": datasets}, where="test")


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return str(root)


def run_both(tmp_path, **datasets):
    params = params_with(**datasets)
    for name in datasets:
        download.run(name, tmp_path / "data", params, cards=CARDS)
    return run(tmp_path / "data", params, CARDS)


def folder(tmp_path, *paths, **more):
    return {"root": make(tmp_path / "mine", *paths), "protocol": "speakers"} | more


PATHS = [f"{who}/{emotion}/1.mp4" for who in ("Ann", "Bob") for emotion in ("neutral", "sad")]


def mead(tmp_path, *speakers, sentence="001", protocol="paper"):
    paths = [
        f"{speaker}/video/front/{emotion}/{sentence}.mp4"
        for speaker in speakers
        for emotion in ("neutral/level_1", "sad/level_3")
    ]
    return {"root": make(tmp_path / "mead", *paths), "protocol": protocol}


def test_clips_get_their_split_and_words(tmp_path):
    summary = run_both(tmp_path, folder=folder(tmp_path, *PATHS))
    clips = read_clips(tmp_path / "data")
    assert {clip.words for clip in clips} == {"1"}
    assert {clip.split for clip in clips} == {"metric-train", "metric-test"}
    assert str(summary) == "clips: 4, metric-test 2 (1 pairs), metric-train 2 (1 pairs)"
    assert read_table(tmp_path / "data/clips_rejected.parquet", "rejected").num_rows == 0


def test_several_datasets_share_a_table_sorted_by_id(tmp_path):
    run_both(
        tmp_path,
        mead=mead(tmp_path, "M005", "W021", "M003"),
        folder=folder(tmp_path, *PATHS),
    )
    clips = read_clips(tmp_path / "data")
    assert [clip.clip for clip in clips] == sorted(clip.clip for clip in clips)
    assert {clip.dataset for clip in clips} == {"folder", "mead"}
    split = {clip.speaker: clip.split for clip in clips if clip.dataset == "mead"}
    assert split["M005"] == "metric-train"
    assert split["W021"] == "metric-test"
    assert split["M003"].startswith("spfem-")


def test_of_clips_of_one_name_the_first_by_path_is_kept(tmp_path):
    summary = run_both(
        tmp_path, folder=folder(tmp_path, *PATHS, "Ann/sad/1.avi", "Ann/sad/1/1.mp4")
    )
    kept = {clip.clip: clip for clip in read_clips(tmp_path / "data")}
    assert len(kept) == 4
    assert kept["folder-Ann-sad-1-1"].media_path.endswith("Ann/sad/1.avi")
    rows = read_table(tmp_path / "data/clips_rejected.parquet", "rejected").to_pylist()
    assert [row["clip"] for row in rows] == ["folder-Ann-sad-1-1"] * 2
    assert rows[0]["reason"] == "duplicate_id"
    assert "Ann/sad/1.mp4 is called the same as" in rows[0]["detail"]
    assert str(summary).endswith("2 rejected (duplicate_id)")


def test_only_the_speakers_asked_for_are_kept(tmp_path):
    paths = [*PATHS, "Cy/neutral/1.mp4", "Cy/sad/1.mp4"]
    everyone = params_with(folder=folder(tmp_path, *paths))
    download.run("folder", tmp_path / "data", everyone, cards=CARDS)
    two = params_with(folder=folder(tmp_path, speakers=["Ann", "Cy"]))
    run(tmp_path / "data", two, CARDS)
    assert {clip.speaker for clip in read_clips(tmp_path / "data")} == {"Ann", "Cy"}


def test_the_same_clips_give_the_same_bytes(tmp_path):
    run_both(tmp_path, folder=folder(tmp_path, *PATHS))
    first = (tmp_path / "data/clips.parquet").read_bytes()
    shutil.rmtree(tmp_path / "data")
    run_both(tmp_path, folder=folder(tmp_path, *PATHS))
    assert (tmp_path / "data/clips.parquet").read_bytes() == first


def test_speakers_the_protocol_does_not_know_name_the_one_that_would_work(tmp_path):
    expected = (
        "mead: none of the speakers M003 M009 is a metric-train speaker under protocol paper; "
        "set datasets.mead.protocol: subset"
    )
    with pytest.raises(StageError) as error:
        run_both(tmp_path, mead=mead(tmp_path, "M003", "M009"))
    assert str(error.value) == expected
    assert not (tmp_path / "data/clips.parquet").exists()


def test_no_test_speaker_is_found_before_anything_is_trained(tmp_path):
    with pytest.raises(StageError, match=r"M005 M007 is a metric-test speaker .*protocol: subset"):
        run_both(tmp_path, mead=mead(tmp_path, "M005", "M007"))


def test_sentences_the_protocol_does_not_match_are_found_before_anything_is_done(tmp_path):
    with pytest.raises(
        StageError, match="the same words in neutral and in another emotion in metr"
    ):
        run_both(tmp_path, mead=mead(tmp_path, "M005", "W021", sentence="007"))


def test_nothing_that_would_work_says_what_to_add(tmp_path):
    one = folder(tmp_path, "Ann/neutral/1.mp4", "Ann/sad/1.mp4")
    with pytest.raises(
        StageError, match="add neutral and emotional clips of the same sentences by"
    ):
        run_both(tmp_path, folder=one)


def test_an_unknown_protocol_is_refused(tmp_path):
    run_both(tmp_path, folder=folder(tmp_path, *PATHS))
    with pytest.raises(
        ParamsError, match=r"folder.protocol: expected one of speakers, got 'paper'"
    ):
        run(tmp_path / "data", params_with(folder=folder(tmp_path, protocol="paper")), CARDS)


@pytest.mark.real
def test_the_real_clips_pair_up(tmp_path, mead_mini):
    dataset = {"root": str(mead_mini), "protocol": "subset"}
    summary = run_both(tmp_path, mead=dataset)
    clips = read_clips(tmp_path / "data")
    assert len(clips) == 25
    emotional = [clip for clip in clips if clip.emotion != "neutral"]
    assert sum(summary.pairs.values()) == len(emotional) == 13
    held_out = {clip.speaker for clip in clips if clip.split == "metric-test"}
    assert len(held_out) == 1
    assert not held_out & {clip.speaker for clip in clips if clip.split == "metric-train"}
