import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from stccl.errors import StcclError
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.params import ManipulatorConfig
from stccl.spfem.ned.manipulator.signal import Scale
from stccl.spfem.ned.manipulator.takes import EMOTIONS
from tests.spfem.ned.manipulator.conftest import EXPRESSIONS
from tests.spfem.ned.manipulator.published import contract, noise, small_noise


class _Shift(nn.Module):
    """In place of the generator: adds the style's first number to what it sees."""

    def forward(self, window, style):
        return window + style[:, None, :1]


def signal(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(frames, 1 + EXPRESSIONS, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 30), st.floats(-1, 1))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_windows_are_normalised_translated_and_put_together(small, frames, shift):
    source = signal(frames)
    spread = torch.arange(1.0, 2 + EXPRESSIONS)
    small.scale = Scale(spread / 7, spread, spread - 99, spread + 99)
    small.networks.generator = _Shift()
    found = small.restyle(source, torch.full((3,), shift))
    torch.testing.assert_close(found, source + shift * spread)


def test_it_stays_within_what_was_seen(small):
    scale = Scale.of(signal(50, seed=1))
    small.scale = scale
    small.networks.generator = _Shift()
    found = small.restyle(signal(20), torch.full((3,), 1000.0))
    assert torch.equal(found, scale.high.expand(20, -1))


def test_styles_of_a_label_differ_by_seed_and_emotion(small):
    sad = small.label_style("sad", seed=1)
    assert torch.equal(sad, small.label_style("sad", seed=1))
    assert not torch.equal(sad, small.label_style("sad", seed=2))
    assert not torch.equal(sad, small.label_style("happy", seed=1))


def test_the_style_of_a_reference_is_that_of_its_windows(small):
    constant = torch.full((12, 1 + EXPRESSIONS), 0.3)
    with torch.no_grad():
        expected = small.networks.style_encoder(constant[None, :5])[0]
    torch.testing.assert_close(small.reference_style(constant), expected)
    # Eight windows of one performance outvote one of another.
    torch.testing.assert_close(small.reference_style(constant, signal(5)), expected)


def test_an_emotions_style_is_that_of_its_clips(small, tmp_path):
    clips = {"sad": [signal(9, 1), signal(14, 2)], "happy": [signal(3, 3)], "fear": []}
    small.learn_styles(clips)
    for emotion in ("sad", "happy"):
        style = small.emotion_style(emotion)
        assert torch.equal(style, small.reference_style(*clips[emotion]))
        assert not torch.equal(style, small.label_style(emotion))
    small.save(tmp_path)
    assert torch.equal(Manipulator.load(tmp_path).emotion_style("sad"), small.emotion_style("sad"))
    for missing in ("fear", "angry"):
        with pytest.raises(
            StcclError, match=f"learnt from shows '{missing}'; expected one of happy, sad, or a ref"
        ):
            small.emotion_style(missing)
    with pytest.raises(StcclError, match=r"^no emotion 'joy'"):
        small.emotion_style("joy")
    with pytest.raises(StcclError, match=r"^no emotion 'joy'"):
        small.learn_styles({"joy": [signal(3)]})


def test_who_learnt_from_no_clips_draws_styles_by_label(small):
    assert torch.equal(small.emotion_style("sad"), small.label_style("sad", seed=0))


def test_unknown_emotions_are_answered_with_the_known(small):
    with pytest.raises(
        StcclError, match=f"^no emotion 'joy'; expected one of {', '.join(EMOTIONS)}"
    ):
        small.label_style("joy")


@pytest.mark.parametrize("shape", [(9, 51), (9,), (0, 1 + EXPRESSIONS)])
def test_signals_of_another_model_are_refused(small, shape):
    with pytest.raises(StcclError, match=r"face model head takes \(frames, 5\)$"):
        small.restyle(torch.zeros(shape), torch.zeros(3))
    with pytest.raises(StcclError, match=r"takes \(frames, 5\)$"):
        small.reference_style(torch.zeros(shape))


def test_a_style_needs_a_reference(small):
    with pytest.raises(StcclError, match="at least one frame"):
        small.reference_style()


def test_saved_and_loaded_it_is_the_same(small, tmp_path):
    small.scale = Scale.of(signal(50, seed=1))
    for folder in ("a", "b"):
        small.save(tmp_path / folder)
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = Manipulator.load(tmp_path / "a")
    assert loaded.config == small.config
    style = small.label_style("fear")
    assert torch.equal(style, loaded.label_style("fear"))
    assert torch.equal(loaded.restyle(signal(17), style), small.restyle(signal(17), style))


def test_what_is_no_manipulator_is_named(small, tmp_path):
    with pytest.raises(StcclError, match="no manipulator that can be used"):
        Manipulator.load(tmp_path)
    small.save(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"style": 4}))
    with pytest.raises(StcclError, match=r"weights that do not fit config\.json: .*another shape"):
        Manipulator.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(StcclError, match="no manipulator that can be used"):
        Manipulator.load(tmp_path)


def published_file(path, *names):
    torch.save({name: small_noise(name) for name in names}, path)
    return path


def test_published_checkpoints_load(tmp_path):
    names = ("generator", "mapping_network", "style_encoder", "discriminator")
    manipulator = Manipulator.from_published(published_file(tmp_path / "04_nets.pth", *names))
    assert manipulator.config == ManipulatorConfig()
    for name in names:
        state = getattr(manipulator.networks, name).state_dict()
        assert list(state) == [key for key, _ in contract(name)]
        assert all(torch.equal(state[key], value) for key, value in small_noise(name).items())
    source = noise((10, 51), 7)
    style = manipulator.emotion_style("happy")
    assert torch.equal(style, manipulator.label_style("happy"))
    with torch.no_grad():
        expected = manipulator.networks.generator(source[None], style[None])[0]
    torch.testing.assert_close(manipulator.restyle(source, style), expected)


def test_a_published_file_may_lack_the_discriminator(tmp_path):
    path = published_file(tmp_path / "a.pth", "generator", "mapping_network", "style_encoder")
    first, second = Manipulator.from_published(path), Manipulator.from_published(path)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_other_files_are_refused(tmp_path):
    path = published_file(tmp_path / "a.pth", "generator")
    with pytest.raises(
        StcclError, match=r"a\.pth: not .*: no mapping_network, style_encoder in it"
    ):
        Manipulator.from_published(path)
    states = {name: small_noise(name) for name in ("generator", "mapping_network")}
    torch.save(states | {"style_encoder": small_noise("discriminator")}, path)
    with pytest.raises(StcclError, match=r"style_encoder: 2 keys of another shape \(seq2\.4"):
        Manipulator.from_published(path)


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_alone(params):
    config = params.config("head", EXPRESSIONS)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (Manipulator.initial(config, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [m.networks.generator.seq1[0].weight for m in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    seen = signal(9)
    scaled = Manipulator.initial(config, 1, seen)
    assert all(map(torch.equal, scaled.scale, Scale.of(seen)))
    assert all(map(torch.equal, first.scale, Scale.identity(1 + EXPRESSIONS)))
