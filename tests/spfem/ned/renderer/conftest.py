"""A talking head of which everything is known, filmed and fitted without error."""

from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stccl.align.warp import inverse
from stccl.clip import Clip
from stccl.metric.backbone import IResNet
from stccl.spfem.ned.renderer import texture
from stccl.spfem.ned.renderer.footage import Footage
from stccl.spfem.ned.renderer.params import RendererConfig, RendererTrainingParams
from stccl.tables.io import TableWriter
from stccl.tables.png import encode_png
from tests.fit.conftest import CAMERA, act

CROP_PX = 64
FRAMES = 12
GAP = 9
"""A frame without a fit, in clip B."""

MATRIX = np.array([[0.25, 0.01, -1.0], [-0.01, 0.25, 0.5]])


def clip(name: str, speaker: str) -> Clip:
    unknown = {field.name: "" for field in fields(Clip)}
    numbers = {"level": 1, "fps": 25.0, "frames": FRAMES, "duration_s": FRAMES / 25}
    return Clip(**unknown | numbers | {"clip": name, "speaker": speaker})


CLIPS = [clip("made-A", "A"), clip("made-B", "B"), clip("made-none", "C")]


@pytest.fixture(autouse=True, scope="package")
def _coarse_textures():
    """Places as fine as the pictures of 48 px here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texture, "SIDE", 40)
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Tables of two clips: a texture that follows the head's movement is enough to learn from."""
    data = tmp_path_factory.mktemp("renderer")
    for seed, name in enumerate(("made-A", "made-B")):
        acted = act(FRAMES, seed)
        texture = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
        texture = cv2.resize(texture, (CROP_PX, CROP_PX))
        with TableWriter(data / "aligned" / f"{name}.parquet", "aligned") as table:
            for frame in range(FRAMES):
                table.append(
                    frame=frame,
                    png=encode_png(np.roll(texture, frame, 0)),
                    matrix=MATRIX.ravel().tolist(),
                    inverse=inverse(MATRIX).ravel().tolist(),
                )
        provenance = {"params": {"model": "head"}}
        with TableWriter(data / "faces3d" / f"{name}.parquet", "faces3d", provenance) as table:
            for frame in range(FRAMES):
                found = name == "made-A" or frame != GAP
                values = {
                    "shape": acted.shape,
                    "expression": acted.expression[frame],
                    "jaw": acted.jaw[frame],
                    "eyes": np.zeros(6),
                    "rotation": acted.rotation[frame],
                    "translation": acted.translation[frame],
                }
                table.append(
                    frame=frame,
                    **{
                        k: v.astype(np.float32).tolist() if found else None
                        for k, v in values.items()
                    },
                    residual=0.01 if found else None,
                    light=None,
                    photometric_residual=None,
                    texture=None,
                    detail=None,
                    focal_px=CAMERA.focal_px,
                    centre_px=list(CAMERA.centre_px),
                    distance_m=CAMERA.distance_m,
                )
    return data


@pytest.fixture(scope="session")
def config() -> RendererConfig:
    return RendererConfig(
        size_px=48,
        window=(0.1, 0.0, 0.9, 1.0),
        width=16,
        downsamplings=2,
        blocks=2,
        octaves=2,
        textured=True,
        discriminator_width=16,
        discriminator_layers=2,
    )


@pytest.fixture(scope="session")
def training() -> RendererTrainingParams:
    return RendererTrainingParams(
        meta_steps=4,
        speaker_steps=2,
        learning_rate=1e-3,
        decay=0.5,
        batch_sequences=2,
        chunk_frames=2,
        sequence_frames=4,
        longest_sequence_frames=8,
        double_every_steps=4,
        adversarial_weight=1.0,
        feature_weight=10.0,
        perceptual_weight=10.0,
        pixel_weight=10.0,
        supervision_weight=1.0,
        vgg19=None,
        shift=0.01,
        scale=0.01,
        cached_frames=100,
        precision="32-true",
        accelerator="cpu",
        checkpoint_every_steps=2,
        pictures_every_steps=2,
    )


@pytest.fixture
def footage(made, config) -> Footage:
    return Footage(made, CLIPS, config, 100)


@pytest.fixture(scope="session")
def backbone() -> IResNet:
    torch.manual_seed(0)
    return IResNet((1, 1, 1, 1), (16, 16, 16, 16)).requires_grad_(False).eval()
