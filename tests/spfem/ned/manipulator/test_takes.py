import numpy as np
import pytest
import torch

from stccl.errors import ClipRejected, StageError
from stccl.spfem.ned.manipulator.signal import signal_of
from stccl.spfem.ned.manipulator.takes import EMOTIONS, TrainingWindows, read_take
from stccl.tables.io import read_table
from tests.spfem.ned.manipulator.conftest import EXPRESSIONS, SHAPES, clip

GAPS = [True] * 7 + [False] * 2 + [True] * 3 + [False] + [True] * 6
"""Runs of 7, 3 and 6 frames."""


def test_the_order_of_the_emotions_is_neds():
    assert EMOTIONS == ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")


def test_a_take_holds_the_frames_with_a_face(write_faces):
    happy = clip("happy")
    data = write_faces(happy, [False, *GAPS, False])
    take = read_take(data, happy)
    rows = read_table(data / "faces3d" / f"{happy.clip}.parquet", "faces3d").to_pylist()
    assert (take.clip, take.emotion, take.model) == (happy.clip, "happy", "head")
    assert take.frames.tolist() == [i + 1 for i, known in enumerate(GAPS) if known]
    assert take.runs() == [(0, 7), (7, 10), (10, 16)]
    for place, frame in enumerate(take.frames):
        for name, values in take.coefficients._asdict().items():
            stored = np.array(rows[frame][name], np.float32)
            np.testing.assert_array_equal(values[place].flatten(), stored)


def test_a_clip_without_a_face_says_so(write_faces):
    happy = clip("happy")
    data = write_faces(happy, [False, False])
    with pytest.raises(ClipRejected, match="no_fit: none of 2 frames has a fitted face"):
        read_take(data, happy)


def read(write_faces, *emotions, known=None):
    clips = [clip(emotion) for emotion in emotions]
    return [read_take(write_faces(each, known or GAPS), each) for each in clips]


def test_windows_are_stretches_of_one_take(write_faces):
    takes = read(write_faces, "happy", "contempt", "sad")
    windows = TrainingWindows(takes, 5, 2, 0)
    possible = {
        EMOTIONS.index(take.emotion): {
            tuple(signal_of(take.coefficients)[start : start + 5].flatten().tolist())
            for first, stop in take.runs()
            for start in range(first, stop - 4)
        }
        for take in takes
        if take.emotion != "contempt"
    }
    assert [len(each) for each in possible.values()] == [5, 5]
    seen = {label: set() for label in possible}
    for step in range(40):
        batch = windows.draw(step, 4)
        assert batch.source.shape == batch.reference.shape == (4, 5, 1 + EXPRESSIONS)
        assert batch.latent.shape == (4, 2)
        sides = ((batch.source, batch.source_label), (batch.reference, batch.target_label))
        for signals, labels in sides:
            for signal, label in zip(signals, labels.tolist(), strict=True):
                seen[label].add(tuple(signal.flatten().tolist()))
        # A made-up face's shape tells its emotion.
        expected = torch.tensor([len(EMOTIONS[label]) / 10 for label in batch.source_label])
        torch.testing.assert_close(batch.shape, expected[:, None].expand(-1, SHAPES))
    assert seen == possible


def test_emotions_with_more_clips_do_not_count_for_more(write_faces):
    clips = [clip("happy", f"00{n}") for n in range(4)] + [clip("sad")]
    takes = [read_take(write_faces(each, GAPS), each) for each in clips]
    windows = TrainingWindows(takes, 5, 2, 0)
    labels = torch.cat([windows.draw(step, 50).target_label for step in range(20)])
    assert (labels == EMOTIONS.index("sad")).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_a_step_is_a_function_of_the_seed(write_faces):
    takes = read(write_faces, "happy", "sad")
    first, again, other = (TrainingWindows(takes, 5, 2, seed) for seed in (3, 3, 4))
    first.draw(0, 8)
    assert all(map(torch.equal, first.draw(7, 8), again.draw(7, 8)))
    assert not torch.equal(first.draw(7, 8).latent, other.draw(7, 8).latent)
    assert not torch.equal(first.draw(7, 8).latent, first.draw(8, 8).latent)


def test_one_emotion_is_too_few(write_faces):
    takes = read(write_faces, "happy", "contempt")
    with pytest.raises(StageError, match=r"1 clips have 5 fitted frames .* in 1 emotions"):
        TrainingWindows(takes, 5, 2, 0)
    with pytest.raises(StageError, match=r"2 clips have 8 fitted frames .* in 0 emotions"):
        TrainingWindows(read(write_faces, "happy", "sad"), 8, 2, 0)


def test_coefficients_of_two_models_do_not_mix(write_faces):
    happy, sad = clip("happy"), clip("sad")
    takes = [
        read_take(write_faces(happy, GAPS), happy),
        read_take(write_faces(sad, GAPS, model="flame"), sad),
    ]
    with pytest.raises(StageError, match=r"several face models \(flame, head\)"):
        TrainingWindows(takes, 5, 2, 0)
