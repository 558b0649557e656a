"""FAN's loading, its refusal to fetch, and where its heat-maps land; on weights made here."""

import socket

import numpy as np
import pytest

from stccl.errors import StageError
from stccl.landmarks.faces import Picture

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.fixture
def weights(tmp_path):
    torch = pytest.importorskip("torch")
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    detector = s3fd()
    for name, parameter in detector.named_parameters():
        if "conf" in name:
            # All background: random weights would see thousands of faces.
            torch.nn.init.zeros_(parameter)
            if name.endswith("bias"):
                parameter.data[:-1] = 9.0
    torch.save(detector.state_dict(), folder / "s3fd-619a316812.pth")
    torch.save(FAN(4).state_dict(), folder / "2DFAN4-11f355bf06.pth.tar")
    return folder


def test_missing_weights_are_named_and_never_fetched(tmp_path):
    from stccl.landmarks.fan import Fan

    with pytest.raises(StageError) as error:
        Fan()
    text = str(error.value)
    assert "s3fd-619a316812.pth is missing" in text
    assert str(tmp_path / "hub" / "checkpoints") in text
    assert "landmarks.detector: dlib" in text
    assert "\n" not in text


def test_the_second_file_is_asked_for_as_well(weights):
    from stccl.landmarks.fan import Fan

    (weights / "2DFAN4-11f355bf06.pth.tar").unlink()
    with pytest.raises(StageError, match="2DFAN4-11f355bf06"):
        Fan()


def test_files_are_loaded_and_heat_maps_land_where_arithmetic_says(weights):
    import torch

    from stccl.landmarks.fan import Fan

    finder = Fan()
    picture = Picture(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
    assert finder.detect(picture) == []
    box = np.float32([100, 60, 180, 150])
    assert finder.points(picture, box).shape == (68, 2)

    cells = np.random.default_rng(1).integers(5, 59, (68, 2))

    class Known(torch.nn.Module):
        calls = 0

        def forward(self, crops):
            assert crops.shape[-3:] == (3, 256, 256)
            maps = torch.zeros(1, 68, 64, 64)
            maps[0, torch.arange(68), cells[:, 1], cells[:, 0]] = 1.0
            self.calls += 1
            # The second call sees the mirrored picture; its answer is ignored.
            return maps if self.calls == 1 else torch.zeros_like(maps)

    finder._model.face_alignment_net = Known()
    found = finder.points(picture, box)
    width, height = 80, 90
    seen = (width + height) * 200 / 195
    middle = np.array([140, 105 - 0.12 * height])
    expected = middle + ((cells + 0.5) / 64 - 0.5) * seen
    # The package answers in whole pixels of the view, 256 of them to the box, rounding down.
    np.testing.assert_allclose(found, expected, atol=1.0)


def test_the_box_is_the_tight_one(weights):
    from stccl.landmarks.fan import Fan

    points = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
    x, y = points.T
    np.testing.assert_array_equal(Fan().box_around(points), [x.min(), y.min(), x.max(), y.max()])
