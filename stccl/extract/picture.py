"""Pictures out of video files, and the same pictures at a constant rate.

A decoder is a function from a path to an iterator of `(time_s, image)`: the presentation time,
counted from the start of the video stream, and the upright picture. Decord is the fast one; OpenCV
takes over where decord has no build or cannot open a file. Both give the same pictures at the same
times, and hold a few of them in memory, however long the file is.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2  # before decord, which brings an older zlib that would break OpenCV's PNG codec
import numpy as np

from stccl.errors import ClipRejected
from stccl.tables.png import Image

try:
    import decord
except ImportError:
    decord = None
else:
    decord.logging.set_level(decord.logging.QUIET)

_SAME_TIME_S = 1e-5
"""Above the rounding of the decoders' times (single precision, up to some minutes)."""


class Frame(NamedTuple):
    """A picture of the constant-rate clip.

    Attributes:
        frame: Its number; it stands at `frame / frame_rate_hz`.
        source_time_s: Presentation time of the source picture shown there.
        image: H×W×3, RGB, uint8; frames that show the same source picture share one array.
    """

    frame: int
    source_time_s: float
    image: Image


def pictures(path: Path) -> Iterator[tuple[float, Image]]:
    """Decode a file with decord, and with OpenCV from where decord gives up.

    Raises:
        ClipRejected: `truncated` where the file ends early or no picture can be decoded.
    """
    if decord is None:
        return opencv_pictures(path)
    try:
        reader = decord.VideoReader(str(path), num_threads=1)
    except (decord.DECORDError, RuntimeError) as error:
        if "av_read_frame failed" in str(error):
            raise _truncated(path, error) from None
        return opencv_pictures(path)
    return _decord_pictures(path, reader)


def _decord_pictures(path: Path, reader: "decord.VideoReader") -> Iterator[tuple[float, Image]]:
    times_s = reader.get_frame_timestamp(range(len(reader)))[:, 0].astype(float)
    # A clip cut without re-encoding holds pictures from before its start, which decoding needs and
    # nobody sees. Decord lists their times but never returns them.
    last_s = -1.0
    for time_s in times_s[times_s > -_SAME_TIME_S]:
        try:
            image = np.asarray(np.from_dlpack(_Picture(reader.next())), np.uint8)
        except (decord.DECORDError, RuntimeError):
            # Streams without an index (MPEG-TS) are beyond it; a cut file shows in its length.
            rest = opencv_pictures(path)
            yield from (later for later in rest if later[0] > last_s + _SAME_TIME_S)
            return
        last_s = round(float(time_s), 6)
        yield last_s, image


@dataclass(frozen=True)
class _Picture:
    """Decord's picture as NumPy takes it over, without a copy: DLPack in today's protocol."""

    array: "decord.ndarray.NDArray"

    def __dlpack__(self, **_: Any) -> Any:
        return self.array.to_dlpack()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the memory of the processor


def opencv_pictures(path: Path) -> Iterator[tuple[float, Image]]:
    """Decode with OpenCV; it stops without a word where a file ends early.

    Raises:
        ClipRejected: `truncated` where not even one picture can be decoded.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        got, image = capture.read()
        if not got:
            raise _truncated(path, "no picture can be decoded")
        while got:
            time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield (
                round(time_s, 6),
                cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False),
            )
            got, image = capture.read()
    finally:
        capture.release()


def at_constant_rate(
    source: Iterator[tuple[float, Image]], frame_rate_hz: float
) -> Iterator[Frame]:
    """Show a stream of pictures at a constant rate, by presentation time.

    Frame k stands at t_k = k / `frame_rate_hz` and shows the source picture whose presentation
    time is nearest to t_k, of two equally near ones the earlier. Within the clip the two times
    are thus at most half a source interval apart, and the error does not add up. There are
    N = round(T · `frame_rate_hz`) frames, at least one; T is when the last source picture ends,
    which is taken to last as long as the one before it, or as the mean where that is shorter.

    Args:
        source: Presentation times in seconds from time zero, increasing, and pictures.
        frame_rate_hz: Rate of the frames.

    >>> clip = [(0.0, "a"), (1 / 30, "b"), (2 / 30, "c"), (0.1, "d"), (4 / 30, "e"), (5 / 30, "f")]
    >>> [frame.image for frame in at_constant_rate(iter(clip), 25.0)]  # at 0, 0.04, 0.08 …
    ['a', 'b', 'c', 'e', 'f']
    """
    waiting: deque[Frame] = deque()
    number = 0
    before: tuple[float, Image] | None = None
    first_s = interval_s = 0.0
    for shown, (time_s, image) in enumerate(source):
        if before is None:
            first_s = time_s
        else:
            interval_s = min(time_s - before[0], (time_s - first_s) / shown)
            middle_s = (time_s + before[0]) / 2
            while number / frame_rate_hz <= middle_s + _SAME_TIME_S:
                waiting.append(Frame(number, *before))
                number += 1
        # Only a frame that the clip is certainly long enough for may leave.
        while waiting and waiting[0].frame + 0.5 < time_s * frame_rate_hz:
            yield waiting.popleft()
        before = (time_s, image)
    if before is None:
        return
    count = max(1, round((before[0] + interval_s) * frame_rate_hz))
    waiting.extend(Frame(k, *before) for k in range(number, count))
    yield from (frame for frame in waiting if frame.frame < count)


def _truncated(path: Path, why: object) -> ClipRejected:
    words = str(why).splitlines()[0].rsplit("Error: ", 1)[-1] if str(why) else "pictures missing"
    return ClipRejected("truncated", f"{path.name}: {words}", "copy or download the file again")
