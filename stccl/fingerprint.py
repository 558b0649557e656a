"""What a result depends on, as one short hash: inputs, parameters and the code that made it."""

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import stccl

_PACKAGE = Path(stccl.__file__).parent


def fingerprint(**parts: Any) -> str:
    """A hash of named, JSON-serialisable parts.

    >>> fingerprint(a=1, b="x") == fingerprint(b="x", a=1)
    True
    >>> fingerprint(a=1) == fingerprint(a=2)
    False
    """
    text = json.dumps(parts, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def code_version(packages: tuple[str, ...]) -> str:
    """A hash of what the code in `stccl/<package>/` (or `stccl/<module>.py`) does.

    Comments, layout and docstrings do not count, so editing them recomputes nothing.
    """
    digest = hashlib.sha256()
    for source in source_files(packages):
        digest.update(source.relative_to(_PACKAGE).as_posix().encode())
        digest.update(ast.dump(_without_docstrings(ast.parse(source.read_text()))).encode())
    return digest.hexdigest()[:24]


def source_files(packages: Sequence[str]) -> list[Path]:
    """The Python files of packages and modules named relative to `stccl/`, sorted."""
    files: list[Path] = []
    for name in packages:
        found = (
            sorted((_PACKAGE / name).rglob("*.py"))
            if (_PACKAGE / name).is_dir()
            else [_PACKAGE / f"{name}.py"]
        )
        files += found
    return files


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return tree


def file_sha256(*paths: Path) -> str:
    """SHA-256 of the contents of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def params_of(section: Any) -> Mapping[str, Any]:
    """A typed section as plain values, for fingerprints and provenance."""
    return dict(section.model_dump(mode="json"))
