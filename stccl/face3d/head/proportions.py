"""The average adult head in numbers: control points of the skin, and the lines drawn on it.

Millimetres; x to the subject's left, y up from the line through the pupils, z forward from the
axis through the ears. Distances follow Farkas, Anthropometry of the Head and Face (1994), midway
between women and men: between the pupils 63, over the cheekbones 135, nasion to chin 120, length
of the nose 50, its width 35, mouth 52, eye fissure 31 x 10.

A point of the skin is named by its chart coordinates (a, b): a runs from the middle of the face
(0) around to the middle of the back (160), b from the chest up to the crown. On the front of the
face they are x and y.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MERIDIANS_MM = (0.0, 13.0, 26.0, 38.0, 50.0, 62.0, 80.0, 104.0, 132.0, 160.0)
"""The chart coordinate a of the columns of `skin_net`."""

# Front of the face: b, then z where x = 0, 13, 26, 38, 50, then (x, z) of the cheek or temple,
# then (x, y, z) before the ear, behind it, at the back's quarter, and (y, z) of its middle.
_FACE = (
    (55, 95.0, 94.0, 90.5, 83.5, 70, (60, 53), (67, 55, 22), (75, 55, -15), (62, 55, -70), (55, -97)),
    (40, 97.5, 96.5, 93.5, 87.0, 73.5, (60, 55), (67, 40, 26), (75.5, 40, -14), (63, 40, -70), (40, -98)),
    (22, 96.4, 95.8, 93.2, 87.4, 76.2, (59, 57), (66.5, 22, 29), (75, 22, -13), (63, 22, -68), (22, -97)),
    (10, 91.0, 87.8, 84.8, 81.0, 73.8, (58.5, 56.5), (66.5, 10, 29), (74, 10, -12), (62.5, 10, -66), (10, -95)),
    (0, 88.0, 80.5, 76.0, 74.0, 70.5, (59.5, 55.5), (67, 0, 28), (73, 0, -12), (62, 0, -64), (0, -93)),
    (-10, 90.0, 83.0, 79.0, 77.0, 72.0, (61, 56.5), (67.8, -10, 28), (71.5, -9, -12), (60.5, -8, -62), (-8, -91)),
    (-20, 93.0, 88.0, 85.0, 81.5, 74.0, (62, 57), (68.3, -20, 27), (70, -17, -13), (58, -15, -61), (-15, -89)),
    (-35, 96.5, 93.0, 87.5, 80.5, 70.5, (60.5, 53), (67.3, -33, 24), (68, -28, -14), (55, -22, -60), (-22, -87)),
    (-47, 100.0, 96.5, 88.5, 79.0, 67.0, (58.5, 48.5), (65.5, -43, 21), (66, -36, -15), (53, -28, -59), (-28, -85)),
    (-60, 101.5, 98.0, 88.5, 77.5, 63.6, (56, 44.5), (63, -54, 17), (64, -43, -16), (51, -33, -59), (-33, -84)),
    (-70, 100.0, 96.5, 87.0, 75.5, 60.6, (54, 41), (60, -62, 14), (62, -48, -17), (50, -37, -59), (-37, -83)),
)  # fmt: skip

# Jaw, throat, neck and shoulders: b, then (x, y, z) of each meridian.
_NECK = (
    (-87, (0, -87, 94.5), (13, -87, 91.5), (26, -87, 83.5), (37.5, -87, 71.5), (47, -86, 55), (51.5, -81, 35), (55, -74, 11), (60, -55, -18), (49, -42, -59), (0, -42, -82)),
    (-101, (0, -101, 96), (12.8, -101, 93), (25, -100.5, 82.5), (35.5, -99.5, 67), (43.5, -96, 50), (48.5, -89.5, 31), (52.5, -82, 8), (58, -61, -19), (48, -48, -60), (0, -48, -82)),
    (-113, (0, -114.5, 89), (12, -114, 86.5), (23, -111.5, 77), (32, -107.5, 62), (40, -102.5, 45), (46.5, -95.5, 26), (51, -87, 4), (56.5, -68, -20), (47, -56, -61), (0, -56, -82)),
    (-124, (0, -117.5, 77), (11, -117, 75), (21, -114.5, 66), (30, -110.5, 53), (37.5, -106, 38), (44.5, -100, 20), (50, -93, 0), (55.5, -76, -21), (46.5, -66, -62), (0, -66, -82)),
    (-136, (0, -119, 55), (11, -118.5, 53.5), (21, -117, 47), (29, -115, 38), (36, -113, 27), (42.5, -109, 14), (47.5, -102, -2), (53.5, -88, -21), (47, -80, -62), (0, -80, -82)),
    (-150, (0, -128, 38), (11, -128, 37), (21, -127, 33), (30, -126, 26), (36.5, -124, 18), (43, -121, 9), (49, -117, -3), (54, -107, -22), (48, -100, -63), (0, -99, -83)),
    (-168, (0, -148, 32), (12, -148, 31), (23, -147, 27.5), (32, -146, 22), (38.5, -144, 15), (45, -142, 7), (50.5, -140, -4), (55.5, -133, -23), (50, -126, -64), (0, -124, -84)),
    (-186, (0, -169, 30), (13, -169, 29), (25, -168, 26), (36, -166, 21), (46, -164, 14), (54, -162, 5), (61, -159, -6), (65, -154, -26), (56, -147, -66), (0, -145, -88)),
    (-204, (0, -188, 36), (16, -188, 36), (32, -186, 33), (50, -183, 27), (68, -180, 18), (84, -177, 8), (100, -176, -8), (100, -172, -36), (64, -168, -72), (0, -166, -94)),
    (-222, (0, -208, 50), (22, -208, 50), (46, -206, 46), (74, -203, 38), (104, -200, 26), (132, -197, 10), (150, -196, -10), (142, -192, -48), (82, -188, -86), (0, -186, -104)),
    (-240, (0, -232, 64), (26, -232, 64), (56, -231, 60), (90, -229, 52), (126, -227, 38), (160, -225, 16), (180, -224, -14), (164, -222, -58), (90, -220, -98), (0, -218, -112)),
    (-262, (0, -262, 76), (28, -262, 76), (60, -262, 72), (98, -261, 62), (136, -260, 46), (172, -260, 20), (192, -260, -18), (176, -260, -66), (94, -260, -106), (0, -260, -118)),
)  # fmt: skip

# The skull: b, y, half width, front z, back z of rings around the crown.
_SKULL = (
    (72, 71.0, 73.5, 88.0, -93.0),
    (87, 86.0, 65.5, 75.5, -83.0),
    (103, 99.5, 51.0, 55.0, -65.0),
    (119, 109.5, 29.5, 26.0, -37.0),
    (136, 113.5, 0.5, -4.0, -5.0),
)
_RING_RAD = (0.0, 0.173, 0.349, 0.52, 0.73, 0.95, 1.29, 1.70, 2.28, np.pi)


def skin_net() -> tuple[Array, Array]:
    """The control points of the smooth skin, without nose, lips and lids.

    Returns:
        The rows' chart coordinate b, (N,) descending, and the points, (N, 10, 3), mm, one column
        per meridian.
    """
    rows: list[tuple[float, list[tuple[float, float, float]]]] = []
    for b, y, width, front, back in reversed(_SKULL):
        middle = (front + back) / 2 - 2 * (width > 1)
        ring = []
        for angle in _RING_RAD:
            depth = (front if angle < np.pi / 2 else back) - middle
            c, s = np.cos(angle), np.sin(angle)
            radius = (abs(c) ** 2.12 + abs(s) ** 2.12) ** (-1 / 2.12)
            ring.append((width * radius * s, y, middle + abs(depth) * radius * c))
        rows.append((b, ring))
    for b, *front_z, (cheek_x, cheek_z), ear, behind, quarter, (back_y, back_z) in _FACE:
        points = [(x, float(b), z) for x, z in zip(MERIDIANS_MM, front_z, strict=False)]
        points += [(cheek_x, float(b), cheek_z), ear, behind, quarter, (0.0, back_y, back_z)]
        rows.append((b, points))
    rows += [(b, list(points)) for b, *points in _NECK]
    return np.array([b for b, _ in rows]), np.array([points for _, points in rows], dtype=float)


EYE_CENTRE_MM = (31.5, 0.0, 69.8)
EYE_RADIUS_MM = 12.2
LID_RADII_MM = (17.6, 14.0, 13.9)
"""Of the ellipsoid about the eye's centre that the outside of the lids lies on."""

