"""Metrics as files, and on the hub."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stccl.errors import StcclError
from stccl.metric.loss import STCCLLoss, initial


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


@pytest.fixture
def loss(small) -> STCCLLoss:
    return initial(small, 0).freeze()


def test_saved_and_loaded_it_says_the_same(loss, tmp_path):
    loss.save_pretrained(tmp_path / "one")
    again = STCCLLoss.from_pretrained(tmp_path / "one")
    again.save_pretrained(tmp_path / "two")
    a, b = noise(1, 2, 3, 48, 48), noise(1, 2, 3, 48, 48, seed=1)
    torch.manual_seed(0)
    before = loss(a, b).total
    torch.manual_seed(0)
    assert torch.equal(again(a, b).total, before)
    assert again.config == loss.config
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    by_file = STCCLLoss.from_pretrained(tmp_path / "one" / "model.safetensors")
    assert torch.equal(by_file.backbone.conv1.weight, loss.backbone.conv1.weight)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("how", ["missing", "empty", "other"])
def test_a_damaged_metric_is_one_line(loss, tmp_path, damage, how):
    loss.save_pretrained(tmp_path)
    if how == "missing":
        (tmp_path / damage).unlink()
    else:
        (tmp_path / damage).write_bytes(b"" if how == "empty" else b'{"sizes": 3}')
    with pytest.raises(StcclError) as caught:
        STCCLLoss.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Path:
    """A hub that is a folder."""
    place = tmp_path / "hub"

    class Api:
        def __init__(self, token=None):
            self.token = token

        def create_repo(self, repo_id, **_):
            return type("Repo", (), {"repo_id": repo_id})

        def upload_folder(self, *, repo_id, folder_path, **_):
            shutil.copytree(folder_path, place / repo_id)
            return "commit"

    def download(name, file, revision=None):
        found = place / (revision or "") / name / file
        if not found.is_file():
            raise OSError(f"{name} has no {file}\nsecond line")
        return str(found)

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    monkeypatch.setattr("stccl.metric.pretrained.hf_hub_download", download)
    return place


def test_pushed_and_loaded_it_is_the_same(loss, hub):
    assert loss.push_to_hub("someone/stccl") == "commit"
    written = {path.name for path in (hub / "someone/stccl").iterdir()}
    assert written == {"config.json", "model.safetensors", "README.md"}
    card = (hub / "someone/stccl/README.md").read_text()
    assert "library_name: stccl" in card
    assert "pytorch_model_hub_mixin" in card
    assert "STCCLLoss.from_pretrained" in card
    again = STCCLLoss.from_pretrained("someone/stccl")
    assert again.config == loss.config
    for key, value in loss.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)


def test_what_is_not_on_the_hub_is_one_line(hub):
    with pytest.raises(StcclError, match=r"^some/one: no folder, and .* \(some/one has no config"):
        STCCLLoss.from_pretrained("some/one")


def test_a_revision_is_asked_for(loss, hub):
    loss.save_pretrained(hub / "v1" / "someone/stccl")
    assert STCCLLoss.from_pretrained("someone/stccl", revision="v1").config == loss.config


def test_a_metric_saved_before_an_option_was_there_still_loads(loss, tmp_path):
    loss.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    for name in ("mapping", "negatives", "adaptive_form", "centred", "check_range"):
        del values[name]
    path.write_text(json.dumps(values))
    assert STCCLLoss.from_pretrained(tmp_path).config == loss.config
