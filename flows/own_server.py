"""A Prefect server of our own, for this machine alone, where none answers yet."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flows.leash import on_leash
from stccl.errors import StageError

DEFAULT_API = "http://127.0.0.1:4200/api"
"""Where it is, unless another address is configured."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOG = Path(".stccl") / "prefect-server.log"
_ANSWER_S = 3.0
_START_S = 120.0  # the first start makes the database


@contextmanager
def running_server(url: str) -> Iterator[None]:
    """Have a Prefect server at `url`: the one that answers there, or one of our own meanwhile.

    Raises:
        StageError: Where there is none and none can be started.
    """
    if _is_prefect(url):
        yield
        return
    address = urlsplit(url)
    host, port = address.hostname, address.port or 4200
    if host not in _LOOPBACK:
        raise StageError(f"no Prefect server answers at {url}; start it, or unset PREFECT_API_URL")
    if _is_taken(host, port):
        raise StageError(
            f"port {port} belongs to another program; choose a free one: "
            f"`PREFECT_API_URL=http://127.0.0.1:{port + 1}/api make ui`"
        )
    _LOG.parent.mkdir(exist_ok=True)
    command = ("prefect", "server", "start", "--host", host, "--port", str(port))
    with _LOG.open("wb") as log:
        process = on_leash(*command, output=log)
    try:
        _wait_for(process, url)
        yield
    finally:
        process.communicate()


def _wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _START_S
    while not _is_prefect(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StageError(f"the Prefect server does not start; {_LOG} says why")
        time.sleep(0.2)


def _is_prefect(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_ANSWER_S) as answer:
            return bool(answer.read(16).strip() == b"true")
    except (OSError, ValueError):
        return False


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as connection:
        connection.settimeout(_ANSWER_S)
        return connection.connect_ex((host, port)) == 0
