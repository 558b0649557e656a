"""Bringing a card's files to disk, and remembering what came."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from stccl.download.archive import DamagedArchive, unpack
from stccl.download.card import RemoteFile
from stccl.download.http import Expected, Progress, download
from stccl.errors import StageError

RECORD = "fetched.json"
"""In the dataset's folder: what each address gave, with its checksum."""


@dataclass(frozen=True)
class Fetched:
    """What one address gave: its checksum, and the files it left on disk with their sizes."""

    sha256: str
    files: dict[str, int]

    def is_in(self, folder: Path) -> bool:
        """Whether all of it is still there."""
        return all(
            (folder / name).is_file() and (folder / name).stat().st_size == size
            for name, size in self.files.items()
        )


def fetch(
    files: Sequence[RemoteFile],
    speakers: Sequence[str] | Literal["all"],
    folder: Path,
    progress: Progress,
) -> dict[str, Fetched]:
    """Bring the files that serve `speakers` into `folder`; what is there already stays.

    An archive is unpacked and removed. A file that the card gives no checksum for is recorded
    with the one it had, and a later download of it must have the same.

    Returns:
        Address -> what it gave, of every file needed.

    Raises:
        StageError: Where one cannot be had, or no file serves a speaker.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read(folder)
    needed = _needed(files, speakers)
    for file in needed:
        known = record.get(file.url)
        if known is not None and known.is_in(folder):
            continue
        record[file.url] = _bring(file, known, folder, progress)
        _write(folder, record)
    return {file.url: record[file.url] for file in needed}


def _needed(
    files: Sequence[RemoteFile], speakers: Sequence[str] | Literal["all"]
) -> list[RemoteFile]:
    if speakers == "all":
        return list(files)
    served = {speaker for file in files if file.speakers != "all" for speaker in file.speakers}
    missing = sorted(set(speakers) - served)
    if missing and all(file.speakers != "all" for file in files):
        raise StageError(
            f"speakers: expected some of {', '.join(sorted(served))}, got {', '.join(missing)}"
        )
    return [f for f in files if f.speakers == "all" or set(f.speakers) & set(speakers)]


def _bring(file: RemoteFile, known: Fetched | None, folder: Path, progress: Progress) -> Fetched:
    target = folder / file.name
    sha256 = file.sha256 or (known.sha256 if known else None)
    expected = Expected(file.bytes, sha256, file.md5)
    found = download(file.url, target, expected, progress=progress)
    if not file.unpack:
        return Fetched(found, {file.name: target.stat().st_size})
    inside = Path(file.name).stem
    try:
        members = unpack(target, folder / inside)
    except DamagedArchive as error:
        target.unlink()
        raise StageError(f"{file.url}: {error}") from None
    target.unlink()
    return Fetched(found, {f"{inside}/{name}": size for name, size in sorted(members.items())})


def _read(folder: Path) -> dict[str, Fetched]:
    try:
        rows: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {url: Fetched(**row) for url, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise StageError(
            f"{folder / RECORD}: damaged record of downloads; delete it to download again"
        ) from None


def _write(folder: Path, record: dict[str, Fetched]) -> None:
    partial = folder / f"{RECORD}.partial"
    rows = {url: asdict(fetched) for url, fetched in sorted(record.items())}
    partial.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(folder / RECORD)
