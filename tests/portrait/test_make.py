"""Generated clips: an independent detector and an independent aligner find what was put in."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import cv2
import dlib
import librosa
import numpy as np
import pandas as pd
import pytest

from stccl.clip import EMOTIONS
from stccl.download.params import DatasetParams
from stccl.errors import StageError
from stccl.portrait import make
from stccl.portrait.make import MOODS, SPEAKERS, generate, make_clip
from stccl.portrait.speech import SENTENCES

SPEC = find_spec("face_recognition_models")
WEIGHTS = Path(SPEC.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"


def _frames(clip):
    video = cv2.VideoCapture(str(clip))
    while (read := video.read())[0]:
        yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)


def _truth(clip):
    emotion = clip.parent
    folder = emotion.parent.parent / "truth"
    return pd.read_parquet(folder / f"{emotion.parent.name}-{emotion.name}-{clip.stem}.parquet")


def _clips(folder):
    return sorted(folder.glob("P*/*/*.mp4"))


def _measured_opening(clip):
    """Inner lips apart over outer eye corners apart, NaN without a face; dlib on every frame."""
    detect, predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(WEIGHTS))
    found = []
    for frame in _frames(clip):
        boxes = detect(frame, 0)
        if len(boxes) != 1:
            found.append(np.nan)
            continue
        points = np.array([(p.x, p.y) for p in predict(frame, boxes[0]).parts()], dtype=float)
        lips, eyes = points[66] - points[62], points[45] - points[36]
        found.append(np.linalg.norm(lips) / np.linalg.norm(eyes))
    return np.array(found)


@pytest.mark.slow
def test_dlib_finds_the_face_and_the_true_mouth_opening(portrait_clips):
    found, frames = 0, 0
    for clip in _clips(portrait_clips):
        measured, truth = _measured_opening(clip), _truth(clip).opening.to_numpy()
        assert len(measured) == len(truth)
        face = ~np.isnan(measured)
        found, frames = found + face.sum(), frames + len(face)
        correlation = np.corrcoef(measured[face], truth[face])[0, 1]
        assert correlation >= 0.9, (clip, correlation)
    assert found >= 0.99 * frames


@pytest.mark.slow
@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_every_speaker_has_a_face_in_every_emotion(speaker, emotion):
    face, actions = make._face(speaker), MOODS[emotion].actions.vector()
    detect = dlib.get_frontal_face_detector()
    poses = make._sway(np.array([0.0, 1.0, 2.0]), np.random.default_rng(0))
    for pose, opening in zip(poses, (0.0, 0.13, 0.26), strict=True):
        assert len(detect(face.draw(actions, opening, pose), 0)) == 1


def test_a_sentence_takes_another_time_in_another_emotion(portrait_clips):
    for neutral in portrait_clips.glob("P*/neutral/*.mp4"):
        surprised = neutral.parent.parent / "surprised" / neutral.name
        length = [_truth(clip).time_s.iloc[-1] for clip in (neutral, surprised)]
        assert abs(length[0] / length[1] - 1) > 0.05


def test_sound_is_as_long_as_the_picture(portrait_clips):
    for clip in _clips(portrait_clips):
        video = cv2.VideoCapture(str(clip))
        picture_s = video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS)
        samples, rate_hz = _sound(clip)
        assert abs(len(samples) / rate_hz - picture_s) < 0.1
        assert video.get(cv2.CAP_PROP_FPS) == SPEAKERS[clip.parent.parent.name].fps


def _sound(clip):
    import ffmpeg
    import imageio_ffmpeg

    stream = ffmpeg.input(str(clip)).output("pipe:", format="f32le", ac=1, ar=16000)
    raw, _ = stream.run(
        cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True
    )
    return np.frombuffer(raw, np.float32), 16000


def test_mouth_opens_with_the_sound(portrait_clips):
    for clip in _clips(portrait_clips):
        truth, (samples, rate_hz) = _truth(clip), _sound(clip)
        lags = np.arange(-5, 6)
        at = (truth.time_s.to_numpy()[None] + lags[:, None] * truth.time_s[1]) * rate_hz
        window = np.arange(-320, 320)
        around = np.clip(at[..., None].astype(int) + window, 0, len(samples) - 1)
        loudness = np.sqrt(np.mean(samples[around] ** 2, axis=-1))
        match = [np.corrcoef(lag, truth.opening)[0, 1] for lag in loudness]
        assert abs(lags[np.argmax(match)]) <= 1
        assert max(match) > 0.6


def _features(clip, hop):
    samples, rate_hz = _sound(clip)
    mfcc = librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=13, hop_length=hop)[1:]
    return (mfcc - mfcc.mean(axis=1, keepdims=True)) / mfcc.std(axis=1, keepdims=True)


def test_time_warping_of_the_sound_finds_the_true_frame_map(portrait_clips):
    hop = 160
    for neutral in sorted(portrait_clips.glob("P*/neutral/*.mp4")):
        surprised = neutral.parent.parent / "surprised" / neutral.name
        _, path = librosa.sequence.dtw(_features(neutral, hop), _features(surprised, hop))
        source, target = (_truth(clip) for clip in (neutral, surprised))
        path = path[::-1] * hop / 16000
        found_s = np.interp(source.time_s, path[:, 0], path[:, 1])
        true_s = np.interp(source.calm_time_s, target.calm_time_s, target.time_s)
        even_s = source.time_s * target.time_s.iloc[-1] / source.time_s.iloc[-1]
        two_frames_s = 2 / SPEAKERS[neutral.parent.parent.name].fps
        assert np.mean(np.abs(found_s - true_s) <= two_frames_s) >= 0.9
        # There was something to find: stretching the whole sentence evenly does not do it.
        assert np.mean(np.abs(even_s - true_s) <= two_frames_s) < 0.8


def test_same_seed_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    monkeypatch.setitem(SENTENCES, "tiny", "_ma_")
    made = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_clip(tmp_path / name, "P02", "surprised", "tiny", seed)
        made[name] = {
            path.relative_to(tmp_path / name): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
    assert len(made["a"]) == 2
    assert made["a"] == made["b"]
    assert not set(made["a"].values()) & set(made["c"].values())


def test_what_is_there_is_kept_unless_the_seed_changed(tmp_path, monkeypatch):
    monkeypatch.setitem(SENTENCES, "tiny", "_ma_")
    for sentence in ("001", "002"):
        monkeypatch.delitem(SENTENCES, sentence)
    monkeypatch.setattr(make, "MADE_EMOTIONS", ("neutral",))
    params = DatasetParams(root="datasets/portrait", protocol="speakers", speakers=("P01", "P03"))
    seen = []
    generate(tmp_path, params, 0, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    before = {clip: clip.stat().st_mtime_ns for clip in _clips(tmp_path)}
    assert len(before) == 2
    lost = next(iter(before))
    lost.unlink()
    (tmp_path / ".making-killed").mkdir()
    generate(tmp_path, params, 0, lambda done, total: None)
    after = {clip: clip.stat().st_mtime_ns for clip in _clips(tmp_path)}
    assert {clip for clip in before if before[clip] != after[clip]} == {lost}
    assert not list(tmp_path.glob(".making-*"))
    generate(tmp_path, params, 1, lambda done, total: None)
    again = {clip: clip.stat().st_mtime_ns for clip in _clips(tmp_path)}
    assert all(after[clip] != again[clip] for clip in after)


def test_unknown_speaker_is_named(tmp_path):
    params = DatasetParams(root="datasets/portrait", protocol="speakers", speakers=("P09",))
    with pytest.raises(StageError, match="no speaker P09; it has P01, P02"):
        generate(tmp_path, params, 0, lambda done, total: None)


def test_what_ffmpeg_says_comes_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "SIZE_PX", 255)  # H.264 in 4:2:0 needs even sides
    monkeypatch.setitem(SENTENCES, "tiny", "_ma_")
    with pytest.raises(StageError, match=r"^ffmpeg could not write tiny\.mp4: [^\n]+$"):
        make_clip(tmp_path, "P01", "neutral", "tiny", 0)
    assert not list(tmp_path.rglob("*.mp4"))
    assert not list(tmp_path.glob(".making-*"))
