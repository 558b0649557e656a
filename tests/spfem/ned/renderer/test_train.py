"""Training: what a step draws, that it learns, and that an interruption costs nothing."""

from itertools import islice

import numpy as np
import pytest
import torch

from stccl.errors import StageError
from stccl.metric.config import STCCLConfig
from stccl.metric.loss import STCCLLoss, initial
from stccl.spfem.ned.renderer.conditions import conditions
from stccl.spfem.ned.renderer.footage import Footage, as_pictures
from stccl.spfem.ned.renderer.perceptual import BackbonePerceptual
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.texture import Texture, look_up
from stccl.spfem.ned.renderer.train import chunks, train
from stccl.training.resume import Checkpoint
from tests.spfem.ned.renderer.conftest import CLIPS


@pytest.fixture(scope="module")
def metric() -> STCCLLoss:
    config = STCCLConfig(
        size_px=40,
        blocks=(1, 1, 1, 1),
        widths=(16, 16, 16, 16),
        centres=(3, 3, 2, 1),
        positions=(9, 8, 4, 1),
        supervision_precision="32-true",
    )
    return initial(config, 0).freeze()


def run(made, config, training, backbone, path, steps, *, metric=None, start=None, report=None):
    renderer = start or Renderer.initial(config, 0)
    records, pictures = [], []
    train(
        renderer,
        Footage(made, CLIPS, config, 100),
        training,
        steps=steps,
        seed=5,
        perceptual=BackbonePerceptual(backbone),
        supervision=metric,
        checkpoint=Checkpoint(path, "this"),
        progress=lambda done, total: None,
        report=report or (lambda step, record: records.append((step, record))),
        show=lambda step, picture: pictures.append((step, picture)),
    )
    return renderer, records, pictures


def test_the_plan_of_chunks(training):
    params = training.model_copy(
        update={"sequence_frames": 4, "longest_sequence_frames": 10, "chunk_frames": 4}
    )
    plan = list(islice(chunks(params), 9))
    assert [(c.sequence, c.frames, c.start, c.stop) for c in plan] == [
        (0, 4, 0, 4), (1, 4, 0, 4), (2, 4, 0, 4), (3, 4, 0, 4),
        (4, 8, 0, 4), (4, 8, 4, 8), (5, 8, 0, 4), (5, 8, 4, 8),
        (6, 10, 0, 4),
    ]  # fmt: skip


def test_an_interruption_costs_nothing(made, config, training, backbone, metric, tmp_path):
    """Interrupted within a sequence, and again at the bit it would have been."""

    class Stop(Exception):
        pass

    def interrupted(step, record):
        if step == 7:  # the checkpoint is from within a sequence
            raise Stop

    arguments = (made, config, training, backbone)
    whole, records, pictures = run(*arguments, tmp_path / "a", 8, metric=metric)
    with pytest.raises(Stop):
        run(*arguments, tmp_path / "b", 8, metric=metric, report=interrupted)
    resumed, again, _ = run(*arguments, tmp_path / "b", 8, metric=metric)
    assert again == records
    assert [step for step, _ in records] == list(range(1, 9))
    state = resumed.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in whole.state_dict().items())
    assert [step for step, _ in pictures] == [2, 4, 6, 8]
    height, width = config.picture_px
    assert pictures[0][1].shape == (2 * height, 4 * width, 3)
    assert pictures[0][1].dtype == np.uint8
    assert not resumed.training


def test_another_trainings_checkpoint_is_ignored(tmp_path):
    Checkpoint(tmp_path / "a", "this").save(records=[])
    assert Checkpoint(tmp_path / "a", "this").load() == {"fingerprint": "this", "records": []}
    assert Checkpoint(tmp_path / "a", "that").load() is None
    (tmp_path / "a").write_bytes(b"half")
    assert Checkpoint(tmp_path / "a", "this").load() is None


@pytest.mark.slow
def test_it_learns(made, config, training, backbone, tmp_path):
    params = training.model_copy(update={"supervision_weight": 0.0, "double_every_steps": 1000})
    ignorant = config.model_copy(update={"textured": False})
    _, records, _ = run(made, ignorant, params, backbone, tmp_path / "a", 60)
    pixels = [record["pixel"] for _, record in records]
    assert np.mean(pixels[-10:]) < 0.6 * np.mean(pixels[:5])


