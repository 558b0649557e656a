"""Projects with a toy stage, and Prefect servers on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Project:
    """A folder with parameters in which stages can be started as a person would."""

    folder: Path
    api: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, **toy: object) -> "subprocess.Popen[str]":
        settings = {f"TOY_{key.upper()}": str(value) for key, value in toy.items()}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        if self.api is not None:
            settings["PREFECT_API_URL"] = self.api
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=inherited
            | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(self.folder / "home")}
            | self.environment
            | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **toy: object) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        with self.start(*arguments, **toy) as process:
            out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def toy(self, **toy: object) -> tuple[int, str, str]:
        return self.run("-m", "tests.flows.toy", **toy)

    def outputs(self) -> dict[str, bytes]:
        data = self.folder / "data"
        return {
            path.relative_to(data).as_posix(): path.read_bytes()
            for path in sorted(data.rglob("*.parquet"))
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("params.yaml", "prefect.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return Project(tmp_path)


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    api: str

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Tests started in the background ignore Ctrl-C, and what they start would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_server(home: Path) -> Server:
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        env=environment | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(process, f"http://127.0.0.1:{port}/api")
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{server.api}/health", timeout=1).close()
            return server
        except OSError:
            time.sleep(0.1)
    server.end()
    raise TimeoutError("prefect server start")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("server"))
    yield server
    server.end()
