"""Downloads that survive broken connections and never pass off wrong bytes as a file."""

import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from stccl.errors import StageError

Progress = Callable[[int, int], None]
"""Told how much is done, of how much in all."""

_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 60.0
_FUTILE_TRIES = 5
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it comes; None where it is not."""

    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class _Origin:
    """Of which version of which file a partial download is a part."""

    url: str
    validator: str
    total: int | None


class _Again(Exception):
    """This try failed in a way that another may not."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


def download(
    url: str,
    target: Path,
    expected: Expected | None = None,
    *,
    progress: Progress = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Download one file; it gets its final name only when it is whole and right.

    A file that has it already is checked and kept. Until then it is `<name>.partial`, which another
    call goes on from (RFC 9110, section 14: range requests, made conditional on the file not having
    changed). Lost connections and passing server errors are tried again with growing pauses, until
    several tries in a row bring nothing.

    Args:
        url: Where from.
        target: Where to.
        expected: Size in bytes and checksums, checked before the file gets its name.
        progress: Told bytes done and in all.
        sleep: Waits so many seconds.

    Returns:
        The SHA-256 of the file.

    Raises:
        StageError: Where the server refuses, stops answering, or sends wrong bytes twice.
    """
    expected = expected or Expected()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _Partial(target)
    if target.is_file():
        found, wrong = _check(target, expected)
        if not wrong:
            return found
        target.unlink()
    for last in (False, True):
        try:
            _receive(url, partial, expected, progress, sleep)
            found, wrong = _check(partial.path, expected)
        except OSError as error:
            raise StageError(
                f"{target}: cannot be written: {error}; what came is kept: free or mount some "
                "space and run the same command again"
            ) from None
        if not wrong:
            partial.path.replace(target)
            partial.discard()
            return found
        partial.discard()
        if last:
            break
    raise StageError(
        f"{url}: {wrong}, twice; the file was deleted. If the publisher changed it, "
        "check that and update the card"
    )


class _Partial:
    """A file on its way: its bytes so far, and beside it where they come from."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.partial")
        self._note = target.with_name(f"{target.name}.partial.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self) -> _Origin | None:
        try:
            return _Origin(**json.loads(self._note.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: _Origin) -> None:
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps(asdict(origin)))

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _receive(
    url: str,
    partial: _Partial,
    expected: Expected,
    progress: Progress,
    sleep: Callable[[float], None],
) -> None:
    """Bring the partial file to its full length."""
    futile, most = 0, partial.size
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            _try(url, partial, expected, progress)
            return
        except _Again as error:
            # A server that starts over each time sends bytes but brings nothing.
            if partial.size > most:
                futile, most, pause_s = 0, partial.size, _FIRST_PAUSE_S
            futile += 1
            if futile >= _FUTILE_TRIES:
                raise StageError(
                    f"{url}: {error}, {futile} tries in a row; {partial.size} bytes are kept: "
                    "run the same command again to go on from there"
                ) from None
            sleep(min(max(pause_s, error.pause_s), _LONGEST_PAUSE_S))
            pause_s *= 2


def _try(url: str, partial: _Partial, expected: Expected, progress: Progress) -> None:
    origin = partial.origin()
    start = partial.size
    known = origin is not None and origin.url == url
    # Without a validator the file may have changed; only a checksum would tell afterwards.
    checked = expected.sha256 is not None or expected.md5 is not None
    if origin is None or not known or not (origin.validator or checked):
        start = 0
    elif start and start == origin.total:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": "stccl"}
    if start and origin is not None:
        headers["Range"] = f"bytes={start}-"
        if origin.validator:
            headers["If-Range"] = origin.validator
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S
        ) as response:
            _save(response, url, start, partial, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            partial.discard()
            raise _Again("the server has less than was already downloaded") from None
        if error.code not in _PASSING_STATUS:
            raise StageError(
                f"{url}: the server answered {error.code} {error.reason}; check the address in the "
                "card and that the dataset is still published there"
            ) from None
        raise _Again(
            f"the server answered {error.code} {error.reason}", _retry_after_s(error.headers)
        ) from None
    except (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError) as e:
        raise _Again(
            f"no connection ({getattr(e, 'reason', None) or e or type(e).__name__})"
        ) from None


def _save(
    response: http.client.HTTPResponse, url: str, start: int, partial: _Partial, progress: Progress
) -> None:
    length = response.headers.get("Content-Length", "")
    if response.status == 206:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        if found is None or int(found[1]) != start:
            partial.discard()
            raise _Again("the server sent another part than was asked for")
        total = int(found[2]) if found[2] != "*" else None
    else:
        start = 0
        total = int(length) if length.isdecimal() else None
        partial.begin(_Origin(url, _validator(response), total))
    with partial.path.open("ab") as file:
        _copy(response, file, start, total, progress)
    if total is not None and partial.size < total:
        raise _Again(f"the connection ended after {partial.size} of {total} bytes")
    if total is not None and partial.size > total:
        partial.discard()
        raise _Again(f"the server sent more than the {total} bytes it announced")


def _copy(
    response: http.client.HTTPResponse,
    file: IO[bytes],
    done: int,
    total: int | None,
    progress: Progress,
) -> None:
    while True:
        try:
            block = response.read(_BLOCK_BYTES)
        except (http.client.HTTPException, OSError) as error:
            raise _Again(f"the connection broke ({error or type(error).__name__})") from None
        if not block:
            return
        file.write(block)
        done += len(block)
        progress(done, max(done, total or 0))


def _validator(response: http.client.HTTPResponse) -> str:
    """What tells this version of the file from another; a weak entity tag does not."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(response.headers.get("Last-Modified", ""))


def _retry_after_s(headers: Message) -> float:
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def _check(path: Path, expected: Expected) -> tuple[str, str]:
    """The file's SHA-256, and what is wrong with it (empty where nothing is)."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
    for what, wanted, got in (
        ("bytes", expected.bytes, path.stat().st_size),
        ("SHA-256", expected.sha256, sha256.hexdigest()),
        ("MD5", expected.md5, md5.hexdigest()),
    ):
        if wanted is not None and wanted != got:
            return sha256.hexdigest(), f"{what}: expected {wanted}, got {got}"
    return sha256.hexdigest(), ""
