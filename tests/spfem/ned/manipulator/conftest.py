"""Tables of made-up faces, a small manipulator, and the settings to train it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stccl.clip import Clip
from stccl.spfem.ned.manipulator.manipulator import Manipulator
from stccl.spfem.ned.manipulator.params import (
    ManipulatorParams,
    SpatialFactor,
    SupervisionParams,
    TrainingParams,
)
from stccl.tables.io import write_table

SHAPES, EXPRESSIONS = 3, 4


def clip(emotion: str, sentence: str = "001", speaker: str = "A") -> Clip:
    return Clip(
        f"made-{speaker}-{emotion}-1-{sentence}", "made", speaker, emotion, 1, sentence, "",
        "spfem-train", sentence, "", "", 25.0, 30, 1.2, "",
    )  # fmt: skip


@pytest.fixture
def write_faces(tmp_path: Path) -> Callable[..., Path]:
    """Writes `faces3d/<clip>.parquet`; a row for every True in `known`."""

    def write(clip: Clip, known: list[bool], seed: int = 0, model: str = "head") -> Path:
        random = np.random.default_rng([seed, len(clip.clip)])
        phase = random.uniform(0, 6)
        rows = []
        for frame, there in enumerate(known):
            level = len(clip.emotion) / 10
            expression = np.full(EXPRESSIONS, level) + random.normal(0, 0.01, EXPRESSIONS)
            jaw = [0.1 + 0.1 * np.sin(frame + phase), 0.01, 0.02]
            values = {
                "shape": [level] * SHAPES,
                "expression": expression.tolist(),
                "jaw": jaw,
                "eyes": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
                "rotation": [0.0, float(frame), 0.0],
                "translation": [0.0] * 3,
            }
            rows.append(
                {
                    "frame": frame,
                    **{name: value if there else None for name, value in values.items()},
                    "residual": 0.01 if there else None,
                    "light": None,
                    "photometric_residual": None,
                    "texture": None,
                    "detail": None,
                    "focal_px": 900.0,
                    "centre_px": [128.0, 128.0],
                    "distance_m": 1.0,
                }
            )
        path = tmp_path / "faces3d" / f"{clip.clip}.parquet"
        write_table(path, "faces3d", rows, {"params": {"model": model}})
        return tmp_path

    return write


@pytest.fixture(scope="session")
def params() -> ManipulatorParams:
    return ManipulatorParams(
        style=3,
        latent=2,
        mapping_width=8,
        generator_width=8,
        critic_width=4,
        window_frames=5,
        training=TrainingParams(
            steps=4,
            batch_windows=3,
            learning_rate=0.01,
            mapping_rate=0.5,
            decay_fraction=0.5,
            style_weight=1.0,
            label_weight=1.0,
            cycle_weight=1.0,
            mouth_weight=1.0,
            accelerator="cpu",
            checkpoint_every_steps=1,
        ),
        supervision=SupervisionParams(
            weight=0.1,
            spatial_factor=SpatialFactor(disparity=1.0, correlation=1.0),
            every_steps=3,
            region="mouth",
            size_px=40,
            windows=1,
            frames=2,
        ),
    )


@pytest.fixture
def small(params: ManipulatorParams) -> Manipulator:
    return Manipulator.initial(params.config("head", EXPRESSIONS), 0).eval()