def test_every_term_is_there_and_supervision_reaches_the_generator(
    made, config, training, backbone, metric, tmp_path
):
    names = {
        "adversarial_image", "adversarial_mouth", "features_image", "features_mouth",
        "perceptual", "pixel", "supervision", "discriminator_image", "discriminator_mouth",
    }  # fmt: skip
    only = {f"{kind}_weight": 0.0 for kind in ("adversarial", "feature", "perceptual", "pixel")}
    params = training.model_copy(update=only)
    before = Renderer.initial(config, 0).generator.state_dict()
    trained, records, _ = run(made, config, params, backbone, tmp_path / "a", 1, metric=metric)
    assert set(records[0][1]) == names - {"perceptual", "pixel"}
    after = trained.generator.state_dict()
    key = "model_final_img.1.weight"
    assert not torch.equal(before[key], after[key])
    assert all(p.grad is None for p in metric.parameters())
    _, records, _ = run(made, config, training, backbone, tmp_path / "b", 1, metric=metric)
    assert set(records[0][1]) == names


def test_a_speakers_own_begins_with_the_meta_renderer(made, config, training, backbone, tmp_path):
    meta, _, _ = run(made, config, training, backbone, tmp_path / "a", 2)
    meta.save(tmp_path / "meta")
    one = run(made, config, training, backbone, tmp_path / "b", 1, start=meta)
    two = run(
        made, config, training, backbone, tmp_path / "c", 1, start=Renderer.load(tmp_path / "meta")
    )
    assert one[1] == two[1]


def test_pictures_begin_with_the_texture_of_their_own_speaker(
    made, config, training, backbone, footage, tmp_path
):
    still = training.model_copy(update={"shift": 0.0, "scale": 0.0, "chunk_frames": 4})
    start = Renderer.initial(config, 0)
    torch.nn.init.zeros_(start.generator.model_final_img[1].weight)
    torch.nn.init.zeros_(start.generator.model_final_img[1].bias)
    trained, records, _ = run(made, config, still, backbone, tmp_path / "a", 1, start=start)
    textures = footage.textures()
    assert not any(part.any() for part in trained.texture), "of several speakers it is nobody's"
    errors = masks = 0.0
    for number in range(still.batch_sequences):
        passage = footage.draw_passage(np.random.default_rng([5, 0, 0, number]), 4)
        shots = footage.read(passage, 0, 4)
        told = conditions(shots.images[2:])
        texture = textures[footage.speakers[passage.track]]
        four = Texture(*(torch.stack([part] * 4) for part in texture))
        begun = look_up(four, told[:, :3], told[:, -1:], shots.landmarks_px[2:])
        begun = begun.clamp(-0.97, 0.97)
        off = (begun - as_pictures(shots.targets[2:])).abs() * told[:, -1:]
        errors, masks = errors + off.sum().item(), masks + 3 * told[:, -1:].sum().item()
    assert records[0][1]["pixel"] == pytest.approx(still.pixel_weight * errors / masks, rel=1e-4)


def test_the_texture_of_a_renderers_only_speaker_is_its_own(
    made, config, training, backbone, footage, tmp_path
):
    renderer = Renderer.initial(config, 0)
    train(
        renderer,
        Footage(made, CLIPS[1:], config, 100),
        training,
        steps=1,
        seed=5,
        perceptual=BackbonePerceptual(backbone),
        checkpoint=Checkpoint(tmp_path / "a", "this"),
        progress=lambda done, total: None,
        report=lambda step, record: None,
        show=lambda step, picture: None,
    )
    for kept, own in zip(renderer.texture, footage.textures()["made-B"], strict=True):
        assert torch.equal(kept, own)


def test_a_loss_that_is_not_finite_ends_it(made, config, training, backbone, tmp_path):
    broken = Renderer.initial(config, 0)
    broken.generator.model_final_img[1].weight.data.fill_(float("nan"))
    with pytest.raises(StageError, match=r"at step 1 is (nan|inf|-inf); lower"):
        run(made, config, training, backbone, tmp_path / "a", 1, start=broken)
