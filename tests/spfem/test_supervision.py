from importlib import import_module

import pytest
import torch

from stccl.errors import ParamsError, StcclError
from stccl.metric.loss import initial
from stccl.params import Params, read_yaml
from stccl.spfem.backbone import Backbone, backbone
from stccl.spfem.registry import BACKBONES, run_name
from stccl.spfem.supervising import supervising_metric
from stccl.spfem.supervision import SUPERVISIONS
from stccl.spfem.trained import trained_models
from tests.conftest import ROOT

VALUES = read_yaml(ROOT / "params.yaml")
PARAMS = Params.parse(VALUES, where="params.yaml")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    config = PARAMS.metric.config.model_copy(update={"widths": (16, 16, 16, 16)})
    for name, formulation in (("metric", "disparity"), ("counterpart", "correlation")):
        trained = initial(config.model_copy(update={"formulation": formulation}), 7)
        trained.freeze().save_pretrained(folder / name)
    return folder


@pytest.mark.parametrize("name", SUPERVISIONS)
def test_every_supervision_has_its_metric(models, name):
    row = SUPERVISIONS[name]
    metric = supervising_metric(row, models, PARAMS)
    assert (metric is None) == (row.formulation is None)
    if metric is None:
        return
    assert metric.config.formulation == row.formulation
    assert metric.config.adaptive == row.adaptive
    assert not any(p.requires_grad for p in metric.parameters())
    saved = {"disparity": "metric", "correlation": "counterpart"}[str(row.formulation)]
    trained = type(metric).from_pretrained(models / saved).state_dict()
    same = all(torch.equal(trained[key], value) for key, value in metric.state_dict().items())
    assert same == row.trained


def test_only_the_base_is_without_supervision():
    assert [name for name, row in SUPERVISIONS.items() if row.formulation is None] == ["base"]
    assert all(row.meshes or row.images for row in SUPERVISIONS.values())


def test_a_missing_formulation_is_named(models, tmp_path):
    for name in ("metric", "counterpart"):
        initial(PARAMS.metric.config, 7).freeze().save_pretrained(tmp_path / name)
    with pytest.raises(StcclError, match="no metric of formulation correlation"):
        supervising_metric(SUPERVISIONS["cm"], tmp_path, PARAMS)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_can_be_taught_and_read(name, tmp_path):
    found = backbone(name)
    needed = [function for function in vars(Backbone) if not function.startswith("_")]
    assert needed == ["pretrain", "train", "load"]
    assert all(callable(getattr(found, function)) for function in needed)
    with pytest.raises(StcclError, match="no trained model"):
        found.load(tmp_path)
    assert name in type(PARAMS.spfem).model_fields  # its settings
    assert import_module(BACKBONES[name]) is found


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("backbone", "nedd", r"spfem.backbone: expected one of ned, got 'nedd'"),
        ("supervisions", ["base", "vm"], r"expected some of base, vd, cm, .*got 'vm'"),
        ("supervisions", ["vd", "vd"], r"each once, got 'vd'"),
        ("seeds", [1, 1], r"expected different numbers from 0 on, got \[1, 1\]"),
        ("seeds", [], r"spfem.seeds"),
    ],
)
def test_impossible_settings_are_refused(key, value, message):
    with pytest.raises(ParamsError, match=message):
        Params.parse({**VALUES, "spfem": {**VALUES["spfem"], key: value}}, where="params.yaml")


def test_models_are_found_by_name_and_side_by_side(tmp_path):
    for name in ("ned-pretrained-42", "ned-vd-42", "ned-base-42", "ned-vd-7"):
        (tmp_path / "spfem" / name).mkdir(parents=True)
        (tmp_path / "spfem" / name / "speakers.json").write_text("[]")
    (tmp_path / "spfem" / "ned-cm-42").mkdir()  # nothing was trained

    def names(name, everything):
        found = trained_models(tmp_path, PARAMS.spfem, name, everything=everything)
        return [folder.name for folder in found]

    assert names("ned-vd-7", False) == ["ned-vd-7"]
    assert names("ned-vd-42", True) == ["ned-base-42", "ned-vd-42"]
    with pytest.raises(StcclError, match=r"ned-cm-42: no such model; there are ned-base-42, ned-"):
        names(None, False)
    with pytest.raises(StcclError, match=r"train some with `dvc repro spfem`"):
        trained_models(tmp_path / "none", PARAMS.spfem, None, everything=False)


def test_names_of_runs_tell_backbone_supervision_and_seed():
    names = {run_name(b, s, seed) for b in BACKBONES for s in SUPERVISIONS for seed in (1, 2)}
    assert len(names) == 2 * len(BACKBONES) * len(SUPERVISIONS)
