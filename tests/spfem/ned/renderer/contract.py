"""The published checkpoints' keys, in order, written out of their pattern."""

from itertools import pairwise

Key = tuple[str, tuple[int, ...], str]


def _convolution(name: str, *shape: int, bias: int) -> list[Key]:
    return [(f"{name}.weight", shape, "float32"), (f"{name}.bias", (bias,), "float32")]


def _norm(name: str, channels: int) -> list[Key]:
    return [
        (f"{name}.running_mean", (channels,), "float32"),
        (f"{name}.running_var", (channels,), "float32"),
        (f"{name}.num_batches_tracked", (), "int64"),
    ]


def _block(name: str, channels: int) -> list[Key]:
    keys: list[Key] = []
    for twice in ("resnetblock_sequential", "conv_block"):
        for layer in (1, 5):
            place = f"{name}.{twice}.{layer}"
            keys += _convolution(place, channels, channels, 3, 3, bias=channels)
            keys += _norm(f"{name}.{twice}.{layer + 1}", channels)
    return keys


def generator() -> list[Key]:
    keys: list[Key] = []
    for encoder, channels in (("model_down_seg", 27), ("model_down_img", 6)):
        widths = [channels, 64, 128, 256, 512]
        for number, (before, after) in enumerate(pairwise(widths)):
            side = 3 if number else 7
            place = 1 + 3 * number
            keys += _convolution(f"{encoder}.{place}", after, before, side, side, bias=after)
            keys += _norm(f"{encoder}.{place + 1}", after)
        for number in range(13, 18):
            keys += _block(f"{encoder}.{number}", 512)
    for number in range(4):
        keys += _block(f"model_res_img.{number}", 512)
    for number, width in enumerate((512, 256, 128)):
        half = width // 2
        keys += _convolution(f"model_up_img.{3 * number}", width, half, 3, 3, bias=half)
        keys += _norm(f"model_up_img.{3 * number + 1}", half)
    return keys + _convolution("model_final_img.1", 3, 64, 7, 7, bias=3)


def discriminator() -> list[Key]:
    keys: list[Key] = []
    widths = [12, 64, 128, 256, 512, 1]
    for scale in range(2):
        for layer, (before, after) in enumerate(pairwise(widths)):
            name = f"scale{scale}_layer{layer}"
            keys += _convolution(f"{name}.0", after, before, 4, 4, bias=after)
            if 0 < layer < 4:
                keys += _norm(f"{name}.1", after)
    return keys
