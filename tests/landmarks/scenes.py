"""Pictures with a drawn face, and a face finder that knows where it is: no model needed."""

import numpy as np

from stccl.align.template import canonical_points
from stccl.landmarks.faces import Box, Detection, Picture, Points, View

SIDE = 60


class Scene:
    """A clip: per frame a list of face boxes; what the finder does is counted."""

    def __init__(self, frames: list[list[tuple[int, int]]], side: int = SIDE) -> None:
        self.frames = frames
        self.side = side
        self.detected: list[int] = []
        texture = np.random.default_rng(0).integers(0, 256, (6, 6), np.uint8)
        self.texture = np.kron(texture, np.ones((side // 6, side // 6), np.uint8))

    def pictures(self):
        for number, faces in enumerate(self.frames):
            image = np.full((200, 300, 3), 90, np.uint8)
            image[0, 0] = number
            for x, y in faces:
                image[y : y + self.side, x : x + self.side] = self.texture[..., None]
            yield Picture(image)

    def box(self, x: float, y: float) -> Box:
        return np.float32([x, y, x + self.side, y + self.side])

    def detect(self, picture: Picture, *, side_px: float | None = None) -> list[Detection]:
        number = int(picture.rgb[0, 0, 0])
        self.detected.append(number)
        return [Detection(self.box(*face), 1.0 + number) for face in self.frames[number]]

    def points(self, picture: Picture, box: Box) -> Points:
        """Those of the nearest face, or those of no face where the box is."""
        View.of(picture.grey, box, 0.0)
        faces = self.frames[int(picture.rgb[0, 0, 0])]
        near = [f for f in faces if np.hypot(f[0] - box[0], f[1] - box[1]) < self.side / 2]
        corner = np.array(near[0] if near else box[:2], float)
        return (canonical_points() * self.side + corner).astype(np.float32)

    def box_around(self, points: Points) -> Box:
        return self.box(*(points[27] - canonical_points()[27] * self.side))
