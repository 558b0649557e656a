"""Landmarks: the stage with two workers against detector and predictor on every frame.

    python -m benchmarks.landmarks [path/to/clips] [--rounds 3] [--every 25]

Takes every mp4 below the folder, or makes actors where none is given. Both sides read the
same frame tables, in turn, and have their models loaded beforehand. Quality is measured on the
points both give for the same frames:

- faces: share of frames with a face;
- distance: RMS distance to a consensus, the mean of the plain predictor's points over nine
  jittered boxes around the detector's, in % of the distance between the eyes;
- jitter: RMS of the second difference over time of the points that speech leaves in place,
  divided by sqrt(6) (what white noise of 1 becomes), in % of the distance between the eyes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from stccl.actors.make import generate
from stccl.clip import Clip
from stccl.download.card import read_card
from stccl.landmarks.dlib68 import model_path
from stccl.landmarks.params import LandmarksParams
from stccl.landmarks.stage import face_finder
from stccl.perclip import run
from stccl.runner import InOrder
from stccl.tables.frames import FrameReader
from stccl.tables.io import TableWriter, read_table, write_table
from stccl.tables.png import Image, decode_png, encode_png

WORKERS = 2
STEADY = slice(17, 48)
Track = npt.NDArray[np.float64]
"""T×68×2; NaN where there is no face."""


class Processes:
    """Spreads chunks over processes that are up and have their models loaded."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool

    def map(
        self,
        function: Callable[..., Any],
        chunks: Sequence[tuple[Any, ...]],
        *,
        sizes: Sequence[int],
    ) -> Iterator[Any]:
        """See `stccl.runner.Runner`."""
        for future in as_completed([self.pool.submit(function, *chunk) for chunk in chunks]):
            yield future.result()


def make_frames(videos: list[Path], data: Path) -> list[str]:
    """Frame tables of all videos, as the extract stage would write them."""
    clips = []
    for number, video in enumerate(videos):
        key = f"bench-{number:03d}"
        capture = cv2.VideoCapture(str(video))
        frame = 0
        with TableWriter(data / "frames" / f"{key}.parquet", "frames", {"fingerprint": key}) as t:
            while (grabbed := capture.read())[0]:
                png = encode_png(cv2.cvtColor(grabbed[1], cv2.COLOR_BGR2RGB))
                t.append(frame=frame, time_s=frame / 25, source_time_s=frame / 25, png=png)
                frame += 1
        clips.append(
            Clip(
                key, "bench", "", "neutral", 1, key, "", "unused", "", str(video), str(video),
                25.0, frame, frame / 25, key,
            )
        )  # fmt: skip
    write_table(data / "clips.parquet", "clips", [asdict(clip) for clip in clips])
    return [clip.clip for clip in clips]


class Naive:
    """What a plain script does."""

    def __init__(self) -> None:
        self.detector = dlib.get_frontal_face_detector()
        self.predictor = dlib.shape_predictor(str(model_path()))

    def clip(self, path: Path) -> Track:
        """All frames of a clip."""
        with FrameReader(path, "frames") as frames:
            return np.stack(
                [self.points(decode_png(frames.png(i) or b"")) for i in range(len(frames))]
            )

    def points(self, image: Image) -> Track:
        """68×2, NaN where there is no face."""
        faces = self.detector(image, 0)
        return self.predict(image, faces[0]) if faces else np.full((68, 2), np.nan)

    def predict(self, image: Image, box: dlib.rectangle) -> Track:
        """68×2."""
        return np.array([(p.x, p.y) for p in self.predictor(image, box).parts()], float)

    def consensus(self, path: Path) -> Track:
        """The mean over nine boxes, shifted by 4 % of the side and scaled by 6 %."""
        found = []
        with FrameReader(path, "frames") as frames:
            for image in frames:
                assert image is not None
                faces = self.detector(image, 0)
                boxes = _jittered(faces[0]) if faces else []
                each = [self.predict(image, box) for box in boxes]
                found.append(np.mean(each, axis=0) if each else np.full((68, 2), np.nan))
        return np.stack(found)


