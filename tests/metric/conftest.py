"""Small metrics and made-up data, for tests of the metric and of what is judged by it."""

import os
from pathlib import Path

import pytest

from stccl.metric.config import STCCLConfig

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def reference(kind: str) -> Path:
    place = Path(os.environ.get(f"STCCL_{kind.upper()}", REFERENCE / kind))
    if not place.is_dir():
        pytest.skip(f"no published arithmetic at {place}; set STCCL_{kind.upper()} to its folder")
    return place


@pytest.fixture(scope="session")
def goldens() -> Path:
    return reference("goldens")


@pytest.fixture(scope="session")
def contracts() -> Path:
    goldens = os.environ.get("STCCL_GOLDENS")
    beside = Path(goldens).parent / "contracts" if goldens else None
    return beside if beside and beside.is_dir() else reference("contracts")


@pytest.fixture
def small() -> STCCLConfig:
    return STCCLConfig(
        size_px=48,
        blocks=(1, 1, 1, 1),
        widths=(16, 16, 16, 16),
        centres=(3, 3, 2, 1),
        positions=(9, 8, 4, 1),
    )
