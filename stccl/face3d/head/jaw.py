"""Which parts of the head move with the lower jaw."""

import numpy as np

from stccl.face3d.head.anatomy import PARTS, Anatomy
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import mouth_line

HINGE_MM = (0.0, -24.0, 8.0)
"""A point of the axis the jaw turns about, which runs from ear to ear."""


def _step(value: Array) -> Array:
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def jaw_weights(anatomy: Anatomy) -> Array:
    """(V,) 0 for vertices fixed to the skull, 1 for those fixed to the lower jaw."""
    x, y, z = np.abs(anatomy.points[:, 0]), anatomy.points[:, 1], anatomy.points[:, 2]
    # The border between skull and jaw runs from the mouth's corner to the hinge; the skin
    # stretches over it, within a band that is narrow at the lips and wide in the cheek.
    corner = 25.8
    line = np.where(x < corner, mouth_line(x), -71.2 + (x - corner) * (71.2 - 30) / (62 - corner))
    band = 7 + 26 * _step(x / 40)
    weight = _step(0.5 + (line - y) / (2 * band))
    inner = np.clip(1 - x / corner, 0, 1)
    lip = 0.5 + 0.5 * (1 - (1 - inner) ** 2) ** 0.6
    near = x < corner
    weight = np.where(near & (anatomy.above < 0), np.maximum(weight, lip), weight)
    weight = np.where(near & (anatomy.above > 0), np.minimum(weight, 1 - lip), weight)
    # Under the chin it fades into the throat, behind the jaw's branch into the neck.
    b = np.where(anatomy.chart[:, 1] == 0, y, anatomy.chart[:, 1])
    weight = weight * _step((b + 146) / 26) * _step((z + 8) / 42)
    names = np.array(PARTS)[anatomy.part]
    rigid = np.isin(names, ("lower_teeth", "lower_gums", "tongue"))
    fixed = np.isin(names, ("upper_teeth", "upper_gums", "eyeball", "lid_lining", "ear"))
    lining = names == "mouth_lining"
    side_share = np.where(anatomy.above < 0, np.maximum(lip, 0.5), np.minimum(1 - lip, 0.5))
    weight = np.where(
        lining, np.where(x < corner, side_share, 0.5 - 0.5 * np.clip((y + 71) / 10, -1, 1)), weight
    )
    weight = np.where(rigid, 1.0, np.where(fixed, 0.0, weight))
    return weight
