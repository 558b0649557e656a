"""Whether there is a Prefect server to show a run to, found out without importing Prefect."""

import logging
import os
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

PARENT_VARIABLE = "STCCL_PARENT_TASK_RUN"
"""Environment variable by which a pipeline's run shows the runs of its stages inside itself."""

_TIMEOUT_S = 3.0
_lost = False


def server_that_answers() -> str | None:
    """The address of the configured Prefect API; None, with a warning, if nobody answers there."""
    url = configured_api()
    if url is None:
        return None
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_TIMEOUT_S):
            return url
    except urllib.error.HTTPError:
        return url  # somebody is there; Prefect itself will say what is wrong
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        warn(f"the Prefect server at {url} does not answer ({reason}); running without it")
        return None


def configured_api() -> str | None:
    """The API's address by environment, the project's `prefect.toml` or the active profile."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    if url := _read_toml(Path("prefect.toml")).get("api", {}).get("url"):
        return str(url)
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = _read_toml(Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml")))
    active = os.environ.get("PREFECT_PROFILE", profiles.get("active"))
    url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    return None if url is None else str(url)


def quieten_prefect(*, console: bool) -> None:
    """Keep Prefect's own lines off the terminal; call it before Prefect is imported.

    Args:
        console: Silence the log of the run as well, which is on its page, because it would tear
            the progress bar apart. Otherwise only what Prefect says of lost connections.
    """
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    if console:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    logging.raiseExceptions = False  # its log sender writes to stderr where that is set


def warn(message: str) -> None:
    """One line for the person at the terminal."""
    print(f"warning: {message}", file=sys.stderr, flush=True)


def lose(error: BaseException) -> None:
    """Note that the server is gone, and say so once."""
    global _lost
    if not _lost:
        warn(f"lost the Prefect server ({type(error).__name__}); the work goes on without it")
    _lost = True


def is_lost() -> bool:
    """Whether the server went away during this run."""
    return _lost


def leave(code: int) -> NoReturn:
    """End the process, at once where the server is lost."""
    if _lost:
        # Prefect would try for minutes to deliver what it still has to tell the server.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
