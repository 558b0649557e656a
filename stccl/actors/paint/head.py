"""The whole skin of one actor as a texture, and its creases as changes to it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stccl.actors.looks import Looks
from stccl.actors.paint.brows import paint_brows, paint_lids
from stccl.actors.paint.creases import CREASES, paint_crease
from stccl.actors.paint.lips import paint_lips
from stccl.actors.paint.sheet import Sheet
from stccl.actors.paint.skin import paint_scalp, paint_skin
from stccl.actors.paint.unroll import Unroll, surface_axes
from stccl.render.jit import kernel
from stccl.render.surface import ALBEDO, BUMP, CHANNELS, ROUGHNESS, SPECULAR

Array = NDArray[Any]


_BUMP_FIRST = BUMP.start


class Crease(NamedTuple):
    """What a fold changes in the skin's texture.

    Attributes:
        rows: Of the texture.
        columns: Of the texture.
        shade: (h, w, 1) added to 1, times albedo: folds are darker inside.
        bump: (h, w, 3) added to the normal.
    """

    rows: slice
    columns: slice
    shade: Array
    bump: Array


class Skin:
    """A person's skin, painted once; `texture` gives it with the folds of an expression.

    Args:
        looks: Of the person.
        generator: Chance for everything that is scattered by hand.
        size_px: Side of the texture.
    """

    def __init__(self, looks: Looks, generator: np.random.Generator, size_px: int) -> None:
        sheet = Sheet(generator)
        coat = paint_skin(sheet, looks)
        paint_scalp(sheet, looks, coat)
        paint_lips(sheet, looks, coat)
        paint_lids(sheet, looks, coat)
        paint_brows(sheet, looks, coat, generator)
        self._unroll = Unroll(sheet, size_px)
        self._axes = surface_axes(self._unroll)
        self.base = np.zeros((size_px, size_px, CHANNELS), np.float32)
        self.base[..., ALBEDO] = self._unroll.read(np.clip(coat.albedo, 0.003, 1))
        self.base[..., ROUGHNESS] = self._unroll.read(np.clip(coat.roughness, 0.2, 0.9))
        self.base[..., SPECULAR] = self._unroll.read(np.clip(coat.specular, 0, 1.5))
        self.base[..., BUMP] = self._bump(self._unroll.read(coat.height_mm))
        self._creases = {name: self._crease(sheet, name) for name in CREASES}
        self._folded, self._shown = self.base.copy(), list[Crease]()
        aged = min(max((looks.age_years - 25) / 60, 0.0), 0.6)
        self.base = self.texture(dict.fromkeys(CREASES, 0.8 * aged)).copy()

    def texture(self, strengths: Mapping[str, float]) -> Array:
        """The texture of `Surface` with each crease as strong as told.

        Returns:
            (H, W, 8) float32, the same array every time: it holds until the next call.
        """
        for crease in self._shown:
            place = crease.rows, crease.columns
            self._folded[place] = self.base[place]
        self._shown = []
        for name, strength in strengths.items():
            if strength > 0.01:
                crease = self._creases[name]
                self._shown.append(crease)
                patch = self._folded[crease.rows, crease.columns]
                _fold(patch, crease.shade, crease.bump, np.float32(strength))
        return self._folded

    def _crease(self, sheet: Sheet, name: str) -> Crease:
        relief = self._unroll.read(paint_crease(sheet, name))
        touched = np.abs(relief) > 0.01
        used_rows, used_columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
        rows = slice(used_rows[0], used_rows[-1] + 1)
        columns = slice(used_columns[0], used_columns[-1] + 1)
        shade = np.clip(0.35 * relief, -0.35, 0.06)[rows, columns, None]
        return Crease(rows, columns, shade, self._bump(relief)[rows, columns])

    def _bump(self, relief_mm: Array) -> Array:
        rise_x, rise_y = self._unroll.slopes(relief_mm)
        axis_x, axis_y = self._axes
        steep = np.maximum(1.0, np.hypot(rise_x, rise_y) / 0.8)[..., None]
        bump: Array = -(rise_x[..., None] * axis_x + rise_y[..., None] * axis_y) / steep
        return bump


@kernel
def _fold(patch: Array, shade: Array, bump: Array, strength: np.float32) -> None:
    """Add a crease to its part of a texture of `ALBEDO` first and `BUMP` last."""
    shading = min(strength, np.float32(1.0))
    for row in range(patch.shape[0]):
        for column in range(patch.shape[1]):
            dimmed = np.float32(1.0) + shading * shade[row, column, 0]
            for channel in range(3):
                patch[row, column, channel] *= dimmed
                patch[row, column, _BUMP_FIRST + channel] += strength * bump[row, column, channel]
