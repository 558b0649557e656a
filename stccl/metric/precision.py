"""What a device computes in, asked of the device."""

from typing import Any

import torch


def computes_in_bf16(device: str) -> bool:
    """Whether bf16 is faster than single precision on devices of this type, `cpu` or `cuda`.

    On processors that is so with matrix units (AMX): the bf16 instructions of AVX-512 alone were
    measured at two thirds of the speed of single precision in convolutions.
    """
    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    # Older releases of torch cannot say.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return device == "cpu" and bool(capabilities.get("amx_bf16"))


def precision_of(wanted: str, accelerator: str) -> str:
    """What `auto` stands for on this machine: bf16-mixed where it computes in it, else 32-true."""
    if wanted != "auto":
        return wanted
    device = "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    return "bf16-mixed" if computes_in_bf16(device) else "32-true"
