from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stccl.errors import ParamsError
from stccl.params import Params, read_params, read_yaml
from tests.conftest import ROOT


def changed(*keys: str, to: Any) -> dict[str, Any]:
    values = read_yaml(ROOT / "params.yaml")
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return dict(values)


def test_the_committed_params_are_accepted() -> None:
    assert read_params(ROOT / "params.yaml").extract.frame_rate_hz == 25.0


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_preset_fits_the_committed_params(preset: Path, tmp_path: Path) -> None:
    from stccl.configure import apply_preset

    params = tmp_path / "params.yaml"
    params.write_text((ROOT / "params.yaml").read_text())
    apply_preset(params, preset)
    assert read_yaml(params) != read_yaml(ROOT / "params.yaml"), "a preset that changes nothing"


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("metric", "temprature"), 0.1, "metric.temprature: unknown key; did you mean temperature"),
        (("metric", "temperature"), -1, "metric.temperature: expected greater than 0, got -1"),
        (("metric", "temperature"), "hot", "metric.temperature: expected a valid number"),
        (("run", "seed"), True, "run.seed: expected a valid integer, got True"),
        (("run", "seed"), 1.5, "run.seed: expected a valid integer"),
        (("landmarks", "detector"), "mtcnn", "landmarks.detector: expected 'dlib' or 'fan'"),
        (("datasets", "actors", "rot"), "x", "datasets.actors.rot: unknown key; did you mean"),
        (("datasets",), {}, "datasets: expected at least one dataset"),
        (("extract",), None, "extract: expected an object"),
        (("surprise",), 1, "surprise: unknown key; expected one of run, datasets"),
    ],
)
def test_the_unknown_and_the_impossible_are_refused_by_name(
    keys: tuple[str, ...], value: Any, message: str
) -> None:
    with pytest.raises(ParamsError) as refusal:
        Params.parse(changed(*keys, to=value), where="params.yaml")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_section_is_named() -> None:
    values = read_yaml(ROOT / "params.yaml")
    del values["align"]
    with pytest.raises(ParamsError, match="align: missing"):
        Params.parse(values, where="params.yaml")


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2\n", "\tx: 1"])
def test_broken_yaml_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as refusal:
        read_yaml(path)
    assert "not valid YAML" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_params_do_not_change_once_read() -> None:
    params = read_params(ROOT / "params.yaml")
    with pytest.raises(Exception, match="frozen"):
        params.run.seed = 1  # type: ignore[misc]


def test_yaml_means_what_dvc_takes_it_to_mean() -> None:
    text = (ROOT / "params.yaml").read_text()
    assert read_yaml(ROOT / "params.yaml") == YAML(typ="safe").load(text)


def test_no_key_is_one_that_dvc_overlooks():
    """DVC leaves them out of the hash by which it finds an earlier run to restore."""

    def keys(values):
        if isinstance(values, dict):
            yield from values
            for inside in values.values():
                yield from keys(inside)

    assert not {"size", "nfiles"} & set(keys(Params.model_json_schema()["$defs"]))
    assert not {"size", "nfiles"} & set(keys(read_yaml(ROOT / "params.yaml")))
