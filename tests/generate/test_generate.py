import pytest

from stccl.errors import StageError
from stccl.extract.picture import pictures
from stccl.extract.sound import decode_sound
from stccl.generate.stage import run
from stccl.runner import InOrder
from stccl.tables.io import read_table


def generate(project, params):
    return run(project / "data", project / "models", params, "base", 1, InOrder())


def test_every_manipulation_is_a_video_with_the_sources_sound(project, params):
    summary = generate(project, params)
    rows = read_table(project / "data/generated/toy-base-1/clips.parquet", "generated").to_pylist()
    # Each of two people from neutral to happy and back, after an example of both.
    assert summary.done == len(rows) == 8
    for row in rows:
        assert (row["frames"], row["frames_changed"]) == (10, 9)
        path = project / row["media_path"]
        shown = [picture for _, picture in pictures(path)]
        # The first frame is as it was, the others are half as bright.
        assert [round(float(picture.mean())) for picture in shown] == pytest.approx(
            [100] + [(100 + 10 * k) // 2 for k in range(1, 10)], abs=3
        )
        assert abs(len(decode_sound(path, path, 16000, 10.0).samples) - 6400) < 2100


def test_a_clip_that_cannot_be_made_is_recorded(project, params):
    gone = project / "data/faces3d/toys-Ann-neutral-1-2.parquet"
    gone.unlink()
    with pytest.raises(StageError, match=r"2 of 8 clips could not be made.*no_fit"):
        generate(project, params)
    folder = project / "data/generated/toy-base-1"
    rejected = read_table(folder / "rejected.parquet", "rejected").to_pylist()
    assert [row["clip"] for row in rejected] == [
        f"toys-Ann-neutral-1-2-to-happy-{setting}" for setting in ("cross", "intra")
    ]
    assert len(read_table(folder / "clips.parquet", "generated")) == 6


def test_without_spfem_speakers_there_is_nothing_to_make(project, params):
    from stccl.clip import read_clips
    from stccl.tables.io import write_table

    clips = [{**vars(clip), "split": "metric-train"} for clip in read_clips(project / "data")]
    write_table(project / "data" / "clips.parquet", "clips", clips)
    assert generate(project, params).done == 0
    table = project / "data/generated/toy-base-1/clips.parquet"
    assert len(read_table(table, "generated")) == 0
