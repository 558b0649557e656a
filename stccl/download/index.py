"""Finding the clips below a folder: which file is which clip, by a card's pattern."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stccl.download.card import Card
from stccl.errors import StageError

PICTURE_ENDINGS = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".flv", ".m4v", ".mpg", ".mpeg", ".wmv"}
SOUND_ENDINGS = {".m4a", ".wav", ".mp3", ".aac", ".flac", ".ogg", ".opus"}

_LARGEST_LEVEL = 2**31 - 1


@dataclass(frozen=True)
class Found:
    """A picture file that a card's pattern fits; paths are relative to the root."""

    speaker: str
    emotion: str
    level: int
    sentence: str
    take: str
    media: str
    audio: str


@dataclass(frozen=True)
class Ignored:
    """Media files that are no clips, all for one reason."""

    reason: str
    count: int
    example: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}, such as {self.example}"


@dataclass(frozen=True)
class Index:
    """What is below a folder. `found` is sorted by path."""

    found: tuple[Found, ...]
    ignored: tuple[Ignored, ...]


def index(root: Path, card: Card, speakers: Sequence[str] | Literal["all"] = "all") -> Index:
    """Match every media file below `root` against the card. Links are followed.

    Files of speakers who are not asked for are neither found nor ignored.
    """
    pattern = re.compile(card.pattern)
    found: list[Found] = []
    left: list[str] = []
    ignored: dict[str, list[str]] = {}
    for path in walk(root):
        if not _is_text(path):
            printable = path.encode(errors="backslashreplace").decode()
            ignored.setdefault("files whose path is no UTF-8 text", []).append(printable)
            continue
        match = pattern.fullmatch(path)
        if match is None:
            left.append(path)
            continue
        clip = _clip(path, match.groupdict(""), card)
        if isinstance(clip, str):
            ignored.setdefault(clip, []).append(path)
        elif speakers == "all" or clip.speaker in speakers:
            found.append(clip)
    taken = {clip.audio for clip in found}
    for path in left:
        ending = Path(path).suffix.lower()
        if ending in PICTURE_ENDINGS:
            ignored.setdefault("video files whose path does not fit the pattern", []).append(path)
        elif ending in SOUND_ENDINGS and path not in taken and speakers == "all":
            ignored.setdefault("sound files that belong to no clip", []).append(path)
    return Index(
        tuple(found),
        tuple(Ignored(why, len(paths), paths[0]) for why, paths in sorted(ignored.items())),
    )


def walk(root: Path) -> Iterator[str]:
    """Paths of all files below `root`, with forward slashes, sorted; links are followed.

    Raises:
        StageError: Where a folder cannot be read.
    """
    try:
        yield from sorted(_walk(root, "", frozenset()))
    except OSError as error:
        raise StageError(f"{root}: cannot be searched for clips: {error}; mend that") from None


def _walk(folder: Path, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    here = folder.stat()
    mark = (here.st_dev, here.st_ino)
    if mark in above:  # a link to a folder it lies in
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {mark})
            elif entry.is_file() and not entry.name.startswith("."):
                yield f"{prefix}{entry.name}"


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clip(path: str, groups: Mapping[str, str], card: Card) -> Found | str:
    """The clip, or why it is none."""
    value = {group: card.codes.get(group, {}).get(text, text) for group, text in groups.items()}
    if value["emotion"] not in card.emotions:
        return f"files of an emotion {value['emotion']!r} that the card does not know"
    level = value.get("level") or "1"
    if not (level.isdecimal() and 1 <= int(level) <= _LARGEST_LEVEL):
        return f"files of a level {level!r} that is no number from 1"
    return Found(
        speaker=value["speaker"],
        emotion=value["emotion"],
        level=int(level),
        sentence=value["sentence"],
        take=value.get("take", ""),
        media=path,
        audio=card.audio.format_map(groups) if card.audio else path,
    )
