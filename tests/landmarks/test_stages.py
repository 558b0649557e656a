"""The `landmarks` and `align` stages through the loop of all per-clip stages."""

from dataclasses import asdict

import cv2
import numpy as np
import pytest

from stccl.align.params import AlignParams
from stccl.align.warp import apply, canonical_px
from stccl.clip import Clip
from stccl.landmarks import stage as landmarks_stage
from stccl.landmarks.params import LandmarksParams
from stccl.perclip import run
from stccl.runner import InOrder
from stccl.tables.frames import FrameReader
from stccl.tables.io import TableWriter, read_table, write_table
from stccl.tables.png import encode_png
from tests.landmarks.scenes import Scene

LANDMARKS = LandmarksParams(
    detector="dlib",
    redetect_every_frames=4,
    box_smoothing_frames=3,
    max_gap_frames=3,
    min_face_fraction=0.5,
)


def write_clip(data, images, key="c"):
    with TableWriter(data / "frames" / f"{key}.parquet", "frames", {"fingerprint": key}) as table:
        for t, image in enumerate(images):
            table.append(frame=t, time_s=t / 25, source_time_s=t / 25, png=encode_png(image))
    clip = Clip(key, "d", "s", "neutral", 1, "1", "", "unused", "", "m", "m", 25.0, None, None, "0")
    write_table(data / "clips.parquet", "clips", [asdict(clip)])


def find(data, params=LANDMARKS):
    return run(
        "stccl.landmarks.stage:STAGE", data, params, InOrder(), max_rejected=1.0, chunk_items=1
    )


def align(data, size=96):
    params = AlignParams(size_px=size, smoothing_frames=3)
    return run("stccl.align.stage:STAGE", data, params, InOrder(), max_rejected=1.0, chunk_items=1)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Write a drawn clip whose faces the stage's finder knows."""

    def write(frames):
        scene = Scene(frames)
        monkeypatch.setattr(landmarks_stage, "face_finder", lambda detector: scene)
        write_clip(tmp_path, [picture.rgb for picture in scene.pictures()])
        return tmp_path

    return write


def test_every_frame_has_a_row_and_only_those_with_a_face_have_a_crop(drawn):
    frames = [[(50 + t, 40)] for t in range(20)]
    frames[3:5] = [[], []]
    frames[10:15] = [[]] * 5
    data = drawn(frames)
    assert find(data).done == 1
    rows = read_table(data / "landmarks" / "c.parquet", "landmarks").to_pylist()
    assert [row["frame"] for row in rows] == list(range(20))
    kinds = [row["source"] for row in rows]
    assert kinds[3:5] == ["interpolated"] * 2
    assert kinds[10:15] == ["missing"] * 5
    assert {*kinds[:3], *kinds[5:10], *kinds[15:]} == {"detected", "tracked"}
    for t, row in enumerate(rows):
        assert (row["box"] is None) == (row["points"] is None) == (row["score"] is None)
        if row["box"] is not None:
            np.testing.assert_allclose(row["box"][:2], [50 + t, 40], atol=1e-3)
    assert align(data).done == 1
    crops = read_table(data / "aligned" / "c.parquet", "aligned").to_pylist()
    assert len(crops) == 20
    for row, crop in zip(rows, crops, strict=True):
        assert (crop["png"] is None) == (row["points"] is None)
        if crop["png"] is None:
            assert crop["matrix"] is None
            continue
        points = np.reshape(row["points"], (68, 2))
        matrix, back = (np.reshape(crop[name], (2, 3)) for name in ("matrix", "inverse"))
        np.testing.assert_allclose(apply(matrix, points), canonical_px(96), atol=1e-3)
        np.testing.assert_allclose(apply(back, apply(matrix, points)), points, atol=1e-6)
    with FrameReader(data / "aligned" / "c.parquet", "aligned") as reader:
        first = reader[0].astype(int)
        assert first.shape == (96, 96, 3)
        # The same texture on the canonical face in every frame, whatever its place.
        assert np.abs(reader[19].astype(int) - first)[8:-8, 8:-8].mean() < 3


@pytest.mark.parametrize(
    ("frames", "reason", "numbers"),
    [
        ([[] for _ in range(9)], "no_face", "9 frames"),
        ([[]], "no_face", "1 frames"),
        ([[(50, 40)]] * 3 + [[]] * 9, "face_lost", "3 of 12 frames (25%)"),
        ([[(20, 20), (150, 40)]] * 9, "two_faces", "3 of 3 frames"),
    ],
)
def test_bad_clips_are_rejected_with_numbers(drawn, frames, reason, numbers):
    data = drawn(frames)
    [rejection] = find(data).rejections
    assert rejection.reason == reason
    assert numbers in rejection.detail
    assert not (data / "landmarks" / "c.parquet").exists()


