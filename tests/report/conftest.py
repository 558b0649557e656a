"""A whole pipeline's output, made up: every table the report reads, with seeded pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from stccl.clip import Clip
from stccl.params import Params, read_params
from stccl.tables.io import TableWriter, write_table
from stccl.tables.png import Image, encode_png

ROOT = Path(__file__).parents[2]
SIDE_PX = 48
RATE_HZ = 25.0

Draw = Callable[[Clip, int, bool], Image]
"""A frame (or, with True, its aligned crop) of a clip."""


def draw(clip: Clip, frame: int, aligned: bool) -> Image:
    """A round thing with two eyes; its colours come from the clip's id."""
    rng = np.random.default_rng([sum(map(ord, clip.clip)), aligned])
    side = SIDE_PX if aligned else SIDE_PX + 16
    y, x = np.mgrid[:side, :side] / side
    colours = rng.integers(40, 220, (3, 3))
    kind = (np.hypot(x - 0.5, y - 0.5) < 0.4).astype(int)
    kind[(abs(abs(x - 0.5) - 0.15) < 0.04) & (abs(y - 0.4) < 0.04)] = 2
    kind[(abs(y - 0.68) < 0.01 * (1 + frame % 5)) & (abs(x - 0.5) < 0.15)] = 2
    return colours[kind].astype(np.uint8)


@dataclass(frozen=True)
class Shape:
    """How much of everything there is, and what goes wrong.

    Attributes:
        rejected: By stage, the sentence ids whose emotional clips it rejects.
        lost: Aligned clips that vanish without being recorded.
        gains: By metric, how much training adds to the positive similarity.
    """

    speakers: tuple[str, ...] = ("M003", "W029", "Zoë")
    unseen: tuple[str, ...] = ("Zoë",)
    emotions: tuple[str, ...] = ("angry", "happy")
    sentences: tuple[str, ...] = ("001", "002")
    frames: int = 12
    rejected: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    gains: tuple[tuple[str, float], ...] = (("spatial", 0.3), ("temporal", 0.2))
    reason: str = "no_face"
    detail: str = "a face in 3 of 12 frames"
    curves: bool = True


@dataclass(frozen=True)
class Made:
    """Where the made-up output lies."""

    root: Path
    params: Params

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def page(self) -> str:
        return (self.root / "report" / "index.html").read_text(encoding="utf-8")

    def report(self, **extra) -> str:
        from stccl.report.stage import run

        folders = [self.root / n for n in ("data", "models", "metrics", "plots", "report")]
        run(*folders, self.params, lambda done, total: None, cards=self.root / "datasets", **extra)
        return self.page


def clips_of(shape: Shape) -> list[Clip]:
    clips = []
    for speaker in shape.speakers:
        split = "metric-test" if speaker in shape.unseen else "metric-train"
        for emotion in ("neutral", *shape.emotions):
            for sentence in shape.sentences:
                level = 1 if emotion == "neutral" else 3
                name = f"mead-{speaker}-{emotion}-{level}-{sentence}"
                path = f"{name}.mp4"
                clips.append(
                    Clip(
                        *(name, "mead", speaker, emotion, level, sentence, "", split, sentence),
                        *(path, path, RATE_HZ, shape.frames, shape.frames / RATE_HZ, "0" * 64),
                    )
                )
    return sorted(clips, key=lambda clip: clip.clip)


