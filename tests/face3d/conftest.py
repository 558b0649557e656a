"""The built-in head, built once, coefficients by name; and a small FLAME read from files."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stccl.face3d.flame import FLAME
from stccl.face3d.head.head import Head
from stccl.face3d.model import FaceCoefficients
from tests.face3d.published import write_flame

Pose = Callable[..., FaceCoefficients]


@pytest.fixture(scope="session")
def head() -> Head:
    return Head()


@pytest.fixture(scope="session")
def pose(head: Head) -> Pose:
    """Coefficients at rest but for `jaw`, `shape` (B, S) and the named actions.

    A name without its side means both sides.
    """

    def make(jaw: float = 0.0, shape: torch.Tensor | None = None, **actions: float):
        made = head.rest(1 if shape is None else len(shape))
        made.jaw[:, 0] = jaw
        if shape is not None:
            made.shape[:] = shape
        for name, amount in actions.items():
            both = [
                n for n in head.expression_names if n in (name, f"{name}_left", f"{name}_right")
            ]
            assert both, name
            for one in both:
                made.expression[:, head.expression_names.index(one)] = amount
        return made

    return make


@pytest.fixture(scope="session")
def people(head: Head) -> torch.Tensor:
    """Shape coefficients of 40 random identities, clipped at two standard deviations."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(40, len(head.shape_names), generator=generator).clamp(-2, 2)


@pytest.fixture(scope="session")
def flame_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flame")
    write_flame(folder)
    return folder


@pytest.fixture
def flame(flame_folder: Path) -> FLAME:
    """60 vertices, 90 triangles, 4 shapes and 3 expressions, in double precision."""
    return FLAME.from_folder(flame_folder, shapes=4, expressions=3).double()
