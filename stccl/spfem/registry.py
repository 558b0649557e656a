"""The backbones there are, and what a trained model is called."""

BACKBONES = {"ned": "stccl.spfem.ned.backbone"}
"""Name and module of every backbone; the module has the functions of `Backbone`."""

PRETRAINED = "pretrained"
"""Takes the place of a supervision in the name of what `pretrain` makes."""


def run_name(backbone: str, supervision: str, seed: int) -> str:
    """What a trained model, its curves and its clips are called by.

    >>> run_name("ned", "vd", 42)
    'ned-vd-42'
    """
    return f"{backbone}-{supervision}-{seed}"
