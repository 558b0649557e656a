"""How fast `extract` is next to what it cannot do without: the decoder.

    python -m benchmarks.extract [FOLDER WITH MEAD'S LAYOUT]

Everything is measured in the same run, in turns. Frames are source frames; processor time includes
that of ffmpeg and is the figure to look at where the machine has other work to do. Processes have
done some clips before they are timed, as in a large collection, save where their start counts.
Without a folder, clips are generated.
"""

import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2  # before decord
import decord
import imageio_ffmpeg
import numpy as np

from stccl.clip import Clip
from stccl.extract.params import ExtractParams
from stccl.extract.stage import process
from stccl.perclip import Outputs
from stccl.tables.png import encode_png

ROUNDS = 3
PARAMS = ExtractParams(
    frame_rate_hz=25.0,
    sample_rate_hz=16000,
    min_side_px=64,
    min_frames=9,
    max_duration_s=60.0,
    max_sound_gap_s=0.5,
)
BLANK = Clip("", "bench", "A", "neutral", 1, "1", "", "unused", "", "", "", None, None, None, "")


def clips_in(folder: Path) -> list[Clip]:
    """The clips of a folder with pictures and sound in two trees."""
    clips = []
    for picture in folder.glob("*/video/front/*/*/*.mp4"):
        parts = picture.relative_to(folder).with_suffix("").parts
        sound = folder / parts[0] / "audio" / Path(*parts[3:]).with_suffix(".m4a")
        name = "-".join(parts)
        clips.append(replace(BLANK, clip=name, media_path=str(picture), audio_path=str(sound)))
    return clips


def generated(folder: Path) -> list[Clip]:
    """16 clips of 4 s, 256×256, with the grain of a camera."""
    clips = []
    for k in range(16):
        path = folder / f"{k:02}.mp4"
        picture = f"testsrc2=s=256x256:r=25:d=4,noise=alls=6:allf=t:all_seed={k}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", picture]
        command += ["-f", "lavfi", "-i", "sine=220:d=4", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
        subprocess.run([*command, "-c:a", "aac", path], check=True)
        clips.append(replace(BLANK, clip=path.stem, media_path=str(path), audio_path=str(path)))
    return clips


def decode(clips: Sequence[Clip], out: Path, threads: int = 1) -> None:
    """Bring every picture into memory."""
    for clip in clips:
        reader = decord.VideoReader(clip.media_path, num_threads=threads)
        for _ in range(len(reader)):
            reader.next().asnumpy()


def decode_with_two_threads(clips: Sequence[Clip], out: Path) -> None:
    """Give one decoder both cores."""
    decode(clips, out, threads=2)


def encode(clips: Sequence[Clip], out: Path) -> None:
    """Decode, and encode as PNG; nothing is written. No arrangement of the rest is faster."""
    for clip in clips:
        reader = decord.VideoReader(clip.media_path, num_threads=1)
        for _ in range(len(reader)):
            encode_png(reader.next().asnumpy())


def extract(clips: Sequence[Clip], out: Path) -> None:
    """Do what the stage does."""
    for clip in clips:
        with Outputs(out / "data", clip.clip, {}) as tables:
            process(clip, out / "data", PARAMS, tables)


def write_images(clips: Sequence[Clip], out: Path) -> None:
    """Do what a script would do: a folder of images, and no sound."""
    for clip in clips:
        folder = out / "images" / clip.clip
        folder.mkdir(parents=True, exist_ok=True)
        capture, number = cv2.VideoCapture(clip.media_path), 0
        while True:
            got, image = capture.read()
            if not got:
                break
            cv2.imwrite(str(folder / f"{number:06}.png"), image)
            number += 1


Work = Callable[[Sequence[Clip], Path], None]


class Way(NamedTuple):
    """Something to be timed."""

    name: str
    work: Work
    processes: int = 2
    started_for_it: bool = False


ONE_DECODER = Way("one decoder with both cores", decode_with_two_threads, processes=1)
TWO_DECODERS = Way("two decoders", decode)
EXTRACT = Way("extract", extract)
STARTED = Way("extract, start of its processes included", extract, started_for_it=True)
WAYS = [
    ONE_DECODER,
    TWO_DECODERS,
    Way("decoder and PNG encoder alone", encode),
    EXTRACT,
    STARTED,
    Way("OpenCV to a folder of PNG, no sound", write_images),
]


def processor_s() -> float:
    """Processor time of this process and the ended ones it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measured(work: Work, clips: Sequence[Clip], out: Path, from_start: bool) -> float:
    """Do some work; the processor time it took, or this process since its start."""
    start = 0.0 if from_start else processor_s()
    work(clips, out)
    return processor_s() - start


def seconds(way: Way, clips: Sequence[Clip], pool: ProcessPoolExecutor) -> tuple[float, float]:
    """Time of the processor and on the wall."""
    with tempfile.TemporaryDirectory() as out, ExitStack() as end:
        start = time.perf_counter()
        if way.started_for_it:
            context = multiprocessing.get_context("spawn")
            pool = end.enter_context(ProcessPoolExecutor(way.processes, context))
        shares = [clips[k :: way.processes] for k in range(way.processes)]
        parts = [
            pool.submit(measured, way.work, share, Path(out), way.started_for_it)
            for share in shares
        ]
        return sum(part.result() for part in parts), time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as made, ProcessPoolExecutor(2) as pool:
        clips = clips_in(Path(sys.argv[1])) if len(sys.argv) > 1 else generated(Path(made))
        # Dealt in order of size, so that both processes have as much to do.
        clips.sort(key=lambda clip: (Path(clip.media_path).stat().st_size, clip.clip))
        frames = sum(len(decord.VideoReader(clip.media_path)) for clip in clips)
        for way in WAYS:
            seconds(way, clips[:4], pool)
        rounds = np.array([[seconds(way, clips, pool) for way in WAYS] for _ in range(ROUNDS)])
    print(f"{len(clips)} clips, {frames} frames; medians of {ROUNDS} rounds")
    for way, (used_s, wall_s) in zip(WAYS, np.median(rounds, axis=0), strict=True):
        used_ms = used_s / frames * 1000
        print(f"{way.name:40} {used_ms:5.2f} ms of processor time per frame", end="; ")
        print(f"{frames / wall_s:5.0f} frames/s")
    for way in (EXTRACT, STARTED):
        wall_s = rounds[:, WAYS.index(way), 1]
        for other in (ONE_DECODER, TWO_DECODERS):
            pace = np.median(rounds[:, WAYS.index(other), 1] / wall_s)
            print(f"{way.name}: {pace:.0%} of the pace of {other.name}")


if __name__ == "__main__":
    main()
