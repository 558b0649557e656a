import pytest
import torch
from torch import nn

from stccl.errors import StageError
from stccl.spfem.ned.manipulator import train as module
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.takes import TrainingWindows, read_take
from stccl.spfem.ned.manipulator.train import train
from stccl.training.resume import Checkpoint
from tests.spfem.ned.manipulator.conftest import EXPRESSIONS, clip

TERMS = {
    f"{kind}/{term}"
    for kind in ("label", "reference")
    for term in (
        "discriminator_real",
        "discriminator_made",
        "adversarial",
        "style",
        "cycle",
        "mouth",
    )
} | {"label/real"}


class Stopped(Exception):
    pass


@pytest.fixture
def windows(write_faces) -> TrainingWindows:
    clips = [clip("neutral"), clip("happy"), clip("surprised")]
    takes = [read_take(write_faces(each, [True] * 12), each) for each in clips]
    return TrainingWindows(takes, 5, 2, 0)


def go(manipulator, windows, params, path, *, stop_after=None, supervision=None):
    """Train; what was reported."""
    told = []

    def progress(done, total):
        assert total == params.training.steps
        if done == stop_after:
            raise Stopped

    train(
        manipulator,
        windows,
        params,
        supervision=supervision,
        checkpoint=Checkpoint(path / "checkpoint", "this one"),
        progress=progress,
        report=lambda step, record: told.append({"step": step, **record}),
    )
    return told


def fresh(params, seen=None) -> Manipulator:
    return Manipulator.initial(params.config("head", EXPRESSIONS), 0, seen)


def same(first: Manipulator, second: Manipulator) -> bool:
    return all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_every_term_of_every_step_is_recorded(windows, params, tmp_path):
    manipulator = fresh(params)
    history = go(manipulator, windows, params, tmp_path)
    assert [record["step"] for record in history] == [1, 2, 3, 4]
    assert all(set(record) == TERMS | {"step"} for record in history)
    assert torch.equal(manipulator.mean, fresh(params).mean)
    assert not manipulator.training


def test_the_same_again_is_the_same_to_the_bit(windows, params, tmp_path):
    manipulators = [fresh(params), fresh(params)]
    histories = [
        go(each, windows, params, tmp_path / str(number))
        for number, each in enumerate(manipulators)
    ]
    assert histories[0] == histories[1]
    assert same(*manipulators)
    assert not same(manipulators[0], fresh(params))


@pytest.mark.parametrize("stop_after", [1, 3])
def test_interrupted_it_goes_on_to_the_same_bits(windows, params, tmp_path, stop_after):
    undisturbed, interrupted = fresh(params), fresh(params)
    history = go(undisturbed, windows, params, tmp_path / "undisturbed")
    with pytest.raises(Stopped):
        go(interrupted, windows, params, tmp_path, stop_after=stop_after)
    resumed = fresh(params)
    assert go(resumed, windows, params, tmp_path) == history
    assert same(resumed, undisturbed)


def changed(params, windows, tmp_path, **rates):
    """Names of the networks whose weights are others after a step."""
    training = params.training.model_copy(update={"steps": 1, "decay_fraction": 1.0, **rates})
    manipulator, before = fresh(params), fresh(params)
    go(manipulator, windows, params.model_copy(update={"training": training}), tmp_path)
    return {
        name
        for name, network in manipulator.networks.named_children()
        for key, value in network.state_dict().items()
        if not torch.equal(value, before.networks.state_dict()[f"{name}.{key}"])
    }


def test_a_step_trains_all_four(windows, params, tmp_path):
    assert changed(params, windows, tmp_path) == {
        "generator",
        "mapping_network",
        "style_encoder",
        "discriminator",
    }


def test_each_update_is_that_of_adam_on_its_own_networks(windows, params, tmp_path, monkeypatch):
    """Which networks learn when: the discriminator twice, then all others, then the generator."""
    manipulator = fresh(params)
    names = {id(p): n.split(".")[0] for n, p in manipulator.networks.named_parameters()}
    learnt = []
    step = torch.optim.Adam.step

    def watched(self, *args):
        learning = [p for g in self.param_groups for p in g["params"] if p.grad is not None]
        learnt.append({names[id(p)] for p in learning})
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    training = params.training.model_copy(update={"steps": 1})
    go(manipulator, windows, params.model_copy(update={"training": training}), tmp_path)
    assert learnt == [
        {"discriminator"},
        {"discriminator"},
        {"generator", "mapping_network", "style_encoder"},
        {"generator"},
    ]