INNER_CANTHUS_MM = (16.2, -1.7)
OUTER_CANTHUS_MM = (45.9, 0.8)
UPPER_LID = ((0, 0), (0.07, 0.30), (0.22, 0.74), (0.42, 1.0), (0.60, 0.95), (0.80, 0.63), (0.93, 0.25), (1, 0))  # fmt: skip
LOWER_LID = ((0, 0), (0.08, 0.20), (0.25, 0.63), (0.48, 0.96), (0.64, 1.0), (0.82, 0.74), (0.93, 0.37), (1, 0))  # fmt: skip
UPPER_LID_HEIGHT_MM = 4.6
LOWER_LID_HEIGHT_MM = 5.1
"""Rims of the lids: (share of the way from the inner corner to the outer, share of the height)."""

MOUTH_LINE_MM = ((0, -70.2), (5, -69.6), (12, -69.7), (19, -70.4), (25.8, -71.2))
UPPER_BORDER_MM = ((0, -63.2), (2.6, -62.4), (5.6, -61.6), (9, -62.4), (14, -64.9), (20, -67.9), (26.8, -71.2))  # fmt: skip
LOWER_BORDER_MM = ((0, -80.3), (7, -80.0), (13, -78.4), (20, -74.9), (26.8, -71.2))
"""Where the lips meet and the borders of their vermilion: (x, y) from the middle to the corner."""

BROW_MM = ((8.0, 12.9), (16, 15.6), (27, 18.1), (38, 18.4), (46, 15.4), (54, 9.5))
"""The middle of the brow's hair, chart coordinates from the inner end to the outer."""
