"""A stage that is quick, deterministic and as bad as one asks for; what the tests of flows run."""

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from flows.stage import main, per_clip
from stccl.errors import ClipRejected
from stccl.perclip import Item, ItemStage, Outputs

BAD, FATAL, KILLED = "bad", "fatal", "killed"


def items(data: Path) -> list[Item]:
    """As many items as the environment says; those of TOY_<KIND> are of that kind."""
    kinds = {kind: os.environ.get(f"TOY_{kind.upper()}", "") for kind in (BAD, FATAL, KILLED)}
    kind_of = {int(number): kind for kind, text in kinds.items() for number in text.split()}
    return [
        Item(f"clip-{i:04d}", (i, kind_of.get(i, "")), {"i": f"{i}{kind_of.get(i, '')}"})
        for i in range(int(os.environ.get("TOY_ITEMS", "10")))
    ]


def process(source: tuple[int, str], data: Path, params: Any, out: Outputs) -> None:
    """Write one block of sound after as long, or as much work, as the environment says."""
    number, kind = source
    if kind == BAD:
        raise ClipRejected("toy_is_bad", f"{number} is bad", "take another")
    if kind == FATAL:
        raise OSError(28, "No space left on device")
    if kind == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    until = time.perf_counter() + float(os.environ.get("TOY_BUSY_S", "0"))
    while time.perf_counter() < until:
        sum(range(1000))
    work(int(os.environ.get("TOY_ROUNDS", "0")))
    out.table("audio").append(start_sample=0, samples=[number % 1000])


def work(rounds: int) -> None:
    """Compute for some time: as much whatever else the machine does, unlike waiting for a clock."""
    if rounds:
        hashlib.pbkdf2_hmac("sha256", b"toy", b"", rounds)


STAGE = ItemStage("toy", ("audio",), process, items, ("section",))
FLOW = per_clip("tests.flows.toy:STAGE", "align")

if __name__ == "__main__":
    main(FLOW)