def make(root: Path, shape: Shape, picture: Draw = draw) -> Made:
    """Write every table; `picture` draws the frames."""
    data = root / "data"
    clips = clips_of(shape)
    twice = clips[: "clips" in dict(shape.rejected)]
    write_table(data / "clips.parquet", "clips", [vars(clip) for clip in clips])
    write_table(data / "index" / "mead.parquet", "clips", [vars(clip) for clip in clips + twice])
    rejected = dict(shape.rejected)
    left = clips
    refuse = Refuser(data, shape)
    refuse("clips_rejected", twice)
    for stage in ("extract", "landmarks", "align"):
        bad = [c for c in left if c.sentence == rejected.get(stage) and c.emotion != "neutral"]
        refuse(f"{stage}/rejected", bad)
        left = [clip for clip in left if clip not in bad]
        for clip in left:
            if stage != "align" or clip.clip not in shape.lost:
                WRITERS[stage](data, clip, shape, picture)
    fitted = [clip for clip in left if clip.clip not in shape.lost]
    bad = [c for c in fitted if c.sentence == rejected.get("fit") and c.emotion != "neutral"]
    refuse("fit/rejected", bad)
    for clip in fitted:
        if clip not in bad:
            _faces3d(data, clip, shape)
    _pairs(data, [c for c in left if c.clip not in shape.lost], shape, rejected.get("pairs"))
    _curves(root / "plots" / "metric" / "plots" / "metrics") if shape.curves else None
    (root / "models" / "metric").mkdir(parents=True)
    (root / "models" / "metric" / "config.json").write_text('{"size_px": 224}')
    (root / "datasets" / "mead").mkdir(parents=True)
    (root / "datasets" / "mead" / "card.yaml").write_text(
        "name: MEAD\nlicence: ask the authors\ncitation: Wang et al., ECCV 2020\n"
        "homepage: https://wywu.github.io/projects/MEAD/MEAD.html\n"
    )
    params = read_params(ROOT / "params.yaml")
    dataset = next(iter(params.datasets.values())).model_copy(update={"root": "/clips/mead"})
    report = params.report.model_copy(update={"pairs_shown": 2})
    return Made(root, params.model_copy(update={"datasets": {"mead": dataset}, "report": report}))


@dataclass(frozen=True)
class Refuser:
    data: Path
    shape: Shape

    def __call__(self, name: str, clips) -> None:
        rows = [
            {
                "clip": clip if isinstance(clip, str) else clip.clip,
                "reason": self.shape.reason,
                "detail": self.shape.detail,
                "next_step": "use a clip with a visible face",
                "fingerprint": "0",
            }
            for clip in clips
        ]
        write_table(self.data / f"{name}.parquet", "rejected", rows)


def _frames(data: Path, clip: Clip, shape: Shape, picture: Draw) -> None:
    with TableWriter(data / "frames" / f"{clip.clip}.parquet", "frames") as out:
        for i in range(shape.frames):
            time = i / RATE_HZ
            png = encode_png(picture(clip, i, False))
            out.append(frame=i, time_s=time, source_time_s=time, png=png)


def source_of(frame: int) -> str:
    """One detected, one missing at the end of ten, one interpolated before it, else tracked."""
    return {0: "detected", 8: "interpolated", 9: "missing"}.get(frame % 10, "tracked")


def _landmarks(data: Path, clip: Clip, shape: Shape, picture: Draw) -> None:
    side = picture(clip, 0, False).shape[0]
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = (np.stack((np.cos(angle), np.sin(angle)), 1) * 0.3 + 0.5) * side
    with TableWriter(data / "landmarks" / f"{clip.clip}.parquet", "landmarks") as out:
        for i in range(shape.frames):
            there = source_of(i) != "missing"
            out.append(
                frame=i,
                source=source_of(i),
                score=1.0 if there else None,
                box=[0.1 * side, 0.1 * side, 0.9 * side, 0.9 * side] if there else None,
                points=points.ravel().tolist() if there else None,
            )


def _aligned(data: Path, clip: Clip, shape: Shape, picture: Draw) -> None:
    one = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    with TableWriter(data / "aligned" / f"{clip.clip}.parquet", "aligned") as out:
        for i in range(shape.frames):
            there = source_of(i) != "missing"
            png = encode_png(picture(clip, i, True)) if there else None
            out.append(
                frame=i, png=png, matrix=one if there else None, inverse=one if there else None
            )


def residual_of(frame: int) -> float:
    """A frame's residual; the same in every clip."""
    return 0.01 + 0.001 * frame


