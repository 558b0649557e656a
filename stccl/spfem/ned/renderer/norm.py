"""Instance norm that also keeps running statistics."""

import torch
from torch import Tensor, nn


class InstanceNorm(nn.InstanceNorm2d):
    r"""Every channel of every image with mean 0 and variance 1; no learned scale.

    .. math:: y = (x - \mu) / \sqrt{\sigma^2 + 10^{-5}}

    In training \(\mu\) and \(\sigma^2\) are those of the image, and running averages are kept; in
    evaluation the running ones are used. The published renderer never leaves training mode, so its
    pictures are made with the image's own statistics: `per_image` gives these in evaluation, too,
    and leaves the running ones as they are. The arithmetic is that of `torch.nn.InstanceNorm2d`,
    several times as fast on a CPU.

    Args:
        channels: C of (B, C, H, W).

    >>> norm = InstanceNorm(16).eval()
    >>> norm.per_image = True
    >>> norm(torch.arange(16 * 4.0).view(1, 16, 2, 2))[0, 0].round(decimals=2)
    tensor([[-1.3400, -0.4500],
            [ 0.4500,  1.3400]])
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=False, track_running_stats=True)
        self.per_image = False

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        if not (self.training or self.per_image):
            return super().forward(input)
        batch, channels, height, width = input.shape
        pixels = height * width
        normalised, mean, reciprocal_std = torch.native_group_norm(
            input, None, None, batch, channels, pixels, channels, self.eps
        )
        if self.training:
            self._keep(mean, reciprocal_std, pixels)
        return normalised

    @torch.no_grad()
    def _keep(self, mean: Tensor, reciprocal_std: Tensor, pixels: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        variance = (reciprocal_std**-2 - self.eps) * (pixels / max(1, pixels - 1))
        self.running_mean.lerp_(mean.mean(0).to(self.running_mean), self.momentum)
        self.running_var.lerp_(variance.mean(0).to(self.running_var), self.momentum)
