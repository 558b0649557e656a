"""Training of the renderer: many speakers first, then one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import NamedTuple, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from stccl.metric.loss import STCCLLoss
from stccl.metric.precision import precision_of
from stccl.metric.sampling import draw_locations
from stccl.spfem.ned.renderer.conditions import conditions
from stccl.spfem.ned.renderer.discriminator import Discriminator
from stccl.spfem.ned.renderer.footage import Footage, Passage, Shots, as_pictures
from stccl.spfem.ned.renderer.generator import WINDOW_FRAMES
from stccl.spfem.ned.renderer.losses import (
    Levels,
    adversarial,
    discrimination,
    feature_matching,
    pixel,
)
from stccl.spfem.ned.renderer.noise import jitter
from stccl.spfem.ned.renderer.params import RendererTrainingParams
from stccl.spfem.ned.renderer.regions import centres, crops
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.texture import Texture, look_up
from stccl.tables.png import Image
from stccl.training.rate import rate_left
from stccl.training.record import Progress, Record, Report, require_finite
from stccl.training.resume import Checkpoint

Perceptual = Callable[[Tensor, Tensor], Tensor]

_BEFORE = WINDOW_FRAMES - 1
_SHOWN = 8


class Chunk(NamedTuple):
    """What a step learns from: frames `start` to `stop - 1` of sequences of `frames`."""

    sequence: int
    frames: int
    start: int
    stop: int


def chunks(params: RendererTrainingParams) -> Iterator[Chunk]:
    """The chunk of every step, without end: a function of the parameters alone.

    Sequences become twice as long every `double_every_steps`, up to the longest.
    """
    step = sequence = 0
    while True:
        doublings = step // params.double_every_steps
        frames = min(params.sequence_frames * 2**doublings, params.longest_sequence_frames)
        for start in range(0, frames, params.chunk_frames):
            yield Chunk(sequence, frames, start, min(start + params.chunk_frames, frames))
            step += 1
        sequence += 1


def train(
    renderer: Renderer,
    footage: Footage,
    params: RendererTrainingParams,
    *,
    steps: int,
    seed: int,
    perceptual: Perceptual,
    supervision: STCCLLoss | None = None,
    checkpoint: Checkpoint,
    progress: Progress,
    report: Report,
    show: Callable[[int, Image], None],
) -> None:
    """Train in place, generator and discriminators together.

    A meta-renderer begins with `Renderer.initial` and sees many speakers; a speaker's own begins
    with the saved meta-renderer and sees that speaker.

    Every step generates some frames of some sequences, one after the other: each is told of the
    two generated before it, as constants. Source: NED, Section 3.3 and its published trainer.

    Args:
        renderer: What is trained.
        footage: What to learn from.
        params: How.
        steps: Optimiser steps.
        seed: Of the order of sequences and the noise.
        perceptual: How unlike two batches of pictures look, (N, 3, H, W) in [-1, 1]:
            `VGGPerceptual` or `BackbonePerceptual`.
        supervision: A frozen metric that compares the generated frames with the real ones.
        checkpoint: Where to keep what an interruption must not cost.
        progress: Called as (steps done, steps).
        report: Called as (step, record) after every step, a resumed training's past included.
        show: Called as (step, picture) with sample pictures: of each sequence NMFC, shape,
            generated and real.

    Raises:
        StageError: Where a loss is no longer finite, or no clip is long enough.
    """
    training = _Training(renderer, footage, params, seed, perceptual, supervision)
    training.run(steps, checkpoint, progress, report, show)


class _Training:
    def __init__(
        self,
        renderer: Renderer,
        footage: Footage,
        params: RendererTrainingParams,
        seed: int,
        perceptual: Perceptual,
        supervision: STCCLLoss | None,
    ) -> None:
        self._fabric = Fabric(
            accelerator=params.accelerator,
            devices=1,
            precision=precision_of(params.precision, params.accelerator),  # type: ignore[arg-type]
        )
        self._renderer = renderer.to(self._fabric.device)
        self._footage = footage
        self._params = params
        self._seed = seed
        self._textures: dict[str, Texture] = {}
        if renderer.texture is not None:
            found = footage.textures()
            # What one's components are is nobody else's business: there is no mean of several.
            kept = next(iter(found.values())) if len(found) == 1 else Texture.empty()
            for old, new in zip(renderer.texture, kept, strict=True):
                old.copy_(new)
            self._textures = {
                speaker: Texture(*(part.to(self._fabric.device) for part in texture))
                for speaker, texture in found.items()
            }
        self._perceptual, self._supervision = perceptual, supervision
        for judge in (perceptual, supervision):
            if isinstance(judge, nn.Module):
                judge.to(self._fabric.device)
        self._optimizers = [
            torch.optim.Adam(part.parameters(), params.learning_rate, (0.5, 0.999), fused=True)
            for part in (renderer.generator, renderer.discriminators)
        ]

    def run(
        self,
        steps: int,
        checkpoint: Checkpoint,
        progress: Progress,
        report: Report,
        show: Callable[[int, Image], None],
    ) -> None:
        params, device = self._params, self._fabric.device
        records: list[Record] = []
        previous = torch.zeros(0)
        saved = checkpoint.load()
        if saved is not None:
            self._renderer.load_state_dict(saved["renderer"])
            for optimizer, state in zip(self._optimizers, saved["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            records, previous = saved["records"], saved["previous"].to(device)
            for done, record in enumerate(records, start=1):
                report(done, record)
        self._renderer.train()
        for step, chunk in enumerate(islice(chunks(params), len(records), steps), len(records)):
            self._set_rate(step, steps)
            passages = self._passages(chunk)
            shots = self._read(passages, chunk)
            if chunk.start == 0:
                size = (len(shots.images), _BEFORE, 3, *self._renderer.config.picture_px)
                previous = torch.zeros(size, device=device)
            told = self._told(shots, step)
            textures = self._textures_of(passages)
            generated, previous = self._generate(told, previous, shots.landmarks_px, textures)
            records.append(self._learn(step, told, generated, shots))
            done = step + 1
            report(done, records[-1])
            if done % params.pictures_every_steps == 0 or done == steps:
                show(done, _samples(told, generated, shots.targets))
            if done % params.checkpoint_every_steps == 0 or done == steps:
                checkpoint.save(
                    renderer=self._renderer.state_dict(),
                    optimizers=[optimizer.state_dict() for optimizer in self._optimizers],
                    records=records,
                    previous=previous,
                )
            progress(done, steps)
        self._renderer.cpu().eval()

    def _set_rate(self, step: int, steps: int) -> None:
        share = rate_left(step, steps, self._params.decay)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._params.learning_rate * share

    def _passages(self, chunk: Chunk) -> list[Passage]:
        return [
            self._footage.draw_passage(
                np.random.default_rng([self._seed, 0, chunk.sequence, number]), chunk.frames
            )
            for number in range(self._params.batch_sequences)
        ]

    def _textures_of(self, passages: list[Passage]) -> Texture | None:
        if not self._textures:
            return None
        whose = [self._textures[self._footage.speakers[passage.track]] for passage in passages]
        return Texture(*(torch.stack(parts) for parts in zip(*whose, strict=True)))

    def _read(self, passages: list[Passage], chunk: Chunk) -> Shots:
        """(B, K + 2, …) of images and landmarks, (B, K + 2, …) of targets."""
        read = [self._footage.read(passage, chunk.start, chunk.stop) for passage in passages]
        return Shots(
            *(torch.stack(each).to(self._fabric.device) for each in zip(*read, strict=True))
        )

    def _told(self, shots: Shots, step: int) -> Tensor:
        random = np.random.default_rng([self._seed, 1, step])
        images = shots.images.flatten(0, 1).float() / 255
        noisy = jitter(images, self._params.shift, self._params.scale, random)
        return torch.unflatten(conditions(noisy), 0, shots.images.shape[:2])

    def _generate(
        self, told: Tensor, previous: Tensor, landmarks_px: Tensor, textures: Texture | None
    ) -> tuple[Tensor, Tensor]:
        """(B, K, 3, H, W), and the last two of them as constants."""
        generated = []
        for frame in range(told.shape[1] - _BEFORE):
            window = told[:, frame : frame + WINDOW_FRAMES].flatten(1, 2)
            now = frame + _BEFORE
            begun = None
            if textures is not None:
                nmfc, mask = told[:, now, :3], told[:, now, -1:]
                begun = look_up(textures, nmfc, mask, landmarks_px[:, now])
            with self._fabric.autocast():
                picture = self._renderer.generator(
                    window.contiguous(memory_format=torch.channels_last),
                    previous.flatten(1, 2).contiguous(memory_format=torch.channels_last),
                    begun,
                )
            generated.append(picture.float())
            previous = torch.cat((previous[:, 1:], generated[-1].detach()[:, None]), 1)
        return torch.stack(generated, 1), previous

    def _learn(self, step: int, told: Tensor, generated: Tensor, shots: Shots) -> Record:
        real = as_pictures(shots.targets[:, _BEFORE:])
        told = told[:, _BEFORE:].flatten(0, 1)
        pictures, truth = generated.flatten(0, 1), real.flatten(0, 1)
        views = self._views(shots.landmarks_px[:, _BEFORE:].flatten(0, 1))
        with self._fabric.autocast():
            errors, levels = self._discriminate(told, pictures.detach(), truth, views)
            terms = self._deceive(told, pictures, views, levels)
            terms |= self._compare(pictures, truth, told[:, -1:])
            if self._supervision is not None and self._params.supervision_weight:
                terms["supervision"] = self._supervise(step, generated, real)
        record = {name: float(value.detach()) for name, value in (terms | errors).items()}
        remedy = "lower training.learning_rate or set training.precision to 32-true"
        require_finite(record, "renderer", step + 1, remedy)
        for optimizer, losses in zip(self._optimizers, (terms, errors), strict=True):
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        for optimizer in self._optimizers:
            optimizer.step()
        return record

    def _views(self, landmarks_px: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
        """What each discriminator sees of an image."""
        config = self._renderer.config
        views: dict[str, Callable[[Tensor], Tensor]] = {"image": lambda images: images}
        for region in config.regions:
            where = centres(landmarks_px, region)
            views[region] = partial(crops, centres_px=where, side_px=config.region_px)
        return views

    def _discriminate(
        self,
        told: Tensor,
        pictures: Tensor,
        truth: Tensor,
        views: dict[str, Callable[[Tensor], Tensor]],
    ) -> tuple[dict[str, Tensor], dict[str, Levels]]:
        """What the discriminators learn by, and their features of the real pictures."""
        errors: dict[str, Tensor] = {}
        features: dict[str, Levels] = {}
        # Statistics are each image's own: one pass for both is as two.
        both = torch.cat((torch.cat((told, truth), 1), torch.cat((told, pictures), 1)))
        for name, view in views.items():
            half = len(told)
            seen = torch.cat((view(both[:half]), view(both[half:])))
            levels = self._discriminator(name)(seen)
            real = [[layer[:half] for layer in scale] for scale in levels]
            generated = [[layer[half:] for layer in scale] for scale in levels]
            errors[f"discriminator_{name}"] = discrimination(real, generated)
            features[name] = real
        return errors, features

    def _deceive(
        self,
        told: Tensor,
        pictures: Tensor,
        views: dict[str, Callable[[Tensor], Tensor]],
        real: dict[str, Levels],
    ) -> dict[str, Tensor]:
        """What the generator learns from the discriminators."""
        params, terms = self._params, {}
        shown = torch.cat((told, pictures), 1)
        with _constant(self._renderer.discriminators):
            for name, view in views.items():
                levels = self._discriminator(name)(view(shown))
                fooled, matched = (
                    adversarial(levels, real=True),
                    feature_matching(levels, real[name]),
                )
                terms[f"adversarial_{name}"] = params.adversarial_weight * fooled
                terms[f"features_{name}"] = params.feature_weight * matched
        return terms

    def _compare(self, pictures: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
        params, terms = self._params, {}
        if params.perceptual_weight:
            terms["perceptual"] = params.perceptual_weight * self._perceptual(pictures, truth)
        if params.pixel_weight:
            terms["pixel"] = params.pixel_weight * pixel(pictures, truth, mask)
        return terms

    def _supervise(self, step: int, generated: Tensor, real: Tensor) -> Tensor:
        assert self._supervision is not None
        config = self._supervision.config
        size = (config.size_px, config.size_px)
        seed = np.random.SeedSequence([self._seed, 2, step]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(seed))
        terms = self._supervision(
            _in_size(generated, size),
            _in_size(real, size),
            locations=draw_locations(*size, config, generator),
        )
        return self._params.supervision_weight * cast(Tensor, terms.total)

    def _discriminator(self, name: str) -> Discriminator:
        return cast(Discriminator, self._renderer.discriminators[name])


@contextmanager
def _constant(module: nn.Module) -> Iterator[None]:
    """Gradients pass through it, and none stay in it."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


def _in_size(clips: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, T, 3, H, W) in the size the metric was trained on."""
    if clips.shape[-2:] == size:
        return clips
    images = functional.interpolate(
        clips.flatten(0, 1), size, mode="bilinear", align_corners=False, antialias=True
    )
    return torch.unflatten(images, 0, clips.shape[:2]).clamp(-1, 1)


def _samples(told: Tensor, generated: Tensor, targets: Tensor) -> Image:
    """A row of each sequence's last frame: NMFC, shape, generated, real."""
    last = told[:_SHOWN, -1]
    picture = generated.detach()[:_SHOWN, -1] / 2 + 0.5
    real = targets[:_SHOWN, -1].float() / 255
    rows = torch.cat((last[:, :3], last[:, 6:9], picture, real), -1)
    image = rows.movedim(1, -1).flatten(0, 1) * 255
    return cast(Image, image.round().clamp(0, 255).to(torch.uint8).cpu().numpy())
