"""The `download` stage: one dataset's clips, fetched, made or found, and listed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from stccl.clip import Clip
from stccl.download.card import CARDS, Card, read_card
from stccl.download.clip_id import clip_id
from stccl.download.fetch import fetch
from stccl.download.index import Found, Ignored, Index, index, walk
from stccl.download.params import DatasetParams, Speakers
from stccl.download.probe import Probed, probe_all
from stccl.errors import StageError
from stccl.params import Params
from stccl.runner import InOrder, Runner
from stccl.tables.io import write_table

Generator = Callable[[Path, Speakers, Mapping[str, Any], int, Runner], Any]
"""Makes the clips of a card: `(folder, speakers, edition, seed, runner)`."""

_IN_ORDER = InOrder()


@dataclass(frozen=True)
class DownloadSummary:
    """What a dataset gave.

    Attributes:
        sha256: Checksum of every file downloaded, by address, to be put into the card.
    """

    dataset: str
    clips: int
    speakers: int
    ignored: tuple[Ignored, ...]
    sha256: dict[str, str]

    def __str__(self) -> str:
        text = f"{self.dataset}: {self.clips} clips of {self.speakers} speakers"
        if self.ignored:
            text += f"; not used: {'; '.join(map(str, self.ignored))}"
        for url, digest in self.sha256.items():
            text += f"\n  {url} sha256: {digest}"
        return text


def run(
    name: str,
    data: Path,
    params: Params,
    runner: Runner = _IN_ORDER,
    cards: Path = CARDS,
) -> DownloadSummary:
    """Get a dataset's clips and list them in `<data>/raw/<name>.parquet`.

    Split and words are left empty; the `clips` stage assigns them. The table holds what was found,
    readable or not: a clip that cannot be read is rejected by `extract`, with its reason.

    Args:
        name: The dataset, a key of `params.datasets`.
        data: The data folder; clips that are fetched or made go to `<data>/raw/<name>/`.
        params: All parameters.
        runner: Shows bytes, then clips, done and in all, and spreads the making of clips.
        cards: Folder of the cards.

    Raises:
        StageError: Where the clips cannot be had, or none fits the card's pattern.
        ParamsError: For a dataset without a card, or a card that is wrong.
    """
    dataset = params.datasets[name]
    card = read_card(name, cards)
    card.protocol(dataset.protocol, name)
    root = Path(dataset.root)
    sha256: dict[str, str] = {}
    if _same(root, cards / name):
        root, sha256 = _obtain(name, card, dataset, data, params.run.seed, runner)
    if not root.is_dir():
        raise StageError(f"datasets.{name}.root: no such folder: {root}. {_how(name, card)}")
    listed = index(root, card, dataset.speakers)
    _check(name, card, dataset, root, listed)
    files = [(root / found.media, root / found.audio) for found in listed.found]
    probed = probe_all(files, data / "raw" / f".{name}.probed.json", runner.progress)
    project = data.parent
    clips = [
        _row(name, found, _listed(media, project), _listed(audio, project), facts)
        for found, (media, audio), facts in zip(listed.found, files, probed, strict=True)
    ]
    provenance = {
        "stage": "download",
        "dataset": name,
        "ignored": [vars(i) for i in listed.ignored],
    }
    write_table(data / "index" / f"{name}.parquet", "clips", map(vars, clips), provenance)
    speakers = {clip.speaker for clip in clips}
    return DownloadSummary(name, len(clips), len(speakers), listed.ignored, sha256)


def _listed(file: Path, project: Path) -> str:
    """A path for the table: the same wherever the project stands, as far as its root is."""
    if file.is_absolute() and not file.is_relative_to(project.absolute()):
        return str(file)
    return os.path.relpath(file, project)


def _same(root: Path, folder: Path) -> bool:
    return root.absolute() == folder.absolute() or root.resolve() == folder.resolve()


def _obtain(
    name: str, card: Card, dataset: DatasetParams, data: Path, seed: int, runner: Runner
) -> tuple[Path, dict[str, str]]:
    """Fetch or make the clips; the folder they are in, and checksums of what was downloaded."""
    folder = data / "raw" / name
    if card.ask is not None:
        raise StageError(f"datasets.{name}.root: {_how(name, card)}")
    if card.fetch is not None:
        got = fetch(card.fetch, dataset.speakers, folder, runner.progress)
        return folder, {url: fetched.sha256 for url, fetched in got.items()}
    assert card.generate is not None
    folder.mkdir(parents=True, exist_ok=True)
    generator: Generator = named(name, "generate", card.generate)
    generator(folder, dataset.speakers, card.edition(dataset.edition, name), seed, runner)
    return folder, {}


def named(dataset: str, key: str, reference: str) -> Any:
    """What a card names as `<module>:<function>`.

    Raises:
        StageError: Where it is not there.
    """
    module, function = reference.split(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise StageError(
            f"datasets/{dataset}/card.yaml: {key}: expected `<module>:<function>`, got "
            f"{reference!r}: {error}"
        ) from None


def _how(name: str, card: Card) -> str:
    """How to come by a dataset's clips."""
    if card.ask is None:
        return f"Set datasets.{name}.root to datasets/{name} to have it done for you"
    steps = " ".join(f"{number}. {step}" for number, step in enumerate(card.ask.steps, start=1))
    return f"{card.name} has to be put there by you: {steps}"


def _check(name: str, card: Card, dataset: DatasetParams, root: Path, listed: Index) -> None:
    if not listed.found:
        some = next(iter(walk(root)), None)
        because = "; ".join(map(str, listed.ignored)) or (
            f"it holds files such as {some}" if some else "it is empty"
        )
        asked = "" if dataset.speakers == "all" else f" of {', '.join(dataset.speakers)}"
        raise StageError(
            f"datasets.{name}.root: no clip{asked} under {root}: looked for paths that fit "
            f"{card.pattern}; {because}. {_how(name, card)}"
        )
    if dataset.speakers != "all":
        there = {found.speaker for found in listed.found}
        if missing := [speaker for speaker in dataset.speakers if speaker not in there]:
            raise StageError(
                f"datasets.{name}.speakers: no clip of {', '.join(missing)} under {root}; "
                "leave them out, or add their clips"
            )


def _row(name: str, found: Found, media: str, audio: str, facts: Probed) -> Clip:
    return Clip(
        clip=clip_id(name, found.speaker, found.emotion, found.level, found.sentence, found.take),
        dataset=name,
        speaker=found.speaker,
        emotion=found.emotion,
        level=found.level,
        sentence=found.sentence,
        take=found.take,
        split="",
        words="",
        media_path=Path(media).as_posix(),
        audio_path=Path(audio).as_posix(),
        fps=facts.fps,
        frames=facts.frames,
        duration_s=facts.duration_s,
        sha256=facts.sha256,
    )