def test_real_windows_take_on_the_styles_of_their_emotion(windows, params, tmp_path, monkeypatch):
    losses = []
    learn = module._Training._learn

    def watched(self, loss, *networks):
        losses.append(loss.item())
        learn(self, loss, *networks)

    monkeypatch.setattr(module._Training, "_learn", watched)

    def first_step(weight):
        losses.clear()
        training = params.training.model_copy(update={"steps": 1, "label_weight": weight})
        of_that = params.model_copy(update={"training": training})
        (record,) = go(fresh(params, windows.signal), windows, of_that, tmp_path / str(weight))
        return record, losses[2]

    manipulator, batch = fresh(params, windows.signal), windows.draw(0, 3)
    with torch.no_grad():
        found = manipulator.networks.style_encoder(manipulator.scale.normalise(batch.reference))
        drawn = manipulator.networks.mapping_network(batch.latent, batch.target_label)
    off = (found - drawn).abs().mean().item()
    without, loss = first_step(0.0)
    assert set(without) == TERMS - {"label/real"} | {"step"}
    with_it, larger = first_step(5.0)
    assert with_it["label/real"] == pytest.approx(off, rel=1e-5)
    assert larger - loss == pytest.approx(5 * off, rel=1e-4)


def test_supervision_is_part_of_the_generators_loss(windows, params, tmp_path):
    asked = []

    def pull(generated, source, shape, step):
        asked.append((step, generated.shape, source.shape, shape.shape))
        assert generated.requires_grad
        assert torch.equal(source, windows.draw(step, 3).source)
        if len(asked) == 1:  # nothing is learnt yet; both are in the units of the coefficients
            torch.testing.assert_close(generated, supervised.mean.expand(3, 5, -1))
        return (generated - source).square().mean()

    plain, supervised = (fresh(params, windows.signal) for _ in range(2))
    for manipulator in (plain, supervised):
        nn.init.zeros_(manipulator.networks.generator.seq2[-1].weight)
    go(plain, windows, params, tmp_path / "plain")
    history = go(supervised, windows, params, tmp_path / "supervised", supervision=pull)
    shapes = ((3, 5, 1 + EXPRESSIONS), (3, 5, 1 + EXPRESSIONS), (3, 3))
    assert asked == [(step, *shapes) for step in (0, 3) for _ in range(2)]
    both = {"label/stccl", "reference/stccl"}
    assert [set(record) - TERMS - {"step"} for record in history] == [
        both,
        set(),
        set(),
        both,
    ]
    assert not same(plain, supervised)


def test_a_loss_that_is_not_finite_says_what_to_do(windows, params, tmp_path):
    with pytest.raises(StageError, match="at step 1 is nan; lower"):
        go(
            fresh(params), windows, params, tmp_path,
            supervision=lambda generated, *_: generated.sum() * torch.nan,
        )  # fmt: skip


def test_it_is_for_one_face_model(windows, params, tmp_path):
    flame = Manipulator.initial(params.config("flame", EXPRESSIONS), 0)
    with pytest.raises(
        StageError, match="for the face model flame, and faces are fitted with head"
    ):
        go(flame, windows, params, tmp_path)


@pytest.mark.slow
def test_it_learns_the_emotions(windows, params, tmp_path):
    """Made-up faces of an emotion have one expression, which its label brings about."""
    training = params.training.model_copy(
        update={"steps": 120, "batch_windows": 16, "mapping_rate": 0.01, "decay_fraction": 1.0}
    )
    sizes = {"generator_width": 16, "critic_width": 16, "training": training}
    params = params.model_copy(update=sizes)
    manipulator = fresh(params, windows.signal)
    go(manipulator, windows, params, tmp_path)
    source = windows.signal[:12]
    levels = {
        emotion: manipulator.restyle(source, manipulator.label_style(emotion))[:, 1:].mean().item()
        for emotion in ("neutral", "happy", "surprised")
    }
    assert levels["happy"] < levels["neutral"] < levels["surprised"]
    assert levels["surprised"] - levels["happy"] > 0.2  # 0.4 apart