def _faces3d(data: Path, clip: Clip, shape: Shape) -> None:
    sizes = {"shape": 33, "expression": 26, "jaw": 3, "eyes": 6, "rotation": 3, "translation": 3}
    path = data / "faces3d" / f"{clip.clip}.parquet"
    with TableWriter(path, "faces3d", {"params": {"model": "head"}}) as out:
        for i in range(shape.frames):
            there = source_of(i) != "missing"
            out.append(
                frame=i,
                residual=residual_of(i) if there else None,
                light=None,
                photometric_residual=None,
                texture=None,
                detail=None,
                focal_px=3.5 * SIDE_PX,
                centre_px=[SIDE_PX / 2, SIDE_PX / 2],
                distance_m=1.0,
                **{name: [0.0] * size if there else None for name, size in sizes.items()},
            )


WRITERS = {"extract": _frames, "landmarks": _landmarks, "align": _aligned}


def _pairs(data: Path, clips: list[Clip], shape: Shape, rejected: str | None) -> None:
    rng = np.random.default_rng(0)
    merged, judged, refused = [], [], []
    for source in clips:
        for target in clips:
            same = (source.speaker, source.words) == (target.speaker, target.words)
            if not same or source.emotion != "neutral" or target.emotion == "neutral":
                continue
            pair = f"{source.clip}~{target.clip}"
            if target.sentence == rejected:
                refused.append(pair)
                continue
            # One repeated frame in the middle: not the diagonal everywhere.
            steps = [(i, max(0, i - (i > shape.frames // 2))) for i in range(shape.frames)]
            rows = [
                {
                    "pair": pair,
                    "source": source.clip,
                    "target": target.clip,
                    "dataset": "mead",
                    "speaker": source.speaker,
                    "words": source.words,
                    "source_emotion": "neutral",
                    "target_emotion": target.emotion,
                    "split": source.split,
                    "step": step,
                    "source_frame": i,
                    "target_frame": j,
                    "step_cost": 0.25,
                    "cost": 0.25,
                }
                for step, (i, j) in enumerate(steps)
            ]
            write_table(data / "pairs" / f"{pair}.parquet", "pairs", rows)
            merged += rows
            if source.split == "metric-test":
                judged += [
                    {k: rows[step][k] for k in KEYS} | judge(metric, weights, gain, rng)
                    for step in range(0, shape.frames, 4)
                    for metric, gain in shape.gains
                    for weights in ("untrained", "trained")
                ]
    write_table(data / "pairs.parquet", "pairs", merged)
    write_table(data / "evaluation.parquet", "evaluation", judged)
    Refuser(data, shape)("pairs/rejected", refused)


KEYS = ("pair", "speaker", "source_emotion", "target_emotion", "split", "step")


def judge(metric: str, weights: str, gain: float, rng: np.random.Generator) -> dict:
    start = {"spatial": 0.45, "temporal": 0.5}[metric] + rng.normal(0, 0.03)
    positive = start + gain * (weights == "trained")
    negative = 0.05 + rng.normal(0, 0.01)
    return {
        "metric": metric,
        "weights": weights,
        "positive_cosine": positive,
        "negative_cosine": negative,
        "positive_pearson": positive - 0.02,
        "negative_pearson": negative - 0.02,
    }


def _curves(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for name, level in (("loss", 2.0), ("positive_similarity", 0.5)):
        for clips, every in (("train", 1), ("heldout", 10)):
            steps = np.arange(0, 60, every)
            path = folder / clips / f"{name}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = level * (0.5 + 0.5 * np.exp(-steps / 20)) + rng.normal(0, 0.02, len(steps))
            lines = [f"{s}\t{v}" for s, v in zip(steps, values, strict=True)]
            path.write_text("\n".join((f"step\t{name}", *lines)) + "\n")


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The usual output with its page; not to be changed."""
    run = make(tmp_path_factory.mktemp("usual"), Shape())
    run.report()
    return run


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """Make up a pipeline's output: `made(emotions=("sad",), …)`, attributes as in `Shape`."""

    def build(**changes) -> Made:
        return make(tmp_path / f"run{len(list(tmp_path.iterdir()))}", Shape(**changes))

    return build
