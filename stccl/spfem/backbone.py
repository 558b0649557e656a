"""What every SPFEM backbone offers: it learns with or without STCCL, and then changes clips."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from stccl.clip import Clip
from stccl.metric.loss import STCCLLoss
from stccl.params import Params
from stccl.spfem.registry import BACKBONES
from stccl.tables.png import Image
from stccl.training.record import Progress, Report

Show = Callable[[str, Image], None]


@dataclass(frozen=True)
class Emotion:
    """An emotion by its name; how it looks is what training clips had in common."""

    name: str


@dataclass(frozen=True)
class Example:
    """A clip that shows how the emotion looks; tables of it are in `data`."""

    data: Path
    clip: str


class Spfem(Protocol):
    """A trained model."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Whose clips it can change, as `<dataset>-<speaker>`."""

    def manipulate(
        self, data: Path, clip: str, speaker: str, style: Emotion | Example
    ) -> Iterator[tuple[Image, bool]]:
        """The full frames of a clip with another expression, and the same words on the lips.

        Args:
            data: Holds the clip's `frames`, `aligned` and `faces3d`.
            clip: Its name there.
            speaker: One of `speakers`.
            style: The expression.

        Yields:
            Every frame, and whether it was changed: one without a fitted face stays as it is.

        Raises:
            StcclError: For an unknown emotion or speaker, a clip without a fit, or one of another
                face model.
        """


@dataclass(frozen=True)
class Lesson:
    """What a training is given.

    Attributes:
        data: The data folder.
        clips: To learn from.
        params: All parameters.
        seed: Of everything random.
        scratch: Where an interrupted training is kept; nothing in it is a result.
        fingerprint: Of everything the result depends on.
        progress: Called as (steps done, steps).
        report: Called as (step, values) for the curves.
        show: Called as (name, picture) for samples along the way.
    """

    data: Path
    clips: Sequence[Clip]
    params: Params
    seed: int
    scratch: Path
    fingerprint: str
    progress: Progress
    report: Report
    show: Show


class Backbone(Protocol):
    """How a kind of model is trained and read; a module with these functions will do."""

    def pretrain(self, lesson: Lesson, metric: STCCLLoss, folder: Path) -> None:
        """Learn from other speakers what all faces have in common, without supervision.

        Args:
            lesson: Clips of the metric's speakers.
            metric: The trained metric, for what a backbone may want its features for.
            folder: Where the result goes.
        """

    def train(
        self,
        lesson: Lesson,
        metric: STCCLLoss,
        meshes: STCCLLoss | None,
        images: STCCLLoss | None,
        pretrained: Path,
        folder: Path,
    ) -> None:
        """Learn the SPFEM speakers.

        Args:
            lesson: Their training clips.
            metric: As in `pretrain`.
            meshes: Supervises 3-D faces; None leaves that out.
            images: Supervises pictures; None leaves that out.
            pretrained: What `pretrain` made.
            folder: Where the result goes.
        """

    def load(self, folder: Path) -> Spfem:
        """A trained model.

        Raises:
            StcclError: Where there is none, or not all of it.
        """


def backbone(name: str) -> Backbone:
    """The backbone of a name in `BACKBONES`."""
    found: Backbone = import_module(BACKBONES[name])
    return found
