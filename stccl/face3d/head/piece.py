"""A part of the left half of the head on its own: points, triangles, texture coordinates."""

from dataclasses import dataclass

from stccl.face3d.head.proportions import Array


@dataclass
class Piece:
    """Vertices with x = 0 are shared with the right half, which mirrors this one."""

    part: str
    points: Array
    """(N, 3) mm."""
    triangles: Array
    """(M, 3) into `points`, counter-clockwise seen from outside."""
    uv: Array
    """(N, 2) texture coordinates of the part, 0 to 1."""
