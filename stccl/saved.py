"""Trained networks as a folder: `config.json` and `model.safetensors`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from stccl.errors import StcclError
from stccl.section import Section

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_Config = TypeVar("_Config", bound=Section)


def save_network(folder: Path, config: Section, state: Mapping[str, Tensor]) -> None:
    """Write both files; the same weights give the same bytes, and no file is ever half there.

    Args:
        folder: Made if need be.
        config: What the network is built from.
        state: Its state dict.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{WEIGHTS_FILE}.partial"
    save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, partial)
    text = config.model_dump_json(indent=2) + "\n"
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
    partial.replace(folder / WEIGHTS_FILE)


def read_network(
    folder: Path, config: type[_Config], what: str
) -> tuple[_Config, dict[str, Tensor]]:
    """What `save_network` wrote.

    Args:
        folder: Where.
        config: Class of the configuration.
        what: What it should be, for the error.

    Raises:
        StcclError: Where a file is missing or damaged.
    """
    try:
        values: Any = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        return (
            config.parse(values, where=str(folder / CONFIG_FILE)),
            load_file(folder / WEIGHTS_FILE),
        )
    except (OSError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise StcclError(f"{folder}: no {what} that can be used: {reason}") from None
