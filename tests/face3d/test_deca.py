import json

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from stccl import doctor
from stccl.errors import StcclError
from stccl.face3d.albedo import FlameAlbedo
from stccl.face3d.deca import DECA, DecaCodes, project
from stccl.face3d.deca_networks import DetailDecoder, Encoder
from tests.face3d.published import recipe, small_deca, write_albedo, write_flame


@pytest.fixture(scope="session")
def deca(tmp_path_factory) -> DECA:
    return small_deca(tmp_path_factory.mktemp("deca"))


def codes(batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.randn(batch, *shape, generator=generator)

    return DecaCodes(
        some(100), some(50), some(50), some(6) * 0.2, some(3) + 5, some(9, 3), some(128)
    )


def test_codes_are_the_encoders_numbers_in_their_order(deca, monkeypatch):
    numbers = torch.arange(236.0)[None]
    monkeypatch.setattr(deca.E_flame, "forward", lambda images: numbers)
    monkeypatch.setattr(deca.E_detail, "forward", lambda images: torch.ones(1, 128))
    found = deca.encode(torch.zeros(1, 3, 224, 224))
    starts = {"shape": 0, "texture": 100, "expression": 150, "pose": 200, "camera": 206}
    for name, start in starts.items():
        assert getattr(found, name)[0, 0] == start
    # The first light are the three colours of the first harmonic.
    assert found.light[0, :2].tolist() == [[209, 210, 211], [212, 213, 214]]
    assert found.light[0, 8, 2] == 235
    assert found.detail.shape == (1, 128)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 256, 256), r"expected \(B, 3, 224, 224\), got \(1, 3, 256, 256\)"),
        (torch.zeros(3, 224, 224), r"expected \(B, 3, 224, 224\), got \(3, 224, 224\)"),
        (torch.zeros(1, 3, 224, 224, dtype=torch.uint8), "expected floats in"),
    ],
)
def test_other_pictures_are_refused(deca, images, message):
    with pytest.raises(ValueError, match=f"^images: {message}"):
        deca.encode(images)


def test_a_decoded_face_is_flames_seen_by_its_camera(deca):
    given = codes()
    with torch.no_grad():
        face = deca.decode(given)
        flame = deca.flame(given.shape, given.expression, given.pose)
    assert torch.equal(face.vertices, flame.vertices)
    scale, right, up = given.camera[1].tolist()
    x, y, z = flame.vertices[1, 7].tolist()
    by_hand = [scale * (x + right), -scale * (y + up), -scale * z]
    np.testing.assert_allclose(face.projected[1, 7], by_hand, rtol=1e-5)
    torch.testing.assert_close(face.landmarks_3d, project(flame.landmarks_3d, given.camera))
    torch.testing.assert_close(
        face.landmarks_2d, project(flame.landmarks_2d, given.camera)[..., :2]
    )
    assert face.shading.shape == (2, 60, 3)
    assert face.albedo.shape == (2, 3, 256, 256)
    assert face.displacement.shape == (2, 1, 256, 256)
    assert 0 < face.displacement.abs().max() <= 0.01


def test_the_detail_follows_the_jaw_but_not_the_head(deca):
    given = codes()
    turned, opened = given.pose.clone(), given.pose.clone()
    turned[:, :3] += 0.5
    opened[:, 3:] += 0.5
    with torch.no_grad():
        maps = [
            deca.decode(given._replace(pose=p)).displacement for p in (given.pose, turned, opened)
        ]
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], maps[2])


def test_light_from_all_sides_is_the_same_everywhere(deca):
    given = codes()
    light = torch.zeros(2, 9, 3)
    light[:, 0] = torch.tensor([1.0, 2.0, 3.0])
    with torch.no_grad():
        shades = deca.decode(given._replace(light=light)).shading
    expected = torch.tensor([1.0, 2, 3]) / (4 * torch.pi) ** 0.5
    torch.testing.assert_close(shades, expected.expand_as(shades))


def test_coefficients_give_the_same_face_as_a_face_model(deca):
    given = codes()
    with torch.no_grad():
        face = deca.decode(given)
        same = deca.flame.vertices(deca.coefficients(given))
    torch.testing.assert_close(same, face.vertices, atol=2e-6, rtol=0)
    turned = Rotation.from_rotvec(given.pose[0, :3]).as_matrix()
    np.testing.assert_allclose(
        deca.coefficients(given).translation[0],
        (np.eye(3) - turned) @ deca.flame.root(given.shape, given.expression)[0].numpy(),
        atol=1e-6,
    )


