"""Perceptual terms against networks put together by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from stccl.errors import StcclError
from stccl.spfem.ned.renderer.perceptual import VGG19, BackbonePerceptual, VGGPerceptual

CONVOLUTIONS = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256),
    14: (256, 256), 16: (256, 256), 19: (256, 512), 21: (512, 512), 23: (512, 512),
    25: (512, 512), 28: (512, 512), 30: (512, 512), 32: (512, 512), 34: (512, 512),
}  # fmt: skip
"""Of torchvision's vgg19.features."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    random = torch.Generator().manual_seed(0)
    state = {}
    for number, (before, after) in CONVOLUTIONS.items():
        scale = (2 / (9 * before)) ** 0.5
        state[f"features.{number}.weight"] = scale * torch.randn(
            after, before, 3, 3, generator=random
        )
        state[f"features.{number}.bias"] = 0.1 * torch.randn(after, generator=random)
    state["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(state, path)
    return path


def test_vgg_is_configuration_e_up_to_relu5_1(weights):
    state = torch.load(weights)
    network = VGG19()
    network.load_torchvision(weights)
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x, expected = image, []
    for number in range(30):
        if number in CONVOLUTIONS:
            x = functional.conv2d(
                x, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1
            )
        elif number in (4, 9, 18, 27):
            x = functional.max_pool2d(x, 2)
        else:
            x = x.relu()
            if number in (1, 6, 11, 20, 29):
                expected.append(x)
    with torch.no_grad():
        found = network(image)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_the_published_weights_of_its_maps(weights):
    term = VGGPerceptual(weights)
    a, b = (torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    a.requires_grad_()
    b.requires_grad_()
    with torch.no_grad():
        maps = zip((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), term.network(a), term.network(b), strict=True)
        expected = sum(w * float((x - y).abs().mean()) for w, x, y in maps)
    found = term(a, b)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    found.backward()
    assert a.grad is not None
    assert b.grad is None
    assert all(p.grad is None for p in term.parameters())


def test_other_weights_are_refused(tmp_path, weights):
    state = torch.load(weights)
    del state["features.28.bias"]
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(StcclError, match=r"a\.pth: not torchvision's vgg19: 1 missing keys"):
        VGG19().load_torchvision(tmp_path / "a.pth")


def test_the_stand_in_is_relative_to_the_real_pictures_maps(backbone):
    term = BackbonePerceptual(backbone)
    a, b = (
        torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(s)) * 2 - 1 for s in (1, 2)
    )
    with torch.no_grad():
        maps = zip((1 / 8, 1 / 4, 1 / 2, 1), backbone(a), backbone(b), strict=True)
        expected = sum(w * float((x - y).abs().sum() / y.abs().sum()) for w, x, y in maps)
    assert term(a, b).item() == pytest.approx(expected, rel=1e-5)
    assert term(b, b).item() == 0
    a.requires_grad_()
    term(a, b).backward()
    assert a.grad.abs().sum() > 0
    assert isinstance(term.network, nn.Module)
    assert all(p.grad is None for p in backbone.parameters())


def test_the_stand_in_sees_faces_in_the_size_its_backbone_knows(backbone):
    a, b = (
        torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(s)) * 2 - 1 for s in (1, 2)
    )
    small = [
        functional.interpolate(x, (36, 30), mode="bilinear", antialias=True, align_corners=False)
        for x in (a, b)
    ]
    expected = BackbonePerceptual(backbone)(*small)
    torch.testing.assert_close(BackbonePerceptual(backbone, 0.75)(a, b), expected)