def _jittered(box: dlib.rectangle) -> list[dlib.rectangle]:
    step = round(0.04 * box.width())
    grown = round(0.03 * box.width())
    moved = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    shifted = [dlib.translate_rect(box, dlib.point(x * step, y * step)) for x, y in moved]
    scaled = [dlib.grow_rect(box, grown), dlib.shrink_rect(box, grown)]
    corner = [dlib.translate_rect(box, dlib.point(s * step, s * step)) for s in (1, -1)]
    return shifted + scaled + corner


def staged(path: Path) -> Track:
    """The points the stage wrote."""
    column = read_table(path, "landmarks", ["points"]).column(0).to_pylist()
    return np.array(
        [np.full(136, np.nan) if row is None else row for row in column], float
    ).reshape(-1, 68, 2)


def eyes(track: Track) -> npt.NDArray[np.float64]:
    """The distance between the eyes, per frame, in pixels."""
    apart = track[:, 42:48].mean(1) - track[:, 36:42].mean(1)
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


def distance(track: Track, other: Track) -> list[float]:
    """RMS distance per frame, in % of the distance between the eyes."""
    error = np.sqrt(((track - other) ** 2).sum(2).mean(1)) / eyes(other)
    return [100 * float(e) for e in error if np.isfinite(e)]


def jitter(track: Track) -> list[float]:
    """Noise per frame, in % of the distance between the eyes."""
    bend = track[2:, STEADY] - 2 * track[1:-1, STEADY] + track[:-2, STEADY]
    noise = np.sqrt((bend**2).mean((1, 2)) / 6) / eyes(track)[1:-1]
    return [100 * float(n) for n in noise if np.isfinite(n)]


def actors(folder: Path) -> Path:
    """The smallest size of the actors, eight takes of two speakers."""
    edition = read_card("actors").edition("tiny", "actors")
    generate(folder, "all", edition, 0, InOrder())
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--max-clips", type=int, default=1000)
    parser.add_argument("--no-quality", action="store_true")
    options = parser.parse_args()
    params = LandmarksParams(
        detector="dlib",
        redetect_every_frames=options.every,
        box_smoothing_frames=5,
        max_gap_frames=5,
        min_face_fraction=0.8,
    )
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(WORKERS) as pool:
        data = Path(folder)
        clips = options.clips or actors(data / "clips")
        videos = sorted(clips.rglob("*.mp4"))[: options.max_clips]
        keys = make_frames(videos, data)
        naive = Naive()
        # One call each is enough to load: a worker busy loading leaves the next call to the other.
        list(pool.map(_load, range(4 * WORKERS)))
        ratios = []
        for _ in range(options.rounds):
            start = time.perf_counter()
            plain = {key: naive.clip(data / "frames" / f"{key}.parquet") for key in keys}
            naive_s = time.perf_counter() - start
            for path in (data / "landmarks").glob("*.parquet"):
                path.unlink()
            start = time.perf_counter()
            summary = run(
                "stccl.landmarks.stage:STAGE", data, params, Processes(pool),
                max_rejected=0.0, chunk_items=2,
            )  # fmt: skip
            ours_s = time.perf_counter() - start
            frames = sum(len(track) for track in plain.values())
            ratios.append(naive_s / ours_s)
            print(
                f"{summary}; {frames} frames: naive {frames / naive_s:.0f}/s, "
                f"stage {frames / ours_s:.0f}/s, {ratios[-1]:.2f}×"
            )
        print(f"median {np.median(ratios):.2f}×")
        ours = {key: staged(data / "landmarks" / f"{key}.parquet") for key in keys}
        consensus = (
            plain
            if options.no_quality
            else {key: naive.consensus(data / "frames" / f"{key}.parquet") for key in keys}
        )
        for name, tracks in (("naive", plain), ("stage", ours)):
            every = np.concatenate([np.isfinite(t[:, 0, 0]) for t in tracks.values()])
            far = np.concatenate([distance(tracks[key], consensus[key]) for key in keys])
            shake = np.concatenate([jitter(tracks[key]) for key in keys])
            print(
                f"{name}: faces {every.mean():.2%}, distance {far.mean():.2f} % "
                f"(95th percentile {np.percentile(far, 95):.2f} %), jitter {shake.mean():.2f} %"
            )


def _load(_: int) -> None:
    face_finder("dlib")


if __name__ == "__main__":
    main()
