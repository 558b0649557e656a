"""A face that moves: one picture, warped by facial actions, with a mouth that opens.

The actions are named after the Facial Action Coding System (Ekman and Friesen, 1978).
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.portrait.picture import blob, find_points, grid, remap

Array = NDArray[Any]


@dataclass(frozen=True)
class Actions:
    """How far parts of the face are from where the picture (a smile) has them.

    In hundredths of the distance between the outer corners of the eyes; positive is up, or apart
    for `corner_out` (of the lips) and `brows_apart`.
    """

    inner_brow: float = 0.0
    outer_brow: float = 0.0
    brows_apart: float = 0.0
    upper_lid: float = 0.0
    lower_lid: float = 0.0
    corner_up: float = 0.0
    corner_out: float = 0.0
    upper_lip: float = 0.0
    chin: float = 0.0

    def vector(self) -> Array:
        """The actions in the order of their fields."""
        return np.array([getattr(self, field.name) for field in fields(self)])


@dataclass(frozen=True)
class Pose:
    """Where the head is.

    `roll` is in radians; the others in units of the distance between the outer eye corners: how
    far the nose moves over the rest of the face (`yaw`, `pitch`), and the whole head (`x`, `y`).
    """

    yaw: float
    pitch: float
    roll: float
    x: float
    y: float


class Face:
    """A speaker's face.

    Args:
        picture: (256, 256, 3) RGB uint8, one frontal face, smiling, teeth just showing.
    """

    def __init__(self, picture: Array) -> None:
        self._picture = picture
        self._points = points = find_points(picture)
        self.eye_distance_px = float(np.linalg.norm(points[36] - points[45]))
        self._fields = self._actions()
        at = (grid() - points[27:36].mean(axis=0)) / self.eye_distance_px
        at = at.astype(np.float32)
        self._head = np.exp(-(((at / [1.05, 1.25]) ** 2).sum(axis=-1) ** 2))
        self._depth = np.exp(-((at / [0.75, 0.95]) ** 2).sum(axis=-1))
        self._centred = at

    def draw(self, actions: Array, opening: float, pose: Pose) -> Array:
        """A frame, (256, 256, 3) RGB uint8.

        Args:
            actions: `Actions.vector()`.
            opening: Of the lips, in units of the distance between the outer eye corners.
            pose: Of the head.
        """
        amount = (actions / 100 * self.eye_distance_px).astype(np.float32)
        source = grid() - np.einsum("a,ayxc->yxc", amount, self._fields)
        mouth = slice(int(self._points[33, 1]) - 8, None)  # the rows below the nose
        inside, shown = self._open_mouth(source[mouth], opening * self.eye_distance_px)
        still = remap(self._picture, source)
        still[mouth] = still[mouth] + shown * (inside - still[mouth])
        return remap(still, self._posed(pose))

    def _actions(self) -> Array:
        """Displacement per unit of every action, (9, 256, 256, 2)."""
        points, unit = self._points, self.eye_distance_px
        up, right = np.array([0.0, -1.0]), np.array([1.0, 0.0])

        def move(*parts: tuple[int, float, Array]) -> Array:
            return sum(
                blob(points[index], radius * unit)[..., None] * direction
                for index, radius, direction in parts
            )  # type: ignore[return-value]

        return np.stack([
            move((20, 0.10, up), (21, 0.10, 0.8 * up), (22, 0.10, 0.8 * up), (23, 0.10, up)),
            move((17, 0.13, 0.7 * up), (18, 0.12, up), (25, 0.12, up), (26, 0.13, 0.7 * up)),
            move((21, 0.12, -right), (22, 0.12, right)),
            move((37, 0.06, up), (38, 0.06, up), (43, 0.06, up), (44, 0.06, up)) / 1.5,
            move((40, 0.06, up), (41, 0.06, up), (46, 0.06, up), (47, 0.06, up)),
            move((48, 0.17, up), (54, 0.17, up), (62, 0.15, -0.35 * up)),
            move((48, 0.26, -right), (54, 0.26, right)),
            move((50, 0.12, 0.7 * up), (52, 0.12, 0.7 * up)),
            move((7, 0.25, 0.5 * up), (9, 0.25, 0.5 * up)),
        ]).astype(np.float32)  # fmt: skip

    def _open_mouth(self, at: Array, opening_px: float) -> tuple[Array, Array]:
        """Change where pixels are read, `at`, so that the lips are `opening_px` apart.

        Returns:
            What is seen behind the lips, and where, 0 to 1.
        """
        unit, points = self.eye_distance_px, self._points
        x, y = at[..., 0], at[..., 1]
        left, right = points[60], points[64]
        centre, half = (left + right) / 2, (right[0] - left[0]) / 2
        across = (x - centre[0]) / half
        line = left[1] + (right[1] - left[1]) * (np.clip(across, -1, 1) + 1) / 2
        bow = np.clip(1 - across**2, 0, 1)
        top = line + (points[62, 1] - 1.0 - centre[1]) * bow
        bottom = line + (points[66, 1] + 0.5 - centre[1]) * np.sqrt(bow)
        rest = top + 0.35 * (bottom - top)  # where closed lips meet
        upper, lower = rest - 0.1 * opening_px * bow, rest + 0.9 * opening_px * bow

        above, below = np.maximum(upper - y, 0) / unit, np.maximum(y - lower, 0) / unit
        wide = np.clip(1 - (across / (1 + 1.6 * below)) ** 2, 0, 1)
        neck = 1 / (1 + np.exp((y - points[8, 1] - 0.1 * unit) / (0.05 * unit)))
        drop = 0.9 * opening_px * wide * neck
        fade_up, fade_down = np.exp(-((above / 0.15) ** 2)), np.exp(-((below / 0.25) ** 2))
        above_lips = (top - upper) * fade_up
        below_lips = (bottom - rest) * fade_down - drop
        # Behind the lips: the picture's own teeth under the upper lip, then the dark, the tongue.
        depth = np.maximum(y - upper, 0)
        teeth = remap(self._picture, np.stack([x, np.minimum(top + 1.5 + depth, bottom)], axis=-1))
        seen = 1 / (1 + np.exp((depth - 0.09 * unit) / 0.7))[..., None]
        tongue = np.exp(-(((lower - y) / (0.06 * unit)) ** 2) - (across / 0.6) ** 2)[..., None]
        dark = np.array([45.0, 14.0, 16.0]) + tongue * np.array([95.0, 40.0, 42.0])
        inside = 0.95 * seen * teeth + (1 - seen) * dark
        shown = np.clip(np.minimum(y - upper, lower - y), 0, 1)[..., None]
        at[..., 1] += np.where(y < upper, above_lips, below_lips)
        return inside, shown

    def _posed(self, pose: Pose) -> Array:
        """Where every pixel of the frame is read in the frontal face."""
        u, v = self._centred[..., 0], self._centred[..., 1]
        shift = np.stack(
            [
                pose.x + pose.yaw * self._depth - pose.roll * v,
                pose.y + pose.pitch * self._depth + pose.roll * u,
            ],
            axis=-1,
        )
        source: Array = grid() - shift * self._head[..., None] * self.eye_distance_px
        return source
