"""Published weights: read without executing what the file holds, and fitted key by key."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from stccl.errors import StcclError


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file; nothing in it is executed.

    Raises:
        StcclError: Where the file is no such file.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StcclError(f"{path}: cannot be read as weights: {reason}") from None
    if not isinstance(state, dict):
        raise StcclError(f"{path}: expected a state dict, got {type(state).__name__}")
    return state


def load_exactly(module: nn.Module, state: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Take weights that have the very keys and shapes of a module.

    Raises:
        StcclError: Naming missing and unexpected keys, and those of another shape.
    """
    own = module.state_dict()
    problems = [
        *_named("missing keys", own.keys() - state.keys()),
        *_named("unexpected keys", state.keys() - own.keys()),
        *_named(
            "keys of another shape",
            {k for k in own.keys() & state.keys() if own[k].shape != state[k].shape},
        ),
    ]
    if problems:
        raise StcclError(f"{path}: not {what}: {'; '.join(problems)}")
    module.load_state_dict(state)


def _named(kind: str, keys: set[str]) -> list[str]:
    if not keys:
        return []
    shown = sorted(keys)[:5]
    more = f" and {len(keys) - len(shown)} more" if len(keys) > len(shown) else ""
    return [f"{len(keys)} {kind} ({', '.join(shown)}{more})"]
