"""What a clip's files say of themselves, found once and remembered."""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

from stccl.download.http import Progress
from stccl.fingerprint import file_sha256

# A clip that cannot be read is this project's to report, once and with its name; FFmpeg inside
# OpenCV would print a line of its own, and asks the environment whether to only once.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclass(frozen=True)
class Probed:
    """Frame rate in Hz, frames and duration in s as the file states them, None where unreadable.

    `sha256` is of the picture file followed by the sound file where that is another one and there;
    of nothing where one of them cannot be read.
    """

    fps: float | None
    frames: int | None
    duration_s: float | None
    sha256: str


def probe_all(files: Iterable[tuple[Path, Path]], memory: Path, progress: Progress) -> list[Probed]:
    """Probe picture and sound files; files that did not change since are not read again.

    Args:
        files: Picture and sound of each clip (equal where one file holds both).
        memory: Where earlier results are remembered.
        progress: Told clips done and in all.
    """
    files = list(files)
    before = _read(memory)
    now: dict[str, tuple[str, Probed]] = {}
    probed = []
    for done, (media, audio) in enumerate(files, start=1):
        key = f"{media}\n{audio}"
        state = _state(media, audio)
        if key not in before or before[key][0] != state:
            now[key] = (state, probe(media, audio))
        else:
            now[key] = before[key]
        probed.append(now[key][1])
        progress(done, len(files))
    _write(memory, now)
    return probed


def probe(media: Path, audio: Path) -> Probed:
    """Probe one clip; what cannot be read is None, and left to be rejected with its reason."""
    fps, frames = _stated(media)
    duration_s = frames / fps if fps and frames else None
    return Probed(fps, frames, duration_s, _sha256(media, audio))


def _sha256(media: Path, audio: Path) -> str:
    files = [path for path in dict.fromkeys((media, audio)) if path.is_file()]
    try:
        return file_sha256(*files)
    except OSError:
        return file_sha256()


def _stated(media: Path) -> tuple[float | None, int | None]:
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(os.fspath(media), cv2.CAP_FFMPEG)
    except (cv2.error, ValueError):
        return None, None
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            return None, None
        fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    finally:
        capture.release()
    # Where a file does not say, FFmpeg's answer is zero, negative or absurd.
    return (
        float(fps) if math.isfinite(fps) and 0 < fps < 1e4 else None,
        int(frames) if math.isfinite(frames) and 0 < frames < 2**31 else None,
    )


def _state(media: Path, audio: Path) -> str:
    """Changes whenever either file does."""
    stamps = []
    for path in (media, audio):
        try:
            found = path.stat()
            stamps.append(f"{found.st_size}.{found.st_mtime_ns}.{found.st_ino}.{found.st_mode}")
        except OSError:
            stamps.append("absent")
    return " ".join(stamps)


def _read(memory: Path) -> dict[str, tuple[str, Probed]]:
    try:
        rows = json.loads(memory.read_text(encoding="utf-8"))
        return {key: (state, Probed(**probed)) for key, (state, probed) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(memory: Path, rows: dict[str, tuple[str, Probed]]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f"{memory.name}.{os.getpid()}.partial")
    plain = {key: (state, asdict(probed)) for key, (state, probed) in rows.items()}
    partial.write_text(json.dumps(plain), encoding="utf-8")
    partial.replace(memory)
