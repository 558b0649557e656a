"""DECA in the fit stage: its networks with made-up weights, its arithmetic from its own decoder."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from flows import fit as flow
from stccl import perclip, prepare
from stccl.errors import ParamsError, StageError
from stccl.face3d.deca import DECA, DecaCodes
from stccl.face3d.deca_crop import crop, crop_matrix
from stccl.fit import by_deca, identities, models, stage
from stccl.fit.fitted import read_fitted
from stccl.fit.params import FitParams
from stccl.params import read_params
from stccl.render.view import Pinhole
from stccl.runner import InOrder
from stccl.tables.io import TableWriter, read_table
from stccl.tables.png import encode_png
from tests.face3d.published import small_deca
from tests.fit.conftest import ROOT, SIZE_PX, act
from tests.fit.test_stage import rows, write_clips

FRAMES = 6
CLIP = "made-A-neutral-1-1"
CAMERA = slice(206, 209)


@pytest.fixture(scope="session")
def upright(tmp_path_factory) -> DECA:
    """A mesh that is no head, but as upright and about as large as the points' box."""
    deca = small_deca(tmp_path_factory.mktemp("deca"))
    with torch.no_grad():
        last = deca.E_flame.layers[2]
        last.weight *= 3
        last.bias.zero_()
        last.bias[CAMERA] = torch.tensor([5.0, 0.02, -0.01])
    return deca


@pytest.fixture
def deca(upright, monkeypatch) -> DECA:
    monkeypatch.setattr(by_deca, "_deca", lambda: (upright, "cpu"))
    known = replace(models.MODELS["deca"], load=lambda: upright.flame)
    monkeypatch.setitem(models.MODELS, "deca", known)
    models.face_model.cache_clear()
    return upright


@pytest.fixture
def asked(params) -> FitParams:
    """Whatever the mesh looks like, it is taken for a face."""
    return params.model_copy(update={"model": "deca", "max_residual": 1e3})


def film(data) -> dict[int, np.ndarray]:
    """A clip whose fourth frame has no face; frames by number."""
    acted = act(FRAMES)
    points = acted.points_px.copy()
    points[3] = np.nan
    write_clips(data, {"A-neutral-1": points})
    random = np.random.default_rng(0)
    pictures = {n: random.integers(0, 255, (*SIZE_PX, 3), np.uint8) for n in range(FRAMES)}
    mark = {"fingerprint": "filmed"}
    with TableWriter(data / "frames" / f"{CLIP}.parquet", "frames", mark) as table:
        for frame, picture in pictures.items():
            table.append(frame=frame, time_s=0.0, source_time_s=0.0, png=encode_png(picture))
    return pictures


def run(data, params) -> perclip.Summary:
    return perclip.run(
        "stccl.fit.stage:STAGE", data, params, InOrder(), max_rejected=1.0, chunk_items=4
    )


def by_hand(deca, picture, points_px) -> tuple[DecaCodes, np.ndarray]:
    """The codes of one frame, and DECA's own landmarks brought from its crop to the frame."""
    matrix = crop_matrix(points_px - 0.5)
    with torch.inference_mode():
        codes = deca.encode(torch.from_numpy(crop(picture, matrix))[None])
        shown = deca.decode(codes).landmarks_3d[0].numpy()
    in_crop = 112 + 112 * shown[:, :2] - 0.5
    whole = np.vstack((matrix, [0, 0, 1]))
    places = np.linalg.inv(whole) @ np.column_stack((in_crop, np.ones(68))).T
    return codes, places[:2].T + 0.5


def test_the_table_shows_what_deca_shows(tmp_path, deca, asked):
    pictures = film(tmp_path)
    assert run(tmp_path, asked).done == 1
    points = act(FRAMES).points_px
    found = rows(tmp_path, CLIP)
    assert [row["frame"] for row in found if row["shape"] is None] == [3]
    fitted = read_fitted(tmp_path, CLIP)
    assert fitted.model == "deca"
    with torch.inference_mode():
        vertices = deca.flame.vertices(fitted.coefficients)
        shown = Pinhole(fitted.camera).project(deca.flame.landmarks(vertices))[..., :2].numpy()
    differs = 0.0
    for place, frame in enumerate(fitted.frames.tolist()):
        codes, expected = by_hand(deca, pictures[frame], points[frame])
        assert np.ptp(expected) > 50
        np.testing.assert_allclose(shown[place], expected, atol=0.05)
        for name in ("shape", "texture", "expression", "light"):
            np.testing.assert_allclose(
                found[frame][name], getattr(codes, name).flatten(), atol=1e-5
            )
        np.testing.assert_allclose(found[frame]["jaw"], codes.pose[0, 3:], atol=1e-6)
        eyes = np.linalg.norm(points[frame, 45] - points[frame, 36])
        missed = np.linalg.norm(expected - points[frame], axis=1).mean() / eyes
        assert found[frame]["residual"] == pytest.approx(missed, rel=1e-3)
        differs = max(differs, np.abs(np.subtract(found[frame]["shape"], found[0]["shape"])).max())
    assert differs > 1e-4  # from picture to picture, as published
    assert found[0]["detail"] is None


