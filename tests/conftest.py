"""What tests share: the real clips and the published arithmetic, where they are at hand."""

import os
import subprocess
from itertools import product
from pathlib import Path

import imageio_ffmpeg
import pytest

from flows.local import compute_in_one_thread

ROOT = Path(__file__).parent.parent
# As stages do, and before torch is imported: threads that wait for each other take twice the time
# where a machine has other things to do.
compute_in_one_thread()


@pytest.fixture(scope="session")
def mead_mini() -> Path:
    """25 real clips in MEAD's layout; not part of the project, so their absence only skips."""
    place = Path(os.environ.get("STCCL_MEAD_MINI", ROOT.parent / "shared" / "mead-mini"))
    if not place.is_dir():
        pytest.skip(f"no real clips at {place}; set STCCL_MEAD_MINI to a folder laid out as MEAD")
    return place


SPEAKERS = ("M001", "M003")
"""The actors of `actor_takes`, filmed at 25 and 30 fps."""


@pytest.fixture(scope="session")
def actor_takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two actors saying two sentences in two emotions, laid out as the dataset is."""
    from stccl.actors.make import generate
    from stccl.runner import InOrder

    edition = {
        "speakers": 2,
        "emotions": ["neutral", "surprised"],
        "levels": [3],
        "sentences": 2,
        "side_px": 256,
    }
    folder = tmp_path_factory.mktemp("actors")
    generate(folder, SPEAKERS, edition, 0, InOrder())
    return folder


@pytest.fixture(scope="session")
def actor_clips(actor_takes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with picture and sound in one file: `<speaker>/<emotion>/<sentence>.mp4`."""
    folder = tmp_path_factory.mktemp("clips")
    for speaker, (emotion, level), sentence in product(
        SPEAKERS, (("neutral", 1), ("surprised", 3)), ("001", "002")
    ):
        place = f"{emotion}/level_{level}/{sentence}"
        picture = actor_takes / speaker / "video" / "front" / f"{place}.mp4"
        sound = actor_takes / speaker / "audio" / f"{place}.m4a"
        clip = folder / speaker / emotion / f"{sentence}.mp4"
        clip.parent.mkdir(parents=True, exist_ok=True)
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", picture, "-i", sound]
        subprocess.run([*command, "-c", "copy", clip], check=True)
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
