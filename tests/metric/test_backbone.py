import json
from pathlib import Path

import pytest
import torch

from stccl.errors import StcclError
from stccl.metric.backbone import IResNet, level_sizes

BLOCKS, WIDTHS = (1, 1, 1, 1), (16, 16, 16, 16)


def test_keys_and_shapes_are_those_of_the_published_network(contracts):
    expected = json.loads((contracts / "stccl_iresnet50.json").read_text())
    with torch.device("meta"):
        state = IResNet().state_dict()
    found = [[k, list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in state.items()]
    assert found == expected


@pytest.mark.parametrize("size", [(33, 33), (48, 50), (112, 100)])
def test_maps_have_the_sizes_that_are_drawn_from(size):
    maps = IResNet(BLOCKS, WIDTHS)(torch.zeros(1, 3, *size))
    assert [tuple(m.shape[-2:]) for m in maps] == level_sizes(*size)


def test_a_block_is_what_it_says_written_out_with_functions():
    from torch.nn import functional as f

    torch.manual_seed(0)
    block = IResNet(BLOCKS, WIDTHS).layer1[0].eval().double()
    x = torch.randn(2, 16, 9, 9, dtype=torch.float64)

    def norm(bn, y):
        return (y - bn.running_mean[:, None, None]) / (bn.running_var + 1e-5)[
            :, None, None
        ].sqrt() * bn.weight[:, None, None] + bn.bias[:, None, None]

    inner = f.conv2d(norm(block.bn1, x), block.conv1.weight, padding=1)
    inner = norm(block.bn2, inner)
    inner = torch.where(inner > 0, inner, 0.25 * inner)
    inner = norm(block.bn3, f.conv2d(inner, block.conv2.weight, stride=2, padding=1))
    skip = norm(block.downsample[1], f.conv2d(x[..., ::2, ::2], block.downsample[0].weight))
    torch.testing.assert_close(block(x), inner + skip)


def test_arcface_weights_load_and_their_recognition_head_is_left_out(tmp_path: Path):
    theirs = IResNet(BLOCKS, WIDTHS)
    torch.save({**theirs.state_dict(), "fc.weight": torch.zeros(4, 4)}, tmp_path / "backbone.pth")
    ours = IResNet(BLOCKS, WIDTHS)
    ours.load_arcface(tmp_path / "backbone.pth")
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


def test_a_file_that_does_not_fit_names_the_keys(tmp_path: Path):
    state = IResNet(BLOCKS, WIDTHS).state_dict()
    state["stem.weight"] = state.pop("conv1.weight")
    state["bn1.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "b.pth")
    with pytest.raises(
        StcclError,
        match=r"1 missing keys \(conv1\.weight\); 1 unexpected keys \(stem\.weight\); "
        r"1 keys of another shape \(bn1\.weight\)",
    ):
        IResNet(BLOCKS, WIDTHS).load_arcface(tmp_path / "b.pth")


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_a_file_that_is_no_weights_is_one_line(tmp_path: Path, content):
    path = tmp_path / "b.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StcclError, match=r"b\.pth: cannot be read as weights") as caught:
        IResNet(BLOCKS, WIDTHS).load_arcface(path)
    assert "\n" not in str(caught.value)


def test_weights_that_would_run_code_are_refused(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"conv1.weight": Evil()}, tmp_path / "b.pth")
    with pytest.raises(StcclError, match="cannot be read as weights"):
        IResNet(BLOCKS, WIDTHS).load_arcface(tmp_path / "b.pth")
    assert not (tmp_path / "ran").exists()