def test_details_are_kept_where_they_can_be_drawn(tmp_path, deca, asked, monkeypatch):
    pictures = film(tmp_path)
    monkeypatch.setattr(by_deca, "wrinkle_files", lambda: (tmp_path / "one",))
    run(tmp_path, asked)
    fitted = read_fitted(tmp_path, CLIP)
    codes, _ = by_hand(deca, pictures[5], act(FRAMES).points_px[5])
    torch.testing.assert_close(fitted.detail[-1:], codes.detail, atol=1e-5, rtol=0)
    assert torch.equal(fitted.part(1, 3).detail, fitted.detail[1:3])


@pytest.mark.parametrize("scale", [-5.0, 0.0])
def test_a_mirrored_face_is_no_face(tmp_path, deca, asked, params, monkeypatch, scale):
    film(tmp_path)
    encode = deca.encode

    def spoilt(images):
        codes = encode(images)
        codes.camera[:, 0] = scale
        return codes

    monkeypatch.setattr(deca, "encode", spoilt)
    found = run(tmp_path, asked.model_copy(update={"max_residual": params.max_residual}))
    assert (found.done, len(found.rejections)) == (0, 1)
    (row,) = read_table(tmp_path / "fit" / "rejected.parquet", "rejected").to_pylist()
    assert row["reason"] == "poor_fit"


@pytest.mark.parametrize("turned", [0.0, 0.4])
def test_one_camera_for_crops_of_all_sizes(turned):
    """By hand: frame px = (crop px - shift) / growth, crop px = 112 (1 ± s (x + t)) - 1/2."""
    random = np.random.default_rng(1)
    cameras = np.column_stack((random.uniform(4, 9, 5), random.normal(0, 0.02, (5, 2))))
    sizes = random.uniform(100, 300, 5)
    corners = random.uniform(0, 200, (5, 2))
    matrices = np.zeros((5, 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 223 / sizes
    matrices[..., 2] = -corners * 223 / sizes[:, None]
    moved = random.normal(0, 0.01, (5, 3))
    camera, translation = by_deca.placed(cameras, moved, matrices, (640, 480))
    point = np.array([0.05 * np.cos(turned), 0.03, 0.05 * np.sin(turned)])
    for frame in range(5):
        seen = camera.project(point + translation[frame])[:2]
        scale, *shift = cameras[frame]
        x, y = (point + moved[frame])[:2] + shift
        in_crop = np.array([112 * (1 + scale * x), 112 * (1 - scale * y)]) - 0.5
        expected = corners[frame] + in_crop * sizes[frame] / 223 + 0.5
        np.testing.assert_allclose(seen, expected, atol=0.02)


def test_missing_files_are_one_line(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_deca._deca.cache_clear()
    film(tmp_path)
    with pytest.raises(StageError, match=r"fit\.model: deca: .*deca_model\.tar") as caught:
        run(tmp_path, params.model_copy(update={"model": "deca"}))
    assert "\n" not in str(caught.value)


def test_it_is_not_refined(params):
    values = params.model_dump(mode="json") | {"model": "deca", "refine": "photometric"}
    with pytest.raises(ParamsError, match="expected landmarks where model is deca"):
        FitParams.parse(values, where="params.yaml")


def test_the_flow_asks_nobody_else_who_it_is(tmp_path, deca, params, asked):
    film(tmp_path)
    runner, run_params = InOrder(), SimpleNamespace(chunk_clips=4, max_rejected=0.2, workers=1)
    settings = SimpleNamespace(fit=params, run=run_params)
    folders = SimpleNamespace(data=tmp_path)
    flow.work(settings, folders, runner)
    assert list((tmp_path / "identities").glob("made-A.parquet"))
    found = flow.work(SimpleNamespace(fit=asked, run=run_params), folders, runner)
    assert found.done == 1
    assert not list((tmp_path / "identities").iterdir())


def test_a_mirrored_frame_among_others_is_one_point():
    cameras = np.array([[5.0, 0, 0], [-5, 0, 0], [5, 0, 0]])
    matrices = np.tile(np.array([[1.0, 0, -10], [0, 1, -20]]), (3, 1, 1))
    camera, translation = by_deca.placed(cameras, np.zeros((3, 3)), matrices, SIZE_PX)
    head = np.array([[-0.1, 0, 0], [0.1, 0, 0]])
    widths = [np.ptp(camera.project(head + moved)[:, 0]) for moved in translation]
    np.testing.assert_allclose(widths, [112, 0, 112], atol=0.02)


def test_files_of_the_wrinkles_are_inputs_once_all_are_there(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    asked = params.model_copy(update={"model": "deca"})
    names = ("head_template.obj", "fixed_displacement_256.npy", "uv_face_eye_mask.png")
    for there in range(len(names) + 1):
        found = {path.name for path in models.model_files(asked)}
        assert "deca_model.tar" in found
        assert found & set(names) == (set(names) if there == len(names) else set())
        if there < len(names):
            (tmp_path / "weights" / names[there]).write_bytes(b"")
    assert not {path.name for path in models.model_files(params)}


@pytest.mark.parametrize(("model", "asks"), [("head", True), ("deca", False)])
def test_a_single_file_needs_no_identity_either(tmp_path, monkeypatch, model, asks):
    params = read_params(ROOT / "params.yaml")
    fit = params.fit.model_copy(update={"model": model})
    steps = []
    monkeypatch.setattr(
        prepare, "_through", lambda file, source, data, done: steps.extend(s for s, _ in done)
    )
    prepare.prepare_clip(tmp_path / "a.mp4", tmp_path, params.model_copy(update={"fit": fit}))
    assert (identities.process in steps) == asks
    assert steps[-1] is stage.process
