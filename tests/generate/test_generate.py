import numpy as np
import pytest

from stccl.errors import StageError
from stccl.extract.picture import pictures
from stccl.extract.sound import decode_sound
from stccl.generate.stage import run
from stccl.runner import InOrder
from stccl.tables.io import read_table, write_table
from stccl.video import write_sound


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

    clips = [{**vars(clip), "split": "metric-train"} for clip in read_clips(project / "data")]
    write_table(project / "data" / "clips.parquet", "clips", clips)
    assert generate(project, params).done == 0
    table = project / "data/generated/toy-base-1/clips.parquet"
    assert len(read_table(table, "generated")) == 0


def test_an_interruption_costs_only_the_clips_being_made(project, params):
    generate(project, params)
    folder = project / "data/generated/toy-base-1"
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    name = "toys-Ann-neutral-1-2-to-happy-intra"
    (folder / f"{name}.parquet").unlink()  # the film was written, its table not
    (folder / "clips.parquet").unlink()
    made = {path: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    (folder / ".other.partial.mp4").touch()
    summary = generate(project, params)
    assert (summary.done, summary.kept) == (1, 7)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    again = {path for path, then in made.items() if path.stat().st_mtime_ns != then}
    assert again == {folder / f"{name}.mp4"}


@pytest.mark.parametrize("changed", ["model", "fit", "sound"])
def test_what_a_clip_is_made_from_makes_it_again(project, params, changed):
    generate(project, params)
    if changed == "model":
        (project / "models/spfem/toy-base-1/weights").write_text("trained on")
    elif changed == "fit":
        fitted = project / "data/faces3d/toys-Ann-neutral-1-2.parquet"
        write_table(fitted, "faces3d", [], {"fingerprint": "another"})
    else:
        sound = project / "toys-Ann-neutral-1-2.m4a"
        write_sound(sound, np.zeros(6400, np.int16), 16000)
    summary = generate(project, params)
    # Ann's neutral clip is the source of two.
    assert (summary.done, summary.kept) == ((8, 0) if changed == "model" else (2, 6))


def test_clips_of_another_plan_go(project, params):
    generate(project, params)
    folder = project / "data/generated/toy-base-1"
    (folder / "old-to-sad-intra.mp4").touch()
    (folder / "old-to-sad-intra.parquet").touch()
    assert generate(project, params).kept == 8
    assert not list(folder.glob("old*"))
