import numpy as np
import pytest
import torch

from stccl.errors import StageError
from stccl.metric.data import (
    TrainingWindows,
    WindowReader,
    evenly,
    read_pairs,
    training_batches,
    training_pairs,
)
from stccl.tables.frames import FrameReader
from stccl.tables.io import TableWriter, write_table
from stccl.tables.png import encode_png


def write_pair(data, path, *, missing_source=(), missing_target=(), split="metric-train"):
    for clip, missing in (("s", missing_source), ("t", missing_target)):
        with TableWriter(data / "aligned" / f"{clip}.parquet", "aligned") as table:
            for frame in range(20):
                gone = frame in missing
                picture = np.full((40, 40, 3), 10 * frame + (clip == "t"), np.uint8)
                six = None if gone else [0.0] * 6
                png = None if gone else encode_png(picture)
                table.append(frame=frame, png=png, matrix=six, inverse=six)
    row = dict.fromkeys(
        ("dataset", "speaker", "words", "source_emotion", "target_emotion"), "x"
    ) | {"pair": "s~t", "source": "s", "target": "t", "split": split, "cost": 0.0, "step_cost": 0.0}
    rows = [
        {**row, "step": step, "source_frame": s, "target_frame": t}
        for step, (s, t) in enumerate(path)
    ]
    write_table(data / "pairs.parquet", "pairs", rows)


def windows_of(data, frames=3):
    return [w for pair in read_pairs(data, "metric-train", frames) for w in pair.windows]


def test_a_window_never_repeats_a_frame_of_a_warped_path(tmp_path):
    write_pair(tmp_path, [(0, 0), (0, 1), (1, 1), (2, 1), (2, 2), (3, 3), (4, 3), (5, 4)])
    found = [(w.step, w.source_frames, w.target_frames) for w in windows_of(tmp_path)]
    # By hand: both sides have moved on at steps 0, 2, 4, 5 and 7.
    assert found == [
        (0, (0, 1, 2), (0, 1, 2)),
        (2, (1, 2, 3), (1, 2, 3)),
        (4, (2, 3, 5), (2, 3, 4)),
    ]


def test_a_window_never_reaches_across_a_missing_face(tmp_path):
    write_pair(tmp_path, [(i, i) for i in range(9)], missing_source=[3], missing_target=[7])
    assert [w.source_frames for w in windows_of(tmp_path)] == [(0, 1, 2), (4, 5, 6)]


def test_frames_of_a_window_can_stand_apart(tmp_path):
    write_pair(tmp_path, [(i, i) for i in range(9)], missing_source=[7])
    found = [w.source_frames for w in read_pairs(tmp_path, "metric-train", 3, 2)[0].windows]
    assert found == [(0, 2, 4), (1, 3, 5), (2, 4, 6)]
    with pytest.raises(StageError, match="no pair of split metric-train has 9 frames in a row"):
        training_pairs(tmp_path, 3, 4)


def test_the_last_window_is_reached(tmp_path):
    write_pair(tmp_path, [(i, i) for i in range(20)])
    assert windows_of(tmp_path)[-1].target_frames == (17, 18, 19)


def test_too_short_for_a_window_is_one_line(tmp_path):
    write_pair(tmp_path, [(0, 0), (1, 1)])
    with pytest.raises(StageError, match="no pair of split metric-train has 3 frames in a row"):
        training_pairs(tmp_path, 3)


def test_pictures_are_those_of_the_frames_in_minus_one_to_one(tmp_path):
    write_pair(tmp_path, [(i, i) for i in range(20)])
    (pair,) = read_pairs(tmp_path, "metric-train", 2)
    target, source = WindowReader(tmp_path, 33).read(pair, pair.windows[5])
    assert target.shape == source.shape == (2, 3, 33, 33)
    torch.testing.assert_close(target[1].unique(), torch.tensor([61 / 127.5 - 1]))
    torch.testing.assert_close(source[0].unique(), torch.tensor([50 / 127.5 - 1]))


def test_files_read_longest_ago_are_closed_first(made_data, monkeypatch):
    """A process has some hundred file handles, a collection thousands of clips."""
    monkeypatch.setattr("stccl.metric.data._OPEN_CLIPS", 4)
    opened = []

    class Counted(FrameReader):
        def __init__(self, path, schema):
            super().__init__(path, schema)
            opened.append(self)
            self.name, self.open = path.stem, True

        def close(self):
            super().close()
            self.open = False

    monkeypatch.setattr("stccl.metric.data.FrameReader", Counted)
    reader = WindowReader(made_data, 48)
    first, second, third = read_pairs(made_data, "metric-train", 3)
    for pair in (first, second, first, third):
        reader.read(pair, pair.windows[0])
    assert len(opened) == 6
    still_open = {file.name for file in opened if file.open}
    assert still_open == {first.target, first.source, third.target, third.source}


def test_windows_to_judge_on_are_spread_evenly_and_never_twice(tmp_path):
    write_pair(tmp_path, [(i, i) for i in range(20)])
    pairs = read_pairs(tmp_path, "metric-train", 3)
    assert [w.step for _, w in evenly(pairs, 3)] == [0, 8, 17]  # numpy rounds 8.5 to even
    assert len(evenly(pairs, 99)) == 18


def test_speakers_count_alike_however_many_clips_they_have(made_data):
    windows = TrainingWindows(
        read_pairs(made_data, "metric-train", 3), WindowReader(made_data, 48), seed=0
    )
    drawn = [windows.draw(i)[0] for i in range(2000)]
    shares = [sum(p.speaker == s for p in drawn) / 2000 for s in "AB"]
    # Six standard deviations of a fair coin thrown 2000 times are 0.067.
    assert shares == pytest.approx([0.5, 0.5], abs=0.067)
    sad = sum(p.target_emotion == "sad" for p in drawn if p.speaker == "A")
    assert sad / sum(p.speaker == "A" for p in drawn) == pytest.approx(0.5, abs=0.1)
    assert {p.split for p in drawn} == {"metric-train"}


def batches(made_data, **options):
    windows = TrainingWindows(
        read_pairs(made_data, "metric-train", 3), WindowReader(made_data, 48), seed=1
    )
    return list(training_batches(windows, batch=2, steps=4, **options))


def test_a_batch_depends_on_seed_and_step_alone(made_data):
    whole, resumed = (batches(made_data, first_step=s, workers=0) for s in (0, 2))
    assert len(whole) == 4
    assert whole[0][0].shape == (2, 3, 3, 48, 48)
    for before, after in zip(whole[2:], resumed, strict=True):
        assert all(map(torch.equal, before, after))
    assert not torch.equal(whole[0][0], whole[1][0])


@pytest.mark.slow
def test_reading_ahead_changes_nothing(made_data):
    here, elsewhere = (batches(made_data, first_step=0, workers=w) for w in (0, 1))
    for a, b in zip(here, elsewhere, strict=True):
        assert all(map(torch.equal, a, b))
