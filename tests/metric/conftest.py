"""Small metrics and made-up data, for tests of the metric and of what is judged by it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stccl.metric.config import STCCLConfig
from stccl.params import Params, read_yaml
from stccl.tables.io import TableWriter, write_table
from stccl.tables.png import encode_png


@pytest.fixture
def small() -> STCCLConfig:
    return STCCLConfig(
        size_px=48,
        blocks=(1, 1, 1, 1),
        widths=(16, 16, 16, 16),
        centres=(3, 3, 2, 1),
        positions=(9, 8, 4, 1),
        supervision_precision="32-true",
    )


MADE = {
    "A": ("metric-train", ("happy", "sad")),
    "B": ("metric-train", ("happy",)),
    "C": ("metric-test", ("happy", "fear")),
}


@pytest.fixture(scope="session")
def made_data(tmp_path_factory) -> Path:
    """Textures that move: a texture per speaker, a motion per pair, a tint per emotion."""
    data = tmp_path_factory.mktemp("made")
    rows = []
    for number, (speaker, (split, emotions)) in enumerate(MADE.items()):
        texture = cv2.GaussianBlur(
            np.random.default_rng(number).integers(0, 255, (80, 80, 3), np.uint8), (7, 7), 0
        )
        texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
        for sentence, emotion in enumerate(emotions):
            shifts = np.random.default_rng(sentence).integers(0, 16, (12, 2))
            names = [f"made-{speaker}-{e}-1-{sentence:03d}" for e in ("neutral", emotion)]
            for name, gain in zip(names, (1.0, 0.7), strict=True):
                path = data / "aligned" / f"{name}.parquet"
                with TableWriter(path, "aligned", {"fingerprint": name}) as table:
                    for frame, (down, right) in enumerate(shifts):
                        crop = (texture[down : down + 64, right : right + 64] * gain).astype("u1")
                        table.append(
                            frame=frame,
                            png=encode_png(crop),
                            matrix=[1.0, 0, 0, 0, 1, 0],
                            inverse=[1.0, 0, 0, 0, 1, 0],
                        )
            rows += [
                {
                    "pair": "~".join(names),
                    "source": names[0],
                    "target": names[1],
                    "dataset": "made",
                    "speaker": speaker,
                    "words": f"{sentence:03d}",
                    "source_emotion": "neutral",
                    "target_emotion": emotion,
                    "split": split,
                    "step": frame,
                    "source_frame": frame,
                    "target_frame": frame,
                    "step_cost": 0.0,
                    "cost": 0.0,
                }
                for frame in range(12)
            ]
    write_table(data / "pairs.parquet", "pairs", rows, {"fingerprint": "made"})
    return data


@pytest.fixture
def small_params(small) -> Params:
    """Of a training that takes seconds."""
    values = read_yaml(Path(__file__).parents[2] / "params.yaml")
    values["run"]["workers"] = 1
    values["metric"] = {
        **small.model_dump(mode="json"),
        "training": {
            **values["metric"]["training"],
            "steps": 6,
            "batch_windows": 2,
            "window_frames": 3,
            "frame_stride": 1,
            "eval_every_steps": 2,
            "heldout_windows": 4,
            "checkpoint_every_steps": 1,
        },
    }
    values["evaluate"] = {
        "frames_per_pair": 3,
        "faces_per_clip": 2,
        "bootstrap_samples": 50,
        "confidence": 0.9,
    }
    return Params.parse(values, where="made")
