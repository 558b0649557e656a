"""Speech-preserving facial expression manipulation under a learned correlation metric."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stccl.metric.config import STCCLConfig
    from stccl.metric.loss import STCCLLoss, STCCLTerms

# Arrow's own allocator returns the pages of every picture it has read and faults them in again for
# the next; the system's makes reading frames a third faster. Arrow looks here when it is loaded.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
# MKL may otherwise order its sums by how its threads happen to be scheduled, and one seed would not
# always give one model. It looks here when it is first used.
os.environ.setdefault("MKL_CBWR", "AUTO")

__version__ = "0.1.0"
__all__ = ["STCCLConfig", "STCCLLoss", "STCCLTerms"]

_HOMES = {
    "STCCLConfig": "stccl.metric.config",
    "STCCLLoss": "stccl.metric.loss",
    "STCCLTerms": "stccl.metric.loss",
}


def __getattr__(name: str) -> Any:
    # On first use: a stage that only reads tables need not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
