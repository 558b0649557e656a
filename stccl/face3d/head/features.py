"""Where features lie in the skin's texture, and which vertices belong to them."""

import numpy as np

from stccl.face3d.head import proportions as prop
from stccl.face3d.head import topology
from stccl.face3d.head.anatomy import PARTS, Anatomy
from stccl.face3d.head.chart import chart_to_uv
from stccl.face3d.head.proportions import Array
from stccl.face3d.head.surface import curve

HAIRLINE_MM = ((0, 72), (25, 71), (42, 66), (52, 56), (57, 42), (63, 30), (69, 14), (73, -6), (78, -14), (84, 6), (96, 12), (108, 2), (114, -22), (118, -48), (135, -62), (160, -66))  # fmt: skip
"""The lower edge of the hair on the scalp, chart (a, b), from the forehead to the nape."""

BEARD_MM = ((0, -55), (16, -54), (28, -60), (36, -66), (48, -62), (60, -48), (68, -30), (76, -26), (80, -60), (78, -96), (62, -122), (30, -140), (0, -142))  # fmt: skip
"""The area where stubble grows, left half, chart (a, b)."""

_SPOTS_MM = {
    "cheek": (40.0, -28.0),
    "nose_tip": (0.0, -36.0),
    "chin": (0.0, -101.0),
    "temple": (60.0, 22.0),
    "forehead": (0.0, 46.0),
    "under_eye": (30.0, -13.0),
    "upper_lid": (31.0, 9.0),
    "nostril": (6.7, -46.0),
    "ear_entrance": (96.0, -16.0),
}


def _both(half: Array) -> tuple[Array, Array]:
    """A left-half curve in the chart as (right, left) in the texture."""
    return chart_to_uv(half * [-1, 1]), chart_to_uv(half)


def feature_uv(anatomy: Anatomy) -> dict[str, Array]:
    """Curves, areas and spots, each (N, 2) in the skin's texture (u right, v up).

    `lip_border` and `lip_slit` are closed and run from the middle of the upper lip over the
    subject's left corner; `<right|left>_lid_rim` are closed and start at the inner corner, over
    the upper lid; `…_brow` runs along the middle of the hair from its inner end; `hairline` goes
    from nape to nape over the forehead; `beard` is a closed area; the others are single spots.
    """

    def ring(nets: Array, number: int) -> tuple[Array, Array]:
        return _both(anatomy.chart[nets[1, number]])

    found: dict[str, Array] = {}
    lid = anatomy.lids.shape[1] - len(topology.LID_OFFSETS_MM)
    found["right_lid_rim"], found["left_lid_rim"] = ring(anatomy.lids, lid)
    crease = lid + topology.LID_OFFSETS_MM.index(5.8)
    found["right_lid_crease"], found["left_lid_crease"] = (
        loop[: topology.LID_COLUMNS + 1] for loop in ring(anatomy.lids, crease)
    )
    slit = anatomy.lips.shape[1] - len(topology.LIP_SHARES) - len(topology.LIP_OFFSETS_MM)
    border = slit + len(topology.LIP_SHARES) - 1
    for name, number in (("lip_slit", slit), ("lip_border", border)):
        right, left = ring(anatomy.lips, number)
        found[name] = np.concatenate([left, right[-2:0:-1]])
    x = np.linspace(prop.BROW_MM[0][0], prop.BROW_MM[-1][0], 24)
    found["right_brow"], found["left_brow"] = _both(np.stack([x, curve(prop.BROW_MM, x)], 1))
    right, left = _both(np.array(HAIRLINE_MM, dtype=float))
    found["hairline"] = np.concatenate([right[:0:-1], left])
    right, left = _both(np.array(BEARD_MM, dtype=float))
    found["beard"] = np.concatenate([left, right[-2:0:-1]])
    for name, spot in _SPOTS_MM.items():
        right, left = _both(np.array([spot]))
        if spot[0] == 0:
            found[name] = left
        else:
            found["right_" + name], found["left_" + name] = right, left
    return found


def vertex_groups(anatomy: Anatomy) -> dict[str, Array]:
    """Vertex numbers by name.

    `scalp`: skin that carries hair (a shell may be raised from its triangles);
    `right_upper_lashes`, `left_upper_lashes`, `…_lower_lashes`: in order along the rim from the
    inner corner; `right_brow`, `left_brow`: skin within 5 mm of the brow's middle line.
    """
    a, b = anatomy.chart[:, 0], anatomy.chart[:, 1]
    skin = anatomy.part == PARTS.index("skin")
    right = anatomy.points[:, 0] < 0
    groups = {
        "scalp": np.flatnonzero(skin & (b > np.interp(a, *np.array(HAIRLINE_MM, dtype=float).T))),
    }
    line = np.clip(a, prop.BROW_MM[0][0], prop.BROW_MM[-1][0])
    brow = skin & (np.hypot(a - line, b - curve(prop.BROW_MM, line)) < 5)
    rim = anatomy.lids.shape[1] - len(topology.LID_OFFSETS_MM)
    columns = topology.LID_COLUMNS
    for number, name in enumerate(("right", "left")):
        loop = anatomy.lids[number, rim]
        groups[f"{name}_upper_lashes"] = loop[: columns + 1]
        groups[f"{name}_lower_lashes"] = np.append(loop[0], loop[: columns - 1 : -1])
        groups[f"{name}_brow"] = np.flatnonzero(brow & (right == (name == "right")))
    return groups
