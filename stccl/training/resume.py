"""Where an interrupted training goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Checkpoint:
    """A file, and which training it belongs to.

    There is no generator to restore: what a step draws is a function of the seed and the step.

    Attributes:
        path: The file; it is replaced as a whole, so it is never half written.
        fingerprint: Of data, parameters and code; another training's checkpoint is ignored.
    """

    path: Path
    fingerprint: str

    def save(self, **state: Any) -> None:
        """Replace what is there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.partial")
        torch.save({"fingerprint": self.fingerprint, **state}, partial)
        partial.replace(self.path)

    def load(self) -> dict[str, Any] | None:
        """What was saved for this very training, or None."""
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:  # whatever a damaged file makes the reader do, training begins anew
            return None
        return saved if saved.get("fingerprint") == self.fingerprint else None
