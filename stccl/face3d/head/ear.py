"""The outer ear: a bent dish with helix, antihelix, concha, tragus and lobe."""

import numpy as np

from stccl.face3d.head.piece import Piece
from stccl.face3d.head.topology import strip_triangles

_SEGMENTS = 36
_OUTLINE = ((0, 17), (35, 20.5), (65, 25.5), (90, 31), (115, 30), (145, 20), (180, 13.5), (215, 13.5), (240, 19), (265, 30), (285, 31), (310, 25), (335, 18.5), (360, 17))  # fmt: skip
"""Degrees from backwards over up to forwards, and the distance of the edge, mm."""
_RELIEF = ((0, -6.0), (0.22, -5.8), (0.42, -3.6), (0.58, 0.8), (0.68, 1.0), (0.80, -1.6), (0.90, 0.6), (0.97, 1.4), (1.0, 0.4))  # fmt: skip
"""From the concha's middle to the edge: share of the distance and height of the surface, mm."""
_CENTRE_MM = (75.6, -16.0, -13.0)
_FLARE_RAD, _TILT_RAD = 0.42, 0.16


def ear() -> Piece:
    """The left ear, its rim turned to a back that ends inside of the head."""
    degrees = 360 * np.arange(_SEGMENTS) / _SEGMENTS
    outline = np.interp(degrees, *np.array(_OUTLINE, dtype=float).T)
    for _ in range(2):
        outline = (np.roll(outline, 1) + 2 * outline + np.roll(outline, -1)) / 4
    turn = np.radians(degrees)
    shares = np.array([0.0, 0.12, 0.25, 0.38, 0.48, 0.58, 0.67, 0.76, 0.84, 0.91, 0.96, 1.0])
    backs = ((1.0, -1.8), (0.93, -3.2), (0.75, -5.0), (0.5, -14.0))
    rows = []
    lobe = np.exp(-0.5 * ((degrees - 272) / 24) ** 2)
    front = np.exp(-0.5 * ((np.abs(degrees - 188)) / 30) ** 2)
    tragus = np.exp(-0.5 * ((degrees - 195) / 16) ** 2)
    for share, height in [
        *((s, float(np.interp(s, *np.array(_RELIEF).T))) for s in shares),
        *backs,
    ]:
        face = height > -2 or share < 0.9
        relief = np.full(_SEGMENTS, height)
        if face:
            relief = (
                height
                * (1 - 0.85 * lobe * min(1, share / 0.5))
                * (1 - 0.55 * front * (share > 0.4))
            )
            relief = relief + 5.0 * tragus * np.exp(-0.5 * ((share - 0.62) / 0.16) ** 2)
        relief = relief - 4.0 * front * share**2
        rows.append(
            np.stack([share * outline * np.cos(turn), share * outline * np.sin(turn), relief], 1)
        )
    local = np.concatenate(rows)
    net = np.arange(len(local)).reshape(len(rows), _SEGMENTS)
    c, s = np.cos(_TILT_RAD), np.sin(_TILT_RAD)
    back, up = local[:, 0] * c - 0 * local[:, 1], local[:, 1]
    lean = local[:, 0] * s
    back = back + local[:, 1] * s
    up = up * c - lean
    # The dish bends: its back edge leans out of the head less than its front.
    out = local[:, 2]
    flare = _FLARE_RAD
    x = back * np.sin(flare) + out * np.cos(flare)
    z = -back * np.cos(flare) + out * np.sin(flare)
    points = np.stack([x, up, z], 1) + np.array(_CENTRE_MM)
    uv = 0.5 + local[:, :2] / 70
    triangles = strip_triangles(net, closed=True)[:, ::-1]
    return Piece("ear", points, triangles, uv)
