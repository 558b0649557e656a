from pathlib import Path

import pytest

from stccl import fingerprint as module
from stccl.fingerprint import code_version, file_sha256, fingerprint


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    (tmp_path / "part").mkdir()
    return tmp_path / "part" / "code.py"


def version_of(package: Path, source: str) -> str:
    package.write_text(source)
    code_version.cache_clear()
    return code_version(("part",))


def test_comments_layout_and_docstrings_do_not_count(package: Path) -> None:
    plain = version_of(package, "def f(x):\n    return x + 1\n")
    assert (
        version_of(package, '"""Doc."""\n# why\ndef f(x):\n    """Doc."""\n    return x+1') == plain
    )


def test_what_the_code_does_counts(package: Path) -> None:
    assert version_of(package, "def f(x): return x + 1") != version_of(
        package, "def f(x): return x + 2"
    )


def test_every_part_counts() -> None:
    marks = {fingerprint(a=1), fingerprint(a=2), fingerprint(b=1), fingerprint(a=1, b=1)}
    assert len(marks) == 4


def test_files_are_hashed_as_one_stream(tmp_path: Path) -> None:
    import hashlib

    one, two = tmp_path / "1", tmp_path / "2"
    one.write_bytes(b"abc" * 700_000)
    two.write_bytes(b"def")
    assert file_sha256(one, two) == hashlib.sha256(b"abc" * 700_000 + b"def").hexdigest()