def test_albedo_by_slow_loops():
    random = np.random.default_rng(0)
    mean, directions = random.random(6 * 6 * 3), random.normal(size=(6 * 6 * 3, 4))
    texture = random.normal(size=(2, 4))
    found = FlameAlbedo(*map(torch.from_numpy, (mean, directions)))(torch.from_numpy(texture))
    assert found.shape == (2, 3, 256, 256)
    for row, column, channel in ((0, 0, 0), (255, 255, 2), (100, 43, 1), (42, 43, 0), (128, 1, 2)):
        # The file holds blue first; a texel of the map is the nearest one below.
        texel = ((row * 6 // 256) * 6 + column * 6 // 256) * 3 + 2 - channel
        by_hand = mean[texel] + sum(directions[texel, i] * texture[1, i] for i in range(4))
        np.testing.assert_allclose(found[1, channel, row, column], by_hand)


def test_gradients_reach_every_code(deca):
    given = DecaCodes(*(each.requires_grad_() for each in codes(1)))
    face = deca.decode(given)
    sum((each**2).sum() for each in face).backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in given)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """All four files with their published names, sizes and classes."""
    folder = tmp_path_factory.mktemp("published") / "weights"
    folder.mkdir()
    write_flame(folder, vertices=5023, triangles=9976)
    write_albedo(folder, side=512)
    with torch.device("meta"):
        networks = {
            "E_flame": Encoder(236),
            "E_detail": Encoder(128),
            "D_detail": DetailDecoder(181),
        }
    state = {name: recipe(network) for name, network in networks.items()}
    torch.save(
        {**state, "opt": {"state": {}}, "global_step": 1, "batch_size": 8},
        folder / "deca_model.tar",
    )
    return folder


def stated(module):
    return [
        [k, list(v.shape), str(v.dtype).removeprefix("torch.")]
        for k, v in module.state_dict().items()
    ]


@pytest.mark.slow
def test_the_published_set_from_files_to_faces(published, contracts, monkeypatch):
    deca = DECA.from_folder(published)
    for name, module in (
        ("deca_flame", deca.flame),
        ("deca_flametex", deca.flametex),
        ("deca_e_flame", deca.E_flame),
        ("deca_e_detail", deca.E_detail),
        ("deca_d_detail", deca.D_detail),
    ):
        assert stated(module) == json.loads((contracts / f"{name}.json").read_text()), name
    assert not deca.training
    pictures = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        face = deca.decode(deca.encode(pictures))
        again = deca.decode(deca.encode(pictures))
    assert face.vertices.shape == (2, 5023, 3)
    assert all(torch.isfinite(each).all() for each in face)
    assert all(torch.equal(a, b) for a, b in zip(face, again, strict=True))
    monkeypatch.chdir(published.parent)
    assert "Faces in 3-D: DECA, on FLAME." in doctor.findings()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["generic_model.pkl", "landmark_embedding.npy", "FLAME_albedo_from_BFM.npz", "deca_model.tar"],
)
def test_one_half_written_file_is_one_line(published, tmp_path, monkeypatch, name):
    folder = tmp_path / "weights"
    folder.mkdir()
    for whole in published.iterdir():
        if whole.name != name:
            (folder / whole.name).symlink_to(whole)
    half = (published / name).read_bytes()
    (folder / name).write_bytes(half[: len(half) // 2])
    with pytest.raises(StcclError, match=rf"weights/{name}: ") as caught:
        DECA.from_folder(folder)
    assert "\n" not in str(caught.value)
    monkeypatch.chdir(tmp_path)
    (line,) = [each for each in doctor.findings() if str(each).startswith("Faces in 3-D")]
    assert line.startswith("Faces in 3-D: the built-in head")
    assert f"weights/{name}: " in line


@pytest.mark.slow
def test_another_checkpoint_is_refused(published, tmp_path):
    for whole in published.iterdir():
        if whole.name != "deca_model.tar":
            (tmp_path / whole.name).symlink_to(whole)
    state = torch.load(published / "deca_model.tar", weights_only=True)
    del state["E_detail"]
    torch.save(state, tmp_path / "deca_model.tar")
    with pytest.raises(StcclError, match="no DECA: expected a state dict E_detail, found D_detail"):
        DECA.from_folder(tmp_path)
    state["E_detail"] = dict(state["E_flame"])
    torch.save(state, tmp_path / "deca_model.tar")
    with pytest.raises(
        StcclError,
        match=r"E_detail is not DECA's: 2 keys of another shape \(layers\.2\.bias, layers",
    ):
        DECA.from_folder(tmp_path)


def test_doctor_says_which_face_model_is_in_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        "Faces in 3-D: the built-in head, fitted to the 68 points; DECA would need FLAME, "
        "FLAME landmarks, FLAME albedo, DECA." in doctor.findings()
    )
    (tmp_path / "weights").mkdir()
    write_flame(tmp_path / "weights")
    assert (
        "Faces in 3-D: the built-in head, fitted to the 68 points; DECA would need FLAME albedo, "
        "DECA." in doctor.findings()
    )
