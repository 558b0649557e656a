"""The lock holds everything its packages need, on every Python that the project runs on."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCK = Path(__file__).parent.parent / "requirements.lock"
STANDS_IN_FOR = {"opencv-python": "opencv-python-headless"}
"""Names that packages ask for, and what has the same modules without a display."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    pins = [line.split("==") for line in LOCK.read_text().splitlines() if "==" in line]
    return {canonical(name): version.split(";")[0].strip() for name, version in pins}


@pytest.mark.parametrize("python", ["3.11.0", "3.11.14"])
def test_nothing_that_a_locked_package_needs_is_missing(python):
    pins, missing = locked(), []
    assert len(pins) > 100
    for name in pins:
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another platform
        for need in map(Requirement, needs):
            where = {"python_full_version": python, "python_version": "3.11", "extra": ""}
            if need.marker is not None and not need.marker.evaluate(where):
                continue
            wanted = canonical(need.name)
            version = pins.get(STANDS_IN_FOR.get(wanted, wanted))
            if version is None or not need.specifier.contains(version, prereleases=True):
                missing.append(f"{name} needs {need}, the lock has {version}")
    assert not missing
