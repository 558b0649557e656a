"""`python -m flows.leash <module> [argument …]`: run a module for as long as stdin is held open.

Whoever starts it keeps the other side of the pipe. When that side closes, on purpose or because its
holder was killed, everything started here is interrupted, and what does not heed that is killed.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO

_GRACE_S = 10.0


def on_leash(
    *module: str, output: int | IO[bytes], environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a module that ends when the `stdin` of the process returned closes.

    Args:
        module: Its name and its arguments.
        output: Where stdout and stderr go.
        environment: In place of this process's own.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "flows.leash", *module],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # a group of its own, which can be ended without ending others
    )


def main() -> None:
    """Run the module that is named on the command line."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_stdin() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGINT)
    time.sleep(_GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
