from pathlib import Path

import pytest

from stccl.configure import apply_preset, use_dataset
from stccl.errors import ParamsError
from stccl.params import read_params, read_yaml
from tests.conftest import ROOT


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    copy = tmp_path / "params.yaml"
    copy.write_text((ROOT / "params.yaml").read_text())
    return copy


def test_a_dataset_replaces_the_others_and_comments_stay(params: Path, tmp_path: Path) -> None:
    use_dataset(params, "mead", root=str(tmp_path), protocol="subset", keep_others=False)
    datasets = read_params(params).datasets
    assert list(datasets) == ["mead"]
    assert datasets["mead"].root == str(tmp_path)
    assert datasets["mead"].protocol == "subset"
    assert params.read_text().splitlines()[0].startswith("# Every tunable")


def test_adding_keeps_the_others(params: Path, tmp_path: Path) -> None:
    before = set(read_params(params).datasets)
    use_dataset(params, "mead", root=str(tmp_path), protocol="subset", keep_others=True)
    assert set(read_params(params).datasets) == before | {"mead"}


@pytest.mark.parametrize(
    ("name", "root", "protocol", "message"),
    [
        ("mead", "/no/such/folder", "subset", "no such folder"),
        ("nosuch", None, None, "nosuch"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_changes(
    params: Path, name: str, root: str | None, protocol: str | None, message: str
) -> None:
    before = params.read_text()
    with pytest.raises(ParamsError, match=message):
        use_dataset(params, name, root=root, protocol=protocol, keep_others=False)
    assert params.read_text() == before


def test_a_preset_sets_its_keys_and_no_other(params: Path, tmp_path: Path) -> None:
    preset = tmp_path / "preset.yaml"
    preset.write_text("metric: {temperature: 0.5}\n")
    before = read_yaml(params)
    apply_preset(params, preset)
    after = read_yaml(params)
    assert after["metric"].pop("temperature") == 0.5
    before["metric"].pop("temperature")
    assert after == before


def test_a_preset_with_an_unknown_key_is_refused(params: Path, tmp_path: Path) -> None:
    preset = tmp_path / "preset.yaml"
    preset.write_text("metric: {temprature: 0.5}\n")
    with pytest.raises(ParamsError, match="did you mean temperature"):
        apply_preset(params, preset)
