"""Made-up files with the names, sizes and pickled classes of FLAME's and DECA's published ones."""

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch import nn

from stccl.face3d.albedo import FlameAlbedo
from stccl.face3d.deca import DECA
from stccl.face3d.flame import FLAME


def model_arrays(vertices: int, triangles: int, directions: int = 400, seed: int = 0) -> dict:
    """A model that is no head but moves as one: random, of FLAME's structure."""
    random = np.random.default_rng(seed)
    faces = np.stack([random.permutation(vertices)[:3] for _ in range(triangles)])
    regressor = random.random((5, vertices)) * (random.random((5, vertices)) < 0.3)
    regressor[:, :2] += 0.1
    weights = random.random((vertices, 5)) ** 4
    return {
        "f": faces.astype(np.uint32),
        "v_template": random.normal(0, 0.1, (vertices, 3)),
        "shapedirs": random.normal(0, 0.01, (vertices, 3, directions)),
        "posedirs": random.normal(0, 0.01, (vertices, 3, 36)),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "weights": weights / weights.sum(1, keepdims=True),
    }


def landmark_arrays(triangles: int, seed: int = 1) -> dict:
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return random.dirichlet((1, 1, 1), shape)

    return {
        "static_lmk_faces_idx": random.integers(0, triangles, 51),
        "static_lmk_bary_coords": weights(51),
        "dynamic_lmk_faces_idx": torch.from_numpy(random.integers(0, triangles, (79, 17))),
        "dynamic_lmk_bary_coords": torch.from_numpy(weights(79, 17)).float(),
        "full_lmk_faces_idx": random.integers(0, triangles, (1, 68)),
        "full_lmk_bary_coords": weights(1, 68).astype(np.float32),
    }


def pickled_with_chumpy(arrays: dict, protocol: int = 2) -> bytes:
    """As FLAME's was by Python 2: arrays inside `chumpy.ch.Ch`, a sparse matrix, names of then."""
    chumpy, ch = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x = x
            self._dirty_vars, self._itr, self._depends_on_deps = {"x"}, None, False

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    ch.Ch = Ch
    held = {
        **{name: Ch(arrays[name]) for name in ("v_template", "shapedirs", "weights")},
        **{name: arrays[name] for name in ("f", "posedirs", "kintree_table")},
        "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
        "bs_type": "lrotmin",
    }
    assert "chumpy" not in sys.modules
    sys.modules.update({"chumpy": chumpy, "chumpy.ch": ch})
    try:
        data = pickle.dumps(held, protocol)
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]
    if protocol > 2:
        return data
    return data.replace(b"numpy._core.", b"numpy.core.").replace(b"sparse._csc", b"sparse.csc")


def write_flame(folder: Path, vertices: int = 60, triangles: int = 90) -> None:
    arrays = model_arrays(vertices, triangles)
    (folder / "generic_model.pkl").write_bytes(pickled_with_chumpy(arrays))
    np.save(folder / "landmark_embedding.npy", np.array(landmark_arrays(triangles), dtype=object))


def write_albedo(folder: Path, side: int) -> None:
    count = side * side * 3
    mean = np.linspace(0.2, 0.8, count, dtype=np.float32).reshape(side, side, 3)
    directions = np.zeros((side, side, 3, 199), np.float32)
    directions[..., :50] = 0.01
    # Compressed, since nearly everything is 0; the reader does not mind.
    np.savez_compressed(folder / "FLAME_albedo_from_BFM.npz", MU=mean, PC=directions)


def small_deca(folder: Path) -> DECA:
    """All of DECA but for its sizes of mesh and texture: 60 vertices, 512² texels are 8²."""
    write_flame(folder)
    write_albedo(folder, side=8)
    torch.manual_seed(0)
    return DECA(FLAME.from_folder(folder), FlameAlbedo.from_folder(folder)).eval()


def recipe(module: nn.Module) -> dict[str, torch.Tensor]:
    """Weights that anyone can make again, by number and shape of each key."""
    state = {}
    for number, (key, tensor) in enumerate(module.state_dict().items()):
        if not tensor.is_floating_point():
            state[key] = torch.zeros(tensor.shape, dtype=tensor.dtype)
            continue
        value = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1000 + number))
        if value.ndim >= 2:
            value /= value[0].numel() ** 0.5
        elif key.endswith("running_var"):
            value = 1 + 0.1 * value.abs()
        elif key.endswith("weight"):
            value = 1 + 0.1 * value
        else:
            value *= 0.05
        state[key] = value
    return state
