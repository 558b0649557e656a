"""Changing `params.yaml` from the command line: one key at a time, comments kept, checked first."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from stccl.errors import ParamsError
from stccl.params import Params, read_yaml


def use_dataset(
    params: Path,
    name: str,
    *,
    root: str | None,
    protocol: str | None,
    edition: str | None = None,
    keep_others: bool,
) -> None:
    """Make the pipeline work on a dataset.

    Args:
        params: `params.yaml`.
        name: A folder of `datasets/`.
        root: The folder with its clips; None to fetch or make them as its card says.
        protocol: One of the card's protocols; None for its first.
        edition: One of the card's editions, where its clips are made; None for its first.
        keep_others: Add it to the datasets in use instead of replacing them.

    Raises:
        ParamsError: For an unknown dataset, a folder that is not there, or a bad result.
    """
    from stccl.download.card import read_card

    card = read_card(name)
    if root is not None and not Path(root).is_dir():
        raise ParamsError(f"--root {root}: no such folder")
    entry = {"root": root or f"datasets/{name}", "protocol": protocol or next(iter(card.protocols))}
    if edition is not None:
        card.edition(edition, name)
        entry["edition"] = edition
    document = _load(params)
    datasets = document["datasets"] if keep_others else CommentedMap()
    datasets[name] = CommentedMap(entry)
    datasets[name].fa.set_flow_style()
    document["datasets"] = datasets
    _save(params, document)


def apply_preset(params: Path, preset: Path) -> None:
    """Set every key that a preset names, and no other.

    Raises:
        ParamsError: Where the preset is missing or holds what `params.yaml` may not.
    """
    document = _load(params)
    _merge(document, read_yaml(preset))
    _save(params, document)


def _merge(into: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), Mapping):
            _merge(into[key], value)
        else:
            into[key] = value


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 100
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _load(params: Path) -> Any:
    read_yaml(params)  # the same refusals as everywhere
    return _yaml().load(params.read_text(encoding="utf-8"))


def _save(params: Path, document: Any) -> None:
    text = io.StringIO()
    _yaml().dump(document, text)
    Params.parse(YAML(typ="safe", pure=True).load(text.getvalue()), where=str(params))
    temporary = params.with_name(f".{params.name}.partial")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(params)
