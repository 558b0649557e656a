"""Published state dicts: read without executing them, refused with every key that does not fit."""

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from stccl.errors import StcclError


def read_weights(path: Path) -> dict[str, Any]:
    """What a file of torch holds at its top; nothing in it is executed.

    Raises:
        StcclError: Where it cannot be read, or holds no dictionary of names.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise StcclError(f"{path}: cannot be read as weights: {reason(error)}") from None
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise StcclError(f"{path}: expected a state dict, got {type(state).__name__}")
    return state


def load_weights(module: nn.Module, state: Mapping[str, Any], complaint: str) -> None:
    """Fill a module; every key must be there, none besides, each of its shape.

    Args:
        module: What is filled.
        state: Its state dict.
        complaint: How the error begins: which file, and what it is not.

    Raises:
        StcclError: Naming the keys that are missing, unexpected or of another shape.
    """
    own = module.state_dict()
    problems = [
        *_named("missing keys", own.keys() - state.keys()),
        *_named("unexpected keys", state.keys() - own.keys()),
        *_named(
            "keys of another shape",
            {k for k in own.keys() & state.keys() if _shape(own[k]) != _shape(state[k])},
        ),
    ]
    if problems:
        raise StcclError(f"{complaint}: {'; '.join(problems)}")
    module.load_state_dict(state)


def reason(error: Exception) -> str:
    """Why a file was not read, in one line.

    The first line of torch's refusals tells how to run what the file holds all the same.

    >>> reason(RuntimeError("Weights only load failed. Unsupported global: GLOBAL posix.system"))
    'it asks for posix.system, which no weights need; nothing was executed'
    """
    asked = re.search(r"(?i)unsupported (?:global: )?(?:global|class) (\S+)", str(error))
    if asked:
        return f"it asks for {asked[1]}, which no weights need; nothing was executed"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def _named(kind: str, keys: set[str]) -> list[str]:
    if not keys:
        return []
    shown = sorted(keys)[:5]
    more = f" and {len(keys) - len(shown)} more" if len(keys) > len(shown) else ""
    return [f"{len(keys)} {kind} ({', '.join(shown)}{more})"]
