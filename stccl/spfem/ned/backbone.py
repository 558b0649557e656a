"""NED as an SPFEM backbone: see `stccl.spfem.backbone.Backbone`.

One manipulator for all speakers learns what emotions do to coefficients; a renderer for each
speaker, begun from one for all faces, makes pictures of them. Source: Papantoniou et al., "Neural
emotion director" (CVPR 2022).
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stccl.errors import StcclError
from stccl.fit.identities import speaker_key
from stccl.fit.models import face_model
from stccl.metric.loss import STCCLLoss
from stccl.spfem.backbone import Emotion, Example, Lesson
from stccl.spfem.eyes import with_usual_eyes
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.rendered import RenderedLoss
from stccl.spfem.ned.manipulator.signal import signal_of, with_signal
from stccl.spfem.ned.manipulator.takes import EMOTIONS, TrainingWindows, read_take
from stccl.spfem.ned.manipulator.train import train as train_manipulator
from stccl.spfem.ned.renderer.conditions import to_pictures as crop_to_pictures
from stccl.spfem.ned.renderer.footage import Footage
from stccl.spfem.ned.renderer.painted import painted
from stccl.spfem.ned.renderer.perceptual import BackbonePerceptual, VGGPerceptual
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.track import FaceTrack, read_track
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import Image
from stccl.training.record import Report
from stccl.training.resume import Checkpoint

_SPEAKERS = "speakers.json"
_MANIPULATOR = "manipulator"
_RENDERERS = "renderers"
_EYES = slice(36, 48)
"""Of the 68 landmarks."""


def pretrain(lesson: Lesson, metric: STCCLLoss, folder: Path) -> None:
    """Train the meta-renderer."""
    settings = lesson.params.spfem.ned.renderer
    steps = settings.training.meta_steps
    renderer = Renderer.initial(settings.config, lesson.seed)
    _train_renderer(renderer, lesson, "meta", (0, steps, steps), metric, None)
    renderer.save(folder)
    shutil.rmtree(lesson.scratch, ignore_errors=True)


def train(
    lesson: Lesson,
    metric: STCCLLoss,
    meshes: STCCLLoss | None,
    images: STCCLLoss | None,
    pretrained: Path,
    folder: Path,
) -> None:
    """Train the manipulator, then fine-tune a renderer for each speaker."""
    ned = lesson.params.spfem.ned
    ordered = sorted(lesson.clips, key=lambda clip: clip.clip)
    speakers = {name: list(clips) for name, clips in groupby(ordered, key=speaker_key)}
    first, each = ned.manipulator.training.steps, ned.renderer.training.speaker_steps
    total = first + each * len(speakers)
    manipulator = _train_manipulator(lesson, meshes, total)
    manipulator.save(folder / _MANIPULATOR)
    for number, (speaker, clips) in enumerate(speakers.items()):
        renderer = Renderer.load(pretrained)
        steps = (first + number * each, each, total)
        own = replace(lesson, clips=clips)
        _train_renderer(renderer, own, speaker, steps, metric, images)
        renderer.save(folder / _RENDERERS / speaker)
    # Written last: with it the model is whole.
    (folder / _SPEAKERS).write_text(json.dumps(list(speakers)) + "\n", encoding="utf-8")
    shutil.rmtree(lesson.scratch, ignore_errors=True)


def load(folder: Path) -> "Ned":
    """A trained model.

    Raises:
        StcclError: Where there is none, or not all of it.
    """
    try:
        speakers = json.loads((folder / _SPEAKERS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StcclError(
            f"{folder}: no trained model, or only half of one ({error}); train it with "
            "`dvc repro spfem`"
        ) from None
    return Ned(folder, Manipulator.load(folder / _MANIPULATOR), tuple(speakers))


class Ned:
    """A trained NED: see `stccl.spfem.backbone.Spfem`.

    Args:
        folder: Holds the renderers.
        manipulator: Stage one.
        speakers: Whose renderers there are.
    """

    def __init__(self, folder: Path, manipulator: Manipulator, speakers: tuple[str, ...]) -> None:
        self._folder = folder
        self._manipulator = manipulator
        self.speakers = speakers

    def manipulate(
        self, data: Path, clip: str, speaker: str, style: Emotion | Example
    ) -> Iterator[tuple[Image, bool]]:
        """See `Spfem.manipulate`."""
        track = read_track(data, clip)
        self._check(track)
        wanted = self._style(style)
        signal = signal_of(track.coefficients)
        shown = with_signal(
            track.coefficients,
            torch.cat(
                [
                    self._manipulator.restyle(signal[a:b], wanted, ends="blended")
                    for a, b in track.runs()
                ]
            ),
        )
        renderer = _renderer(self._folder / _RENDERERS / speaker)
        to_pictures = crop_to_pictures(track, renderer.config).numpy()
        eyes_px = _eyes_px(data, track) if renderer.config.keeps_eyes else None
        faces = painted(track, shown, renderer, eyes_px)
        place = dict(zip(track.frames.tolist(), range(len(track.frames)), strict=True))
        with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as frames:
            for number, frame in enumerate(frames):
                assert frame is not None
                if number not in place:
                    yield frame, False
                    continue
                at = place[number]
                eyes = None if eyes_px is None else eyes_px[at]
                yield next(faces).into(frame, to_pictures[at], eyes, renderer.config.size_px), True

    def _style(self, style: Emotion | Example) -> Tensor:
        if isinstance(style, Emotion):
            return self._manipulator.emotion_style(style.name)
        track = read_track(style.data, style.clip)
        self._check(track)
        signal = signal_of(track.coefficients)
        return self._manipulator.reference_style(*(signal[a:b] for a, b in track.runs()))

    def _check(self, track: FaceTrack) -> None:
        wanted = self._manipulator.config.face_model
        if track.model != wanted:
            raise StcclError(
                f"{track.clip}: fitted with the face model {track.model}, and the model is trained "
                f"for {wanted}; set fit.model to {wanted}, or train again"
            )


def _train_manipulator(lesson: Lesson, meshes: STCCLLoss | None, total: int) -> Manipulator:
    settings = lesson.params.spfem.ned.manipulator
    takes = [read_take(lesson.data, clip) for clip in lesson.clips]
    windows = TrainingWindows(takes, settings.window_frames, settings.latent, lesson.seed)
    model = face_model(windows.face_model)
    config = settings.config(windows.face_model, len(model.expression_names))
    manipulator = Manipulator.initial(config, lesson.seed, windows.signal)
    train_manipulator(
        manipulator,
        windows,
        settings,
        supervision=None
        if meshes is None
        else RenderedLoss(meshes, model, settings.supervision, lesson.seed),
        checkpoint=Checkpoint(lesson.scratch / f"{_MANIPULATOR}.ckpt", lesson.fingerprint),
        progress=lambda done, _: lesson.progress(done, total),
        report=_named(_MANIPULATOR, lesson),
    )
    manipulator.learn_styles(
        {
            emotion: [
                signal_of(take.coefficients)[first:stop]
                for take in takes
                if take.emotion == emotion
                for first, stop in take.runs()
            ]
            for emotion in EMOTIONS
        }
    )
    return manipulator


def _train_renderer(
    renderer: Renderer,
    lesson: Lesson,
    name: str,
    steps: tuple[int, int, int],
    metric: STCCLLoss,
    images: STCCLLoss | None,
) -> None:
    """Train a renderer; `steps` are those done before, its own, and all there are."""
    # Lightning takes five seconds to import, and who manipulates a clip would wait for it.
    from stccl.spfem.ned.renderer.train import train as train_renderer

    settings = lesson.params.spfem.ned.renderer
    training = settings.training
    before, own, total = steps
    train_renderer(
        renderer,
        Footage(lesson.data, lesson.clips, settings.config, training.cached_frames),
        training,
        steps=own,
        seed=lesson.seed,
        perceptual=VGGPerceptual(Path(training.vgg19))
        if training.vgg19
        else BackbonePerceptual(metric.backbone, metric.config.size_px / settings.size_px),
        supervision=images,
        checkpoint=Checkpoint(lesson.scratch / f"{name}.ckpt", lesson.fingerprint),
        progress=lambda done, _: lesson.progress(before + done, total),
        report=_named(f"renderer/{name}", lesson),
        show=lambda step, picture: lesson.show(f"{name}-{step:06d}", picture),
    )


def _eyes_px(data: Path, track: FaceTrack) -> NDArray[np.float64]:
    """(N, 2, 12, 2) points of the eyes in the frames of a track: see `with_usual_eyes`."""
    path = data / "landmarks" / f"{track.clip}.parquet"
    rows = read_table(path, "landmarks", ["points"])["points"].take(track.frames).to_pylist()
    eyes = np.array(rows, np.float64).reshape(-1, 68, 2)[:, _EYES].reshape(-1, 2, 6, 2)
    return with_usual_eyes(eyes)


def _named(part: str, lesson: Lesson) -> Report:
    """Curves of one part of the training among those of the others."""

    def report(step: int, values: dict[str, float]) -> None:
        lesson.report(step, {f"{part}/{name}": value for name, value in values.items()})

    return report


@lru_cache(maxsize=4)
def _renderer(folder: Path) -> Renderer:
    return Renderer.load(folder)
