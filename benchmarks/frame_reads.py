"""How fast single frames come out of a table next to decoding the same PNG bytes from memory.

    python -m benchmarks.frame_reads

Reading is random over several clips whose readers stay open, as in training. Both sides are
measured in turns in the same run, in processor time, which other work disturbs least.
"""

import random
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from stccl.tables.frames import FrameReader
from stccl.tables.io import ROW_GROUP_FRAMES, TableWriter
from stccl.tables.png import Image, decode_png, encode_png

SIDE_PX = 224
CLIPS = 10
FRAMES = 100
READS = 400
ROUNDS = 5


def picture(generator: np.random.Generator) -> Image:
    """As smooth and as grainy as a face: its PNG takes some 60 kB."""
    coarse = generator.integers(0, 256, (8, 8, 3), np.uint8)
    smooth = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC).astype(int)
    grain = generator.normal(0, 0.8, smooth.shape).round().astype(int)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def write(folder: Path, pngs: list[list[bytes]], rows_per_group: int) -> float:
    """Write all clips; frames per second."""
    start = time.process_time()
    for clip, frames in enumerate(pngs):
        path = folder / f"{clip}.parquet"
        with TableWriter(path, "frames", rows_per_group=rows_per_group) as table:
            for k, png in enumerate(frames):
                table.append(frame=k, time_s=k / 25, source_time_s=k / 25, png=png)
    return CLIPS * FRAMES / (time.process_time() - start)


def main() -> None:
    """Measure and print."""
    generator = np.random.default_rng(0)
    pngs = [[encode_png(picture(generator)) for _ in range(FRAMES)] for _ in range(CLIPS)]
    size = statistics.mean(len(png) for frames in pngs for png in frames)
    print(f"PNG of {size / 1000:.0f} kB; medians of {ROUNDS} rounds of {READS} random reads")
    order = random.Random(0).choices([(c, k) for c in range(CLIPS) for k in range(FRAMES)], k=READS)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), pngs, ROW_GROUP_FRAMES)  # the first tables would pay for Arrow's start
    for rows_per_group in (1, 2, 4, 8, 16):
        with tempfile.TemporaryDirectory() as folder:
            written = write(Path(folder), pngs, rows_per_group)
            readers = [FrameReader(Path(folder) / f"{c}.parquet", "frames") for c in range(CLIPS)]
            rates, ratios = [], []
            for _ in range(ROUNDS):
                start = time.process_time()
                for clip, frame in order:
                    decode_png(pngs[clip][frame])
                middle = time.process_time()
                for clip, frame in order:
                    readers[clip][frame]
                table_s = time.process_time() - middle
                rates.append(READS / table_s)
                ratios.append((middle - start) / table_s)
            for reader in readers:
                reader.close()
        mark = "  (in use)" if rows_per_group == ROW_GROUP_FRAMES else ""
        print(
            f"row groups of {rows_per_group:2}: {statistics.median(rates):5.0f} frames/s, "
            f"{statistics.median(ratios):.0%} of the bare decoder; "
            f"written at {written:5.0f} frames/s{mark}"
        )


if __name__ == "__main__":
    main()