@pytest.mark.parametrize(("frames_with_two", "usable"), [((0, 4), False), ((4,), True)])
def test_a_passer_by_is_no_second_face(drawn, frames_with_two, usable):
    """The detector looks at frames 0, 4, 8, 12, 16."""
    frames = [[(20, 20)] for _ in range(17)]
    for frame in frames_with_two:
        frames[frame] = [(20, 20), (150, 40)]
    assert find(drawn(frames)).done == usable


def test_boxes_are_smoothed_and_points_are_not(drawn):
    xs = [50, 53, 50, 53, 50, 53, 50]
    data = drawn([[(x, 40)] for x in xs])
    find(data)
    rows = read_table(data / "landmarks" / "c.parquet", "landmarks").to_pylist()
    means = [50, *(np.mean(xs[t - 1 : t + 2]) for t in range(1, 6)), 50]
    assert [row["box"][0] for row in rows] == pytest.approx(means, abs=1e-3)
    noses = [row["points"][54] for row in rows]
    assert np.diff(noses) == pytest.approx(np.diff(xs), abs=1e-3)


def test_one_frame_is_a_clip(drawn):
    data = drawn([[(50, 40)]])
    assert find(data).done == 1
    assert align(data).done == 1


@pytest.mark.parametrize("bad", ["equal", "mirrored"])
def test_a_clip_whose_points_are_no_face_is_rejected(drawn, bad):
    data = drawn([[(50, 40)]] * 3)
    find(data)
    path = data / "landmarks" / "c.parquet"
    rows = read_table(path, "landmarks").to_pylist()
    for row in rows:
        points = np.reshape(row["points"], (68, 2))
        points = points * 0 + 5 if bad == "equal" else points * [-1, 1] + [200, 0]
        row["points"] = points.ravel().tolist()
    write_table(path, "landmarks", rows, {"fingerprint": "x"})
    [rejection] = align(data).rejections
    assert rejection.reason == "no_alignment"
    assert "3 faces" in rejection.detail


def test_a_noise_picture_has_no_face_by_dlib(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    write_clip(tmp_path, noise)
    assert [r.reason for r in find(tmp_path).rejections] == ["no_face"]


def real_frames(mead_mini, count):
    path = mead_mini / "M003" / "video" / "front" / "neutral" / "level_1" / "036.mp4"
    capture = cv2.VideoCapture(str(path))
    return [capture.read()[1][..., ::-1].copy() for _ in range(count)]


@pytest.mark.real
@pytest.mark.parametrize(("height", "pad"), [(256, 0), (120, 0), (700, 500)])
def test_a_real_face_is_found_and_aligned_at_any_size(mead_mini, tmp_path, height, pad):
    images = [cv2.resize(image, (height, height)) for image in real_frames(mead_mini, 9)]
    images = [np.pad(image, ((0, 0), (pad, 0), (0, 0))) for image in images]
    write_clip(tmp_path, images)
    assert find(tmp_path).done == 1
    rows = read_table(tmp_path / "landmarks" / "c.parquet", "landmarks").to_pylist()
    assert {row["source"] for row in rows} <= {"detected", "tracked"}
    points = np.array([row["points"] for row in rows]).reshape(-1, 68, 2)
    # Read off the enlarged first picture by eye, to about 2 of its 256 pixels: pupils and mouth.
    parts = (slice(36, 42), slice(42, 48), slice(48, 68))
    found = np.stack([points[0, part].mean(0) for part in parts])
    expected = [[100, 105], [165, 105], [134, 170]]
    np.testing.assert_allclose((found - [pad, 0]) * 256 / height, expected, atol=5)
    assert align(tmp_path, 224).done == 1


@pytest.mark.real
def test_two_real_people_are_refused(mead_mini, tmp_path):
    images = [np.concatenate((image, image), 1) for image in real_frames(mead_mini, 5)]
    write_clip(tmp_path, images)
    assert [r.reason for r in find(tmp_path).rejections] == ["two_faces"]


@pytest.mark.real
def test_two_runs_write_the_same_bytes(mead_mini, tmp_path):
    written = []
    for name in "ab":
        write_clip(tmp_path / name, real_frames(mead_mini, 9))
        find(tmp_path / name)
        align(tmp_path / name)
        tables = ("landmarks", "aligned")
        written.append([(tmp_path / name / t / "c.parquet").read_bytes() for t in tables])
    assert written[0] == written[1]
