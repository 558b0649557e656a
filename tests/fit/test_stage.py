"""The stage on tables whose landmarks were made from the head itself."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from flows.pictures import faces_as_data_url
from stccl import doctor, perclip
from stccl.align.warp import fit_face
from stccl.clip import Clip
from stccl.errors import StageError
from stccl.fit.identities import CLIPS_PER_SPEAKER
from stccl.fit.overlay import crop_with_mesh, overlay, read_face
from stccl.runner import InOrder
from stccl.tables.io import TableWriter, read_provenance, read_table, write_table
from stccl.tables.png import encode_png
from tests.face3d.published import write_flame
from tests.fit.conftest import CAMERA, ROOT, act, correlation

FRAMES = 30
GREY = np.full((256, 256, 3), 128, np.uint8)


def write_clips(data: Path, points: dict[str, np.ndarray]) -> None:
    """`<speaker>-<emotion>-<sentence>` to (T, 68, 2) points, the corner at 0; NaN: no face."""
    clips = []
    for name, of in points.items():
        speaker, emotion, sentence = name.split("-")
        key = f"made-{speaker}-{emotion}-1-{sentence}"
        clips.append(
            Clip(
                *(key, "made", speaker, emotion, 1, sentence, "", "metric-train", sentence),
                *("x", "x", 25.0, len(of), len(of) / 25, "0"),
            )
        )
        mark = {"fingerprint": f"{float(np.nansum(of)):.6f}"}
        with TableWriter(data / "frames" / f"{key}.parquet", "frames", mark) as table:
            for frame in range(len(of)):
                table.append(frame=frame, time_s=0.0, source_time_s=0.0, png=encode_png(GREY))
        with TableWriter(data / "landmarks" / f"{key}.parquet", "landmarks", mark) as table:
            for frame, face in enumerate(of - 0.5):
                there = not np.isnan(face).all()
                table.append(
                    frame=frame, source="tracked" if there else "missing", score=1.0,
                    box=[60.0, 60.0, 180.0, 180.0] if there else None,
                    points=face.ravel().tolist() if there else None,
                )  # fmt: skip
        with TableWriter(data / "aligned" / f"{key}.parquet", "aligned", mark) as table:
            for frame, face in enumerate(of - 0.5):
                there = not np.isnan(face).all()
                matrix = fit_face(face, 112) if there else None
                flat = [1.0, 0, 0, 0, 1.0, 0] if matrix is None else matrix.ravel().tolist()
                table.append(
                    frame=frame, png=encode_png(GREY[:112, :112]) if there else None,
                    matrix=flat if there else None, inverse=flat if there else None,
                )  # fmt: skip
    clips.sort(key=lambda clip: clip.clip)
    write_table(data / "clips.parquet", "clips", [vars(clip) for clip in clips])


def run(data: Path, params) -> tuple[perclip.Summary, perclip.Summary]:
    return tuple(
        perclip.run(stage, data, params, InOrder(), max_rejected=1.0, chunk_items=4)
        for stage in ("stccl.fit.identities:STAGE", "stccl.fit.stage:STAGE")
    )


def rows(data: Path, clip: str) -> list[dict]:
    return read_table(data / "faces3d" / f"{clip}.parquet", "faces3d").to_pylist()


def contents(data: Path) -> dict[str, bytes]:
    tables = sorted([*data.glob("faces3d/*.parquet"), *data.glob("identities/*.parquet")])
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in tables}


def test_coefficients_are_written_and_frames_without_a_face_stay_empty(tmp_path, params):
    acted = act(FRAMES)
    points = acted.points_px.copy()
    points[8:11] = np.nan
    write_clips(tmp_path, {"A-neutral-1": points})
    identities, summary = run(tmp_path, params)
    assert (identities.done, summary.done) == (1, 1)
    found = rows(tmp_path, "made-A-neutral-1-1")
    assert len(found) == FRAMES
    empty = [row["frame"] for row in found if row["shape"] is None]
    assert empty == [8, 9, 10]
    for row in found:
        lengths = [len(row[n]) for n in ("shape", "expression", "jaw", "eyes") if row[n]]
        assert lengths in ([], [33, 26, 3, 6])
        assert (row["residual"] is None) == (row["frame"] in empty)
    seen = [row for row in found if row["shape"]]
    assert np.median([row["residual"] for row in seen]) < 0.02
    jaw = np.array([row["jaw"][0] for row in seen])
    assert correlation(jaw, np.delete(acted.jaw[:, 0], empty)) > 0.95
    identity = read_table(tmp_path / "identities" / "made-A.parquet", "identities").to_pylist()[0]
    assert (identity["clips_used"], identity["frames_used"]) == (1, FRAMES - 3)
    assert identity["shape"] == seen[0]["shape"]


def mirrored(points: np.ndarray) -> np.ndarray:
    return points * [-1, 1] + [256, 0]


def half_outside(points: np.ndarray) -> np.ndarray:
    return points - [points[:, 30, :1].mean(), 0]


def one_place(points: np.ndarray) -> np.ndarray:
    return np.full_like(points, 100.0)


def not_finite(points: np.ndarray) -> np.ndarray:
    spoilt = points.copy()
    spoilt[:, 40] = np.nan
    return spoilt


def scattered(points: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).uniform(60, 200, points.shape)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (one_place, "no_usable_face"),
        (not_finite, "no_usable_face"),
        (half_outside, "no_usable_face"),
        (mirrored, "poor_fit"),
        (scattered, "poor_fit"),
    ],
)
def test_degenerate_landmarks_are_rejected_and_cost_only_themselves(
    tmp_path, params, spoil, reason
):
    bad = spoil(act(FRAMES, 1).points_px)
    write_clips(tmp_path, {"A-neutral-1": act(FRAMES).points_px, "B-neutral-1": bad})
    summary = run(tmp_path, params)[1]
    (rejection,) = summary.rejections
    assert (rejection.clip, rejection.reason) == ("made-B-neutral-1-1", reason)
    assert summary.done == 1
    assert not (tmp_path / "faces3d" / "made-B-neutral-1-1.parquet").exists()
    assert rows(tmp_path, "made-A-neutral-1-1")[0]["shape"]


def test_a_few_bad_frames_are_left_empty_with_their_residual(tmp_path, params):
    points = act(FRAMES).points_px
    points[10:12] = scattered(points[10:12])
    write_clips(tmp_path, {"A-neutral-1": points})
    assert run(tmp_path, params)[1].done == 1
    found = rows(tmp_path, "made-A-neutral-1-1")
    assert [row["frame"] for row in found if row["expression"] is None] == [10, 11]
    assert min(found[frame]["residual"] for frame in (10, 11)) > params.max_residual


def test_again_is_bit_for_bit_the_same_and_recomputes_nothing(tmp_path, params):
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        write_clips(folder, {"A-neutral-1": act(FRAMES).points_px})
        run(folder, params)
    assert contents(folders[0]) == contents(folders[1])
    again = run(folders[0], params)
    assert [summary.kept for summary in again] == [1, 1]
    other = params.model_copy(update={"smoothing": 2.0})
    assert [summary.done for summary in run(folders[0], other)] == [1, 1]


def test_a_clip_more_costs_its_speaker_and_beyond_some_itself_alone(tmp_path, params):
    take = {seed: act(12, seed).points_px for seed in range(CLIPS_PER_SPEAKER + 2)}
    clips = {"A-neutral-1": take[0], "B-neutral-1": take[1]}
    write_clips(tmp_path, clips)
    run(tmp_path, params)
    untouched = (tmp_path / "faces3d" / "made-A-neutral-1-1.parquet").stat().st_mtime_ns
    clips["B-happy-1"] = take[2]
    write_clips(tmp_path, clips)
    identities, fits = run(tmp_path, params)
    assert (identities.done, identities.kept, fits.done, fits.kept) == (1, 1, 2, 1)
    assert (tmp_path / "faces3d" / "made-A-neutral-1-1.parquet").stat().st_mtime_ns == untouched
    clips |= {f"B-happy-{n}": take[n] for n in range(2, CLIPS_PER_SPEAKER)}
    write_clips(tmp_path, clips)
    run(tmp_path, params)
    clips["B-sad-1"] = take[CLIPS_PER_SPEAKER]
    write_clips(tmp_path, clips)
    identities, fits = run(tmp_path, params)
    assert (identities.done, fits.done) == (0, 1)


def test_flame_without_its_files_is_one_line(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clips(tmp_path, {"A-neutral-1": act(12).points_px})
    flame = params.model_copy(update={"model": "flame"})
    with pytest.raises(StageError, match=r"fit\.model: flame: .*generic_model\.pkl") as caught:
        run(tmp_path, flame)
    assert "\n" not in str(caught.value)


def test_files_of_the_model_are_inputs(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    stage, flame = "stccl.fit.identities:STAGE", params.model_copy(update={"model": "flame"})
    write_clips(tmp_path, {"A-neutral-1": act(12).points_px})
    items = perclip.load(stage).items(tmp_path)
    marks = []
    for vertices in (60, 70):
        write_flame(tmp_path / "weights", vertices)
        ((_, mark),) = perclip._plan(perclip.load(stage), items, tmp_path, flame).todo
        marks.append(mark)
    assert marks[0] != marks[1]


def test_the_mesh_lies_on_the_face(tmp_path, params):
    acted = act(FRAMES)
    write_clips(tmp_path, {"A-neutral-1": acted.points_px})
    run(tmp_path, params)
    face = read_face(tmp_path, "made-A-neutral-1-1", 5)
    assert face is not None
    whole = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    covered = (overlay(GREY, face, whole) != GREY).any(-1)
    points = np.floor(acted.points_px[5]).astype(int)
    brows_and_nose = points[17:36]
    assert covered[brows_and_nose[:, 1], brows_and_nose[:, 0]].all()
    assert not covered[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    jaw, nose = acted.points_px[5, 4:13], acted.points_px[5, 30]
    for share, within in ((0.93, True), (1.25, False)):
        x, y = np.floor(nose + share * (jaw - nose)).astype(int).T
        assert (covered[y, x] == within).all()
    # Moved and scaled like the picture.
    half = (overlay(GREY[:128, :128], face, whole / 2 - [[0, 0, 0.25], [0, 0, 0.25]])) != 128
    assert np.mean(half.any(-1) != covered[::2, ::2]) < 0.02
    crop, mesh = crop_with_mesh(tmp_path, "made-A-neutral-1-1", 5)
    assert crop.shape == mesh.shape == (112, 112, 3)
    assert (mesh != crop).mean() > 0.2
    url = faces_as_data_url(tmp_path, "faces3d")
    assert url is not None
    jpeg = base64.b64decode(url.split(",")[1])
    sheet = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert (np.ptp(sheet.astype(int), axis=2) > 30).mean() > 0.2  # the mesh is blue, the rest grey


def test_the_table_says_which_model_and_camera(tmp_path, params):
    write_clips(tmp_path, {"A-neutral-1": act(FRAMES).points_px})
    run(tmp_path, params)
    path = tmp_path / "faces3d" / "made-A-neutral-1-1.parquet"
    assert read_provenance(path)["params"]["model"] == "head"
    row = rows(tmp_path, "made-A-neutral-1-1")[0]
    assert row["centre_px"] == [128.0, 128.0]
    assert row["distance_m"] == params.camera_distance_m
    # The actor's face is as large as the camera and the distance make it, in whatever unit.
    assert row["focal_px"] / row["distance_m"] == pytest.approx(
        CAMERA.focal_px / CAMERA.distance_m, rel=0.15
    )


def test_doctor_tells_which_model_is_fitted_and_what_the_other_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text()
    Path("params.yaml").write_text(text)
    (line,) = [each for each in doctor.findings() if str(each).startswith("The fit stage")]
    assert "built-in head (fit.model: head)" in line
    assert "needs weights/generic_model.pkl and weights/landmark_embedding.npy" in line
    Path("params.yaml").write_text(text.replace("model: head", "model: flame"))
    (line,) = [each for each in doctor.findings() if str(each).startswith("The fit stage")]
    assert line.startswith("The fit stage cannot run: fit.model: flame: ")


def test_pictures_refine_where_asked(tmp_path, params):
    acted = act(12)
    points = acted.points_px.copy()
    points[5] = np.nan
    write_clips(tmp_path, {"A-neutral-1": points})
    run(tmp_path, params)
    plain = rows(tmp_path, "made-A-neutral-1-1")
    asked = params.model_copy(update={"refine": "photometric"})
    summary = run(tmp_path, asked)[1]
    assert (summary.done, summary.kept) == (1, 0)
    found = rows(tmp_path, "made-A-neutral-1-1")
    for before, after in zip(plain, found, strict=True):
        assert (before["light"], before["photometric_residual"]) == (None, None)
        assert (after["light"] is None) == (after["frame"] == 5)
        if after["frame"] != 5:
            assert len(after["light"]) == 27
            # Even gray: nothing is missed, and nothing is told.
            assert after["photometric_residual"] < 1e-3
            assert abs(after["jaw"][0] - before["jaw"][0]) < 0.05
            # But the landmarks count less beside the prior.
            assert after["expression"] != before["expression"]
