import cv2
import dlib
import numpy as np
import pytest
import torch

from stccl.align.warp import apply, canonical_px, warp
from stccl.errors import StageError, StcclError
from stccl.experts import identity
from stccl.experts.check import check_identity
from stccl.experts.identity import ArcFaceIdentity, DlibIdentity, face_identity
from tests.face3d.published import recipe


def drawn(seed: int, size_px: int = 120) -> np.ndarray:
    """Something like a face: blurred blobs where its parts are."""
    random = np.random.default_rng(seed)
    image = np.full((size_px, size_px, 3), random.integers(120, 220, 3), np.uint8)
    for part in (slice(36, 42), slice(42, 48), slice(48, 60), slice(27, 36)):
        x, y = canonical_px(size_px)[part].mean(0) + random.normal(0, 2, 2)
        colour = [int(c) for c in random.integers(0, 100, 3)]
        cv2.circle(image, (round(x), round(y)), int(random.integers(4, 12)), colour, -1)
    return cv2.GaussianBlur(image, (0, 0), 1.5)


@pytest.fixture(scope="module")
def dlibs() -> DlibIdentity:
    return DlibIdentity()


def test_dlib_is_asked_as_it_wants_to_be(dlibs):
    image = drawn(0)
    corners = [dlib.point(*np.rint(p).astype(int).tolist()) for p in canonical_px(120)]
    face = dlib.full_object_detection(dlib.rectangle(0, 0, 120, 120), corners)
    direct = dlibs._network.compute_face_descriptor(image, face, 0, 0.25)
    found = dlibs.embed([image])
    assert found.shape == (1, 128)
    np.testing.assert_allclose(found[0], np.array(direct), atol=1e-5)


def test_frames_with_points_are_as_good_as_aligned_faces(dlibs):
    image = drawn(1, 160)
    angle = np.deg2rad(20)
    turn = 0.9 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack((turn, [60.0, 10.0]))
    frame = warp(image, matrix, 240)
    points = apply(matrix, canonical_px(160)).astype(np.float32)
    other, unlike = dlibs.embed([frame, drawn(2, 240)], [points, canonical_px(240)])
    (aligned,) = dlibs.embed([image])
    assert (other - aligned).norm() < 0.5 * (unlike - aligned).norm()


def test_no_pictures_have_no_identities(dlibs):
    assert dlibs.embed([]).shape == (0, 128)
    with pytest.raises(ValueError, match="expected points of 2 pictures, got 1"):
        dlibs.embed([drawn(0), drawn(1)], [canonical_px(120)])


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(identity, "DLIB_FILE", ("no_such_package", "models/a.dat"))
    with pytest.raises(StageError, match=r"a\.dat is missing; install package no_such_package"):
        DlibIdentity()


@pytest.fixture(scope="module")
def arcface_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("arcface") / "backbone.pth"
    torch.save(recipe(ArcFaceIdentity()), path)
    return path


@pytest.mark.slow
def test_arcface_is_used_where_its_file_is(arcface_file):
    judge = face_identity(arcface_file)
    image = drawn(0, 224)
    found = judge.embed([image, image, drawn(1, 224)])
    assert found.shape == (3, 512)
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
    maps = super(ArcFaceIdentity, judge).forward(
        torch.from_numpy(identity._arcface_crop(image, identity._canonical(224)))
        .permute(2, 0, 1)[None] / 127.5 - 1
    )  # fmt: skip
    by_hand = judge.features(judge.fc(judge.bn2(maps[-1]).flatten(1)))
    torch.testing.assert_close(found[:1], by_hand, rtol=1e-3, atol=1e-3)


def test_arcface_crops_put_the_eyes_where_they_belong():
    image = np.zeros((224, 224, 3), np.uint8)
    points = canonical_px(224)
    for eye in (slice(36, 42), slice(42, 48)):
        x, y = points[eye].mean(0)
        cv2.circle(image, (round(x), round(y)), 4, (255, 255, 255), -1)
    crop = identity._arcface_crop(image, points.astype(np.float32))
    assert crop.shape == (112, 112, 3)
    for half, x in ((crop[:, :56], 38.3), (crop[:, 56:], 73.5 - 56)):
        weight = half[..., 0].astype(float)
        across = (weight.sum(0) * np.arange(56)).sum() / weight.sum()
        down = (weight.sum(1) * np.arange(112)).sum() / weight.sum()
        # Five points of another face shape meet only on average.
        assert (across, down) == (pytest.approx(x, abs=4), pytest.approx(51.6, abs=4))


def test_a_file_of_something_else_names_the_keys(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(StcclError, match=r"a\.pth: no ArcFace network of 50 layers: .*missing"):
        face_identity(tmp_path / "a.pth")


def test_the_check_counts_pairs():
    random = np.random.default_rng(0)
    people = {name: torch.from_numpy(random.normal(k, 0.6, (4, 3)))
              for k, name in enumerate("abc", start=1)}  # fmt: skip
    people["b"] *= torch.tensor([1.0, -1.0, 1.0])
    found = check_identity(people)
    same, different = [], []
    rows = [(name, v / v.norm()) for name, value in people.items() for v in value]
    for i, (one, a) in enumerate(rows):
        for other, b in rows[i + 1 :]:
            (same if one == other else different).append(float(a @ b))
    auc = np.mean([(s > d) + 0.5 * (s == d) for s in same for d in different])
    accuracy = max(
        (np.mean(np.array(same) >= t) + np.mean(np.array(different) < t)) / 2
        for t in [*same, *different]
    )
    assert found["pairs"] == 66
    assert found["auc"] == pytest.approx(auc)
    assert found["accuracy"] == pytest.approx(accuracy)
    assert found["same"] == pytest.approx(np.mean(same))
    assert check_identity({"a": people["a"]})["auc"] is None
