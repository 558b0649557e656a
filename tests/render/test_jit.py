"""Kernels contain those they call, so a cached one must not outlive a change of another file."""

import shutil
import subprocess
import sys
from pathlib import Path

import stccl

CALLED = "stccl/render/called.py"
CALLER = """
from stccl.render.called import called
from stccl.render.jit import kernel


@kernel
def caller():
    return called()


if __name__ == "__main__":
    print(caller(), caller.stats.cache_hits.total())
"""


def called(answer: int) -> str:
    return f"from stccl.render.jit import kernel\n\n\n@kernel\ndef called():\n    return {answer}\n"


def run(folder: Path) -> list[str]:
    """What the caller answers, and how often its machine code came from the cache."""
    done = subprocess.run(
        [sys.executable, "-m", "stccl.render.caller"], cwd=folder, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_a_cached_kernel_goes_with_what_it_calls(tmp_path):
    package = Path(stccl.__file__).parent
    (tmp_path / "stccl/render").mkdir(parents=True)
    for name in ("__init__", "fingerprint", "render/__init__", "render/jit"):
        shutil.copy(package / f"{name}.py", tmp_path / f"stccl/{name}.py")
    (tmp_path / "stccl/render/caller.py").write_text(CALLER)
    (tmp_path / CALLED).write_text(called(1))
    assert run(tmp_path) == ["1", "0"]
    assert run(tmp_path) == ["1", "1"]
    (tmp_path / CALLED).write_text(called(2))
    assert run(tmp_path) == ["2", "0"]
