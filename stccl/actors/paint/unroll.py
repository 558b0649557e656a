"""From the sheet in millimetres to the texture of the skin, and relief to normals."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stccl.actors.paint.sheet import PX_PER_MM, Sheet
from stccl.face3d.head.chart import chart_to_uv

Array = NDArray[Any]


class Unroll:
    """Reads layers of a sheet at the texels of the skin's texture.

    Args:
        sheet: What is read.
        size_px: Side of the texture.
    """

    def __init__(self, sheet: Sheet, size_px: int) -> None:
        middles = (np.arange(size_px) + 0.5) / size_px
        across_mm, up_mm = uv_to_chart(np.stack([middles, 1 - middles], 1)).T
        self.x_mm, self.y_mm = np.meshgrid(across_mm.astype(np.float32), up_mm.astype(np.float32))
        flat = np.stack([self.x_mm.ravel(), self.y_mm.ravel()], 1)
        self._at = sheet.pixels(flat).reshape(size_px, size_px, 2).astype(np.float32)
        # As many pixels of the sheet as a texel is wide in the middle of the face.
        self._spread_px = (
            0.5 * PX_PER_MM * float(across_mm[size_px // 2 + 1] - across_mm[size_px // 2])
        )
        gap_x = np.gradient(across_mm)[None, :]
        gap_y = -np.gradient(up_mm)[:, None]
        self._gaps_mm = (gap_x.astype(np.float32), gap_y.astype(np.float32))

    def read(self, layer: Array) -> Array:
        """A layer, (h, w) or (h, w, C), at every texel; its edge goes on beyond it."""
        soft = cv2.GaussianBlur(layer, (0, 0), self._spread_px) if self._spread_px > 0.3 else layer
        return cv2.remap(
            soft,
            self._at[..., 0],
            self._at[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def slopes(self, height_mm: Array) -> tuple[Array, Array]:
        """How steeply a relief at the texels rises along the chart's x and y."""
        down, right = np.gradient(height_mm)
        gap_x, gap_y = self._gaps_mm
        return right / gap_x, -down / gap_y


def uv_to_chart(uv: Array) -> Array:
    """The inverse of `chart_to_uv`: (N, 2) texture coordinates to chart, mm, a signed.

    >>> uv_to_chart(np.array([[0.5, 0.0], [0.25, 1.0]])).round(2)
    array([[   0.  , -262.  ],
           [ -53.33,  136.  ]])
    """
    share = uv[:, 0] - 0.5
    heights = np.linspace(-262, 136, 4000)
    v = chart_to_uv(np.stack([np.zeros(4000), heights], 1))[:, 1]
    across = 160 * share / (1 - np.abs(share))
    return np.stack([across, np.interp(uv[:, 1], v, heights)], 1)


def surface_axes(unroll: Unroll) -> tuple[Array, Array]:
    """Unit directions of the chart's x and y on a face, in the head's frame.

    On the front they are those of the head; round the sides x turns back.

    Returns:
        Two (H, W, 3) float32.
    """
    turn = np.clip(np.abs(unroll.x_mm) - 25, 0, None) / 60
    turn = np.sign(unroll.x_mm) * np.minimum(turn, np.pi / 2)
    zero = np.zeros_like(turn)
    axis_x = np.stack([np.cos(turn), zero, -np.sin(turn)], axis=-1).astype(np.float32)
    axis_y = np.zeros_like(axis_x)
    axis_y[..., 1] = 1
    return axis_x, axis_y
