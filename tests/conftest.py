"""What tests share: the real clips and the published arithmetic, where they are at hand."""

import os
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def mead_mini() -> Path:
    """25 real clips in MEAD's layout; not part of the project, so their absence only skips."""
    place = Path(os.environ.get("STCCL_MEAD_MINI", ROOT.parent / "shared" / "mead-mini"))
    if not place.is_dir():
        pytest.skip(f"no real clips at {place}; set STCCL_MEAD_MINI to a folder laid out as MEAD")
    return place


@pytest.fixture(scope="session")
def portrait_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated talking faces: two speakers (25 and 30 fps), two emotions, two sentences."""
    from stccl.portrait.make import make_clip

    folder = tmp_path_factory.mktemp("portrait")
    for speaker, emotion, sentence in product(
        ("P01", "P03"), ("neutral", "surprised"), ("001", "002")
    ):
        make_clip(folder, speaker, emotion, sentence, seed=0)
    return folder


def reference(kind: str) -> Path:
    place = Path(
        os.environ.get(f"STCCL_{kind.upper()}", ROOT.parent / "shared" / "reference" / kind)
    )
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
