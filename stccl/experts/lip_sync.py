"""The judge of lip sync: a network, and how it is shown a clip."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from stccl.errors import StcclError
from stccl.experts.params import SyncNetConfig
from stccl.experts.syncnet import SyncNet
from stccl.experts.windows import SyncWindows, sync_windows
from stccl.tables.png import Image

_FRAMES_AT_ONCE = 64
_PUBLISHED_FRAMES_AT_ONCE = 16


class SyncEmbeddings(NamedTuple):
    """A clip as the measure `stccl.evaluation.lip_sync.LipSync` takes it.

    Attributes:
        lips: (N, E) of the windows that begin with picture n.
        sound: (N, E) of the sound beside them.
        seen: (N,) which windows show a face throughout.
    """

    lips: Tensor
    sound: Tensor
    seen: Tensor


class LipSyncJudge:
    """Embeds pictures and sound of clips under a frozen network.

    Args:
        network: Trained; frozen by this.
    """

    def __init__(self, network: SyncNet) -> None:
        self.network = network.freeze()

    def embed(
        self,
        faces: Sequence[Image | None],
        sound: npt.NDArray[np.floating],
        sample_rate_hz: int = 16000,
    ) -> SyncEmbeddings:
        """Embeddings of a clip; arguments and errors as those of `sync_windows`."""
        return self.embed_windows(sync_windows(faces, sound, sample_rate_hz, self.network.config))

    def embed_windows(self, windows: SyncWindows) -> SyncEmbeddings:
        """Embeddings of a clip's windows, some at a time."""
        net = self.network
        published = net.config.input == "published"
        step = _PUBLISHED_FRAMES_AT_ONCE if published else _FRAMES_AT_ONCE
        reach = windows.pictures.shape[1] - len(windows.sound)
        with torch.inference_mode():
            lips = [
                net.lips(windows.pictures[None, :, start : start + step + reach])[0]
                for start in range(0, len(windows.sound), step)
            ]
            sound = net.sound(windows.sound)
        return SyncEmbeddings(torch.cat(lips), sound, torch.from_numpy(windows.seen))

    def save(self, folder: Path) -> None:
        """Write `sync.json` and `sync.safetensors`; the same weights give the same bytes."""
        state = {k: v.contiguous() for k, v in self.network.state_dict().items()}
        save_file(state, folder / "sync.safetensors")
        text = self.network.config.model_dump_json(indent=2) + "\n"
        (folder / "sync.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            StcclError: Where it is not there, or damaged.
        """
        path = folder / "sync.json"
        try:
            config = SyncNetConfig.parse(json.loads(path.read_text("utf-8")), where=str(path))
            network = SyncNet(config)
            network.load_state_dict(load_file(folder / "sync.safetensors"))
        except (OSError, SafetensorError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise StcclError(f"{folder}: no judge of lip sync: {reason}") from None
        return cls(network)
