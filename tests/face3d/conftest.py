"""A small FLAME, made up and read from files as the published one is."""

from pathlib import Path

import pytest

from stccl.face3d.flame import FLAME
from tests.face3d.published import write_flame


@pytest.fixture(scope="session")
def flame_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flame")
    write_flame(folder)
    return folder


@pytest.fixture
def flame(flame_folder: Path) -> FLAME:
    """60 vertices, 90 triangles, 4 shapes and 3 expressions, in double precision."""
    return FLAME.from_folder(flame_folder, shapes=4, expressions=3).double()
