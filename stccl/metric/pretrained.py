"""Metrics as files: saved, loaded, shared on the hub, and read from the published checkpoints."""

from pathlib import Path
from typing import Any, Literal, Self

from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from torch import nn

from stccl.checkpoint import load_weights, read_weights
from stccl.errors import StcclError
from stccl.metric.config import STCCLConfig
from stccl.saved import CONFIG_FILE, WEIGHTS_FILE, read_network, save_network

_CARD = """---
{{ card_data }}
---

# A spatial-temporal coherent correlation metric

It says how far two clips of one speaker, who says the same words in two emotions, agree region by
region, and is a loss for models that manipulate expressions:

```python
from stccl import STCCLLoss

loss = STCCLLoss.from_pretrained("this/repository")
total = loss(generated, source).total  # (B, 3, H, W) or (B, T, 3, H, W), RGB in [-1, 1]
```
"""


class Pretrained(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="stccl",
    tags=["face", "loss", "metric"],
    model_card_template=_CARD,
):
    """Saving and loading of a metric; `push_to_hub` is that of `huggingface_hub`.

    Args:
        config: What is saved beside the weights.
    """

    def __init__(self, config: STCCLConfig) -> None:
        super().__init__()
        self.config = config

    def freeze(self) -> Self:
        """No more learning: evaluation mode for good, no gradients for the parameters."""
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """As everywhere, but a frozen metric stays in evaluation mode."""
        return super().train(mode and any(p.requires_grad for p in self.parameters()))

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write `config.json` and `model.safetensors`; the same weights give the same bytes."""
        save_network(save_directory, self.config, self.state_dict())

    @classmethod
    def from_pretrained(cls, name: str | Path, **hub: Any) -> Self:  # type: ignore[override]
        """A saved metric, frozen, on the CPU.

        Args:
            name: A folder, the weights file in it, or the name of a repository on the Hugging Face
                hub.
            hub: Where and how to look on the hub, as for `huggingface_hub.hf_hub_download`:
                `revision`, `token`, `cache_dir`, `force_download`, `local_files_only`.

        Raises:
            StcclError: Where there is no metric, or what is there does not fit together.
        """
        folder = Path(name)
        if folder.is_file():
            folder = folder.parent
        elif not folder.is_dir():
            folder = _from_hub(str(name), hub)
        config, state = read_network(folder, STCCLConfig, "metric")
        loss = cls(config)
        load_weights(loss, state, f"{folder}: weights of another metric than {CONFIG_FILE} says")
        return loss.freeze()

    @classmethod
    def from_published(
        cls,
        path: str | Path,
        part: Literal["spatial", "temporal"],
        config: STCCLConfig | None = None,
    ) -> Self:
        """A metric from a checkpoint of the published trainers, frozen, on the CPU.

        The spatial and the temporal model have the same 484 keys, so the file does not tell which
        it is; the joint model's checkpoint is a spatial one. For both parts add two losses: each
        has a backbone of its own. For ArcFace weights alone see `IResNet.load_arcface`.

        Args:
            path: A state dict as `torch.save` writes it; nothing in it is executed.
            part: Which of the two it was trained as.
            config: Arithmetic; `STCCLConfig.reference()` without it. Only `part` is on.

        Raises:
            StcclError: Where the file is no such file, naming keys that do not fit.
        """
        path = Path(path)
        config = config or STCCLConfig.reference()
        only = {name: name == part for name in ("spatial", "temporal")}
        loss = cls(config.model_copy(update=only))
        state = {
            _own_key(key.removeprefix("module."), part): value
            for key, value in read_weights(path).items()
        }
        if not loss.config.mapping:
            state = {k: v for k, v in state.items() if not k.startswith(f"{part}_heads.")}
        load_weights(loss, state, f"{path}: not a published metric of these blocks and widths")
        return loss.freeze()


def _own_key(key: str, part: str) -> str:
    """The name here of one of the published keys; what is none of them stays.

    >>> _own_key("resnet50.bn1.bias", "spatial"), _own_key("mlp.5.weight", "temporal")
    ('backbone.bn1.bias', 'temporal_heads.1.2.weight')
    """
    model, _, rest = key.partition(".")
    number, _, kind = rest.partition(".")
    if model == "resnet50":
        return f"backbone.{rest}"
    if model == "mlp" and number.isdigit():
        level, layer = divmod(int(number), 3)  # linear, activation, linear of every level
        return f"{part}_heads.{level}.{layer}.{kind}"
    return key


def _from_hub(name: str, options: dict[str, Any]) -> Path:
    try:
        paths = [
            Path(hf_hub_download(name, file, **options)) for file in (CONFIG_FILE, WEIGHTS_FILE)
        ]
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StcclError(
            f"{name}: no folder, and no metric of that name on the hub ({reason})"
        ) from None
    return paths[0].parent
