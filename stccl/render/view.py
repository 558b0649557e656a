"""Cameras for batches of points, differentiable."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from stccl.render.camera import Camera


class View(Protocol):
    """Where points are seen in a picture, and from where. The camera looks along -z, +y is up."""

    @property
    def perspective(self) -> bool:
        """Whether things get smaller with distance."""

    def project(self, points: Tensor) -> Tensor:
        """Places in the picture of (B, N, 3) points, m.

        Returns:
            (B, N, 3): x to the right and y down, px, the picture's corner at 0 and the middle of
            its first pixel at 0.5; depth, larger is further.
        """

    def towards(self, points: Tensor) -> Tensor:
        """(B, N, 3) unit vectors from (B, N, 3) points, m, to the camera."""


class Pinhole(NamedTuple):
    """A `Camera` for batches: x_px = c_x + f x / (d - z), y_px = c_y - f (y - h) / (d - z).

    Depth is d - z, m.
    """

    camera: Camera | tuple[Camera, ...]
    """One for all B pictures, or B of them."""

    @property
    def perspective(self) -> bool:
        """True."""
        return True

    def project(self, points: Tensor) -> Tensor:
        """As `View.project`.

        >>> view = Pinhole(Camera(256, 1000.0, 1.0, 0.0, (128.0, 128.0)))
        >>> view.project(torch.tensor([[[0.01, 0.02, 0.0]]])).tolist()
        [[[138.0, 108.0, 1.0]]]
        """
        x, y, z = points.unbind(-1)
        focal, distance, height, right, down = self._numbers(points)
        depth = distance - z
        near = focal / depth
        return torch.stack((right + near * x, down - near * (y - height), depth), -1)

    def towards(self, points: Tensor) -> Tensor:
        """As `View.towards`."""
        _, distance, height, _, _ = self._numbers(points)
        eye = torch.stack((torch.zeros_like(height), height, distance), -1)
        return functional.normalize(eye - points, dim=-1)

    def _numbers(self, points: Tensor) -> Tensor:
        """(5, B or 1, 1) focal length, distance, height and centre."""
        cameras = (self.camera,) if isinstance(self.camera, Camera) else self.camera
        rows = [(c.focal_px, c.distance_m, c.height_m, *c.centre_px) for c in cameras]
        return points.new_tensor(rows).T[..., None]


class Orthographic(NamedTuple):
    """DECA's camera: x_px = S/2 (1 + s (x + t_x)), y_px = S/2 (1 - s (y + t_y)).

    Depth is -S/2 s z, px.
    """

    camera: Tensor
    """(B, 3): scale s in half pictures per metre, t_x and t_y in metres."""
    size_px: int
    """Width and height S of the picture; 224 for DECA's crop."""

    @property
    def perspective(self) -> bool:
        """False."""
        return False

    def project(self, points: Tensor) -> Tensor:
        """As `View.project`.

        >>> view = Orthographic(torch.tensor([[5.0, 0.1, 0.0]]), 224)
        >>> view.project(torch.tensor([[[0.1, 0.2, 0.3]]])).tolist()
        [[[224.0, 0.0, -168.0]]]
        """
        half = self.size_px / 2
        scale, right, up = self.camera.unbind(-1)
        stretch = half * torch.stack((scale, -scale, -scale), -1)
        shift = half * torch.stack((1 + scale * right, 1 - scale * up, 0 * scale), -1)
        return points * stretch[:, None] + shift[:, None]

    def towards(self, points: Tensor) -> Tensor:
        """As `View.towards`."""
        return points.new_tensor([0.0, 0.0, 1.0]).expand_as(points)


class Cropped(NamedTuple):
    """What a view shows, mapped onto another picture: a face crop, or a frame around the crop.

    Points are mapped instead of pixels, so nothing is sampled twice and gradients pass.
    """

    view: View
    matrix: Tensor
    """(2, 3) or (B, 2, 3), maps pixel positions of the view to those of the other picture; whole
    numbers are pixel centres, as in `align`'s tables."""

    @property
    def perspective(self) -> bool:
        """The view's."""
        return self.view.perspective

    def project(self, points: Tensor) -> Tensor:
        """As `View.project`.

        >>> view = Orthographic(torch.tensor([[5.0, 0.1, 0.0]]), 224)
        >>> twice = Cropped(view, torch.tensor([[2.0, 0, 0], [0, 2, 0]]))
        >>> twice.project(torch.tensor([[[0.1, 0.2, 0.3]]])).tolist()
        [[[447.5, -0.5, -168.0]]]
        """
        seen = self.view.project(points)
        matrix = self.matrix.to(seen)
        centres = seen[..., :2] - 0.5
        mapped = centres @ matrix[..., :2].mT + matrix[..., None, :, 2] + 0.5
        return torch.cat((mapped, seen[..., 2:]), -1)

    def towards(self, points: Tensor) -> Tensor:
        """As `View.towards`."""
        return self.view.towards(points)
