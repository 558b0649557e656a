"""Clips of which everything is known: the built-in head moved smoothly and projected."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from stccl.fit.landmark_space import LandmarkSpace, coefficients, landmark_space
from stccl.fit.models import face_model, scales
from stccl.fit.params import FitParams
from stccl.fit.priors import Prior, prior
from stccl.params import read_params
from stccl.render.camera import Camera

SIZE_PX = (256, 256)
CAMERA = Camera(256, 900.0, 1.0, 0.0, (128.0, 128.0))
MOVES = ("inner_brow_raiser", "brow_lowerer", "lip_corner_puller_left", "lip_pucker", "blink_left")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Acted:
    """A clip: landmarks (T, 68, 2) and what made them."""

    points_px: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    jaw: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray


def act(frames: int = 50, seed: int = 0, noise_px: float = 0.0, turn_rad: float = 0.0) -> Acted:
    """Slow waves in some coefficients, the jaw and the pose; by the whole head and its camera."""
    model = face_model("head")
    random = np.random.default_rng(seed)

    def wave(low: float, high: float, hz: tuple[float, float]) -> np.ndarray:
        angle = 2 * np.pi * (random.uniform(*hz) * np.arange(frames) / 25 + random.random())
        return low + (high - low) * (0.5 - 0.5 * np.cos(angle))

    shape = np.clip(random.normal(0, 0.8, len(model.shape_names)), -1.5, 1.5)
    expression = np.zeros((frames, len(model.expression_names)))
    for name in MOVES:
        expression[:, model.expression_names.index(name)] = wave(0, 0.7, (0.4, 1.5))
    jaw = np.zeros((frames, 3))
    jaw[:, 0] = wave(0, 0.25, (2.0, 3.0))
    rotation = np.stack([wave(-0.1, 0.1, (0.2, 0.6)) for _ in range(3)], 1)
    rotation[:, 1] += turn_rad
    translation = np.stack([wave(-0.01, 0.01, (0.2, 0.6)) for _ in range(3)], 1)
    face = coefficients(np.tile(shape, (frames, 1)), expression, rotation, translation, jaw)
    points = CAMERA.project(model.landmarks(model.vertices(face)).numpy())[..., :2]
    points = points + random.normal(0, noise_px, points.shape)
    return Acted(points, shape, expression, jaw, rotation, translation)


@pytest.fixture(scope="session")
def params() -> FitParams:
    return read_params(ROOT / "params.yaml").fit


@pytest.fixture(scope="session")
def before(params: FitParams) -> Prior:
    return prior(scales("head"), len(face_model("head").expression_names), params)


@pytest.fixture(scope="session")
def space_of() -> Callable[[np.ndarray], LandmarkSpace]:
    return lambda shape: landmark_space(face_model("head"), shape)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])
