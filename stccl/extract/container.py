"""What a media file says of itself: how long it is, when it starts, what it holds."""

import re
from dataclasses import dataclass

_INPUT = re.compile(r"^Input #\d+, (\S+), from ")
_DURATION = re.compile(r"^  Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))(?:, start: (-?\d+\.\d+))?")
_STREAM = re.compile(r"^ +Stream #\d+:\d+.*?: (Video|Audio): (.*)")
_STREAM_START = re.compile(r", start (-?\d+\.\d+)")


@dataclass(frozen=True)
class Container:
    """A media file, as its header declares it.

    Attributes:
        format: The demuxer's name.
        duration_s: Of the longest stream; None where the file does not say.
        start_s: When its earliest stream starts, on the file's own clock. This instant is time
            zero of everything taken out of the file.
        picture_start_s: When the picture starts, on the same clock; None where there is none.
        has_sound: Whether there is a sound stream.
    """

    format: str
    duration_s: float | None = None
    start_s: float = 0.0
    picture_start_s: float | None = None
    has_sound: bool = False


def read_headers(log: str) -> list[Container]:
    """The inputs that ffmpeg describes in its log, in the order they were given.

    >>> read_headers('''Input #0, mpegts, from 'a.ts':
    ...   Duration: 00:01:02.42, start: 1.400000, bitrate: 189 kb/s
    ...   Stream #0:0[0x100]: Video: h264 (High), yuv420p, 96x128, 25 fps, start 1.823222
    ... ''')
    [Container(format='mpegts', duration_s=62.42, start_s=1.4, picture_start_s=1.823222, \
has_sound=False)]
    """
    found: list[dict[str, object]] = []
    for line in log.splitlines():
        if line.startswith("Output #"):
            break
        if match := _INPUT.match(line):
            found.append({"format": match[1].rstrip(",")})
        elif not found:
            continue
        elif match := _DURATION.match(line):
            hours, minutes, seconds, start = match.groups()
            if hours is not None:
                whole_minutes = int(hours) * 60 + int(minutes)
                found[-1]["duration_s"] = whole_minutes * 60 + float(seconds)
            found[-1]["start_s"] = float(start or 0)
        elif match := _STREAM.match(line):
            kind, rest = match.groups()
            if kind == "Audio":
                found[-1]["has_sound"] = True
            elif "(attached pic)" not in rest:
                start_match = _STREAM_START.search(rest)
                start_s = float(start_match[1]) if start_match else 0.0
                found[-1].setdefault("picture_start_s", start_s)
    return [Container(**values) for values in found]  # type: ignore[arg-type]
