"""Unpacking zip and tar files without letting them write anywhere else."""

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from stccl.errors import StageError


class DamagedArchive(StageError):
    """The archive cannot be read to its end; another download may help."""


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # file, folder, or what it is instead
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path) -> dict[str, int]:
    """Unpack every file of a zip or tar under `folder`, each at once under its final name.

    Nothing is written where a single member is not safe: one that is no plain file or folder
    (links, devices), or whose path is absolute or leads outside.

    Returns:
        Path below `folder` -> size in bytes, of every file.

    Raises:
        DamagedArchive: Where it is no archive, or broken.
        StageError: For an unsafe member.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                return _write(archive, list(_zip_members(zipped)), folder)
        with tarfile.open(archive) as tar:
            _read_through(tar)
            return _write(archive, list(_tar_members(tar)), folder)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedArchive(f"{archive}: damaged archive ({why}); download it again") from None
    except (RuntimeError, OSError) as error:
        # A full disk; or what the zip reader raises for encrypted members and unknown compressions.
        raise StageError(
            f"{archive}: cannot be unpacked ({error}); mend that and run the same command again"
        ) from None


def _zip_members(zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for info in zipped.infolist():
        mode = info.external_attr >> 16
        kind = "folder" if info.is_dir() else "file"
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = "link" if stat.S_ISLNK(mode) else "device"
        # The reader cuts names at a null byte and turns some separators round: judge the original.
        yield _Member(info.orig_filename, kind, info.file_size, partial(zipped.open, info))


def _tar_members(tar: tarfile.TarFile) -> Iterator[_Member]:
    for info in tar:
        kind = "file" if info.isreg() else "folder" if info.isdir() else "device"
        if info.issym() or info.islnk():
            kind = "link"
        yield _Member(info.name, kind, info.size, partial(tar.extractfile, info))


def _read_through(tar: tarfile.TarFile) -> None:
    """Read to the end, where compressed streams have their checksum; tarfile stops before it."""
    assert tar.fileobj is not None
    try:
        while tar.fileobj.read(1 << 20):
            pass
    except (OSError, lzma.LZMAError) as error:
        raise tarfile.ReadError(str(error)) from None


def _write(archive: Path, members: list[_Member], folder: Path) -> dict[str, int]:
    for member in members:
        problem = _problem(member)
        if problem:
            raise StageError(
                f"{archive}: member {member.name!r} {problem}; nothing was unpacked: do not trust "
                "this file"
            )
    sizes = {}
    for member in members:
        if member.kind == "file":
            name = PurePosixPath(member.name).as_posix()
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(f"{target.name}.partial")
            source = member.open()
            assert source is not None
            with source, unfinished.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            unfinished.replace(target)
            sizes[name] = member.size
    return sizes


def _problem(member: _Member) -> str:
    path = PurePosixPath(member.name)
    if member.kind not in ("file", "folder"):
        return f"is a {member.kind}"
    if path.is_absolute() or ":" in member.name.split("/")[0]:
        return "has an absolute path"
    if ".." in path.parts or "\\" in member.name or "\0" in member.name:
        return "leads outside"
    return ""
