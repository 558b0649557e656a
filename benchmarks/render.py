"""Shape images of the built-in head at 224×224 per second, two processes, against plain torch.

Plain: triangle after triangle into a z-buffer with numpy, then torch's own operators for normals,
weights and shading, whose autograd gives the gradient. Both sides draw the same faces, taking
turns; pictures and gradients are compared. Two processes of one thread each is how stages work.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stccl.face3d.head.head import Head
from stccl.face3d.images.seen import see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import FaceSurface, face_surface
from stccl.render.view import Orthographic

SIDE_PX = 224
PLAIN_FACES = 2
Draw = Callable[[], Tensor]
LAMPS = functional.normalize(
    torch.tensor([[-1.0, 1, 1], [1, 1, 1], [-1, -1, 1], [1, -1, 1], [0, 0, 1]]), dim=1
)


def plain_triangles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The nearest triangle in every pixel, -1 for none."""
    nearest = np.full((SIDE_PX, SIDE_PX), np.inf)
    found = np.full((SIDE_PX, SIDE_PX), -1)
    for index, (a, b, c) in enumerate(points[triangles]):
        low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)[:2] - 0.5), 0).astype(int)
        high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)[:2] - 0.5), SIDE_PX - 1)
        columns, rows = (np.arange(low[axis], int(high[axis]) + 1) + 0.5 for axis in (0, 1))
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if not len(columns) or not len(rows) or area == 0:
            continue
        x, y = columns[None], rows[:, None]
        v = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        z = a[2] + v * (b[2] - a[2]) + w * (c[2] - a[2])
        box = np.s_[low[1] : low[1] + len(rows), low[0] : low[0] + len(columns)]
        wins = (v >= 0) & (w >= 0) & (v + w <= 1) & (z < nearest[box])
        nearest[box][wins], found[box][wins] = z[wins], index
    return found


def plain_images(surface: FaceSurface, vertices: Tensor, view: Orthographic) -> Tensor:
    """(B, 1, 224, 224) in torch's own operators."""
    places = view.project(vertices)
    triangles = surface.triangles
    rows, columns = torch.meshgrid(*[torch.arange(SIDE_PX) + 0.5] * 2, indexing="ij")
    images = []
    for points, face in zip(places, vertices, strict=True):
        found = plain_triangles(points.detach().double().numpy(), triangles.numpy())
        pixels = torch.from_numpy(np.flatnonzero(found.ravel() >= 0))
        corners = triangles[torch.from_numpy(found.ravel())[pixels]]
        a, b, c = points[corners][..., :2].unbind(1)
        at = torch.stack((columns.ravel()[pixels], rows.ravel()[pixels]), 1)
        edges = [cross(q - at, r - at) for q, r in ((b, c), (c, a), (a, b))]
        weights = torch.stack(edges, 1) / sum(edges)[:, None]
        ends = face[triangles].unbind(1)
        area = torch.linalg.cross(ends[1] - ends[0], ends[2] - ends[0])
        total = torch.zeros_like(face)
        for corner in range(3):
            total = total.index_add(0, triangles[:, corner], area)
        normals = functional.normalize(total, dim=1)
        normal = (weights[..., None] * normals[corners]).sum(1)
        light = (normal @ LAMPS.T).clamp(0, 1).mean(1) * 1.7 * 180 / 255
        light = torch.where(normal[:, 2] > -0.15, light, 0)
        images.append(torch.zeros(SIDE_PX**2).index_put((pixels,), light))
    return torch.stack(images).view(-1, 1, SIDE_PX, SIDE_PX)


def cross(u: Tensor, v: Tensor) -> Tensor:
    """The third component of u x v."""
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


class Clock:
    """Wall and processor seconds of calls, medians."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    def time(self, call: Callable[[], object], faces: int) -> None:
        """Add a call's seconds per face."""
        wall, processor = time.perf_counter(), time.process_time()
        call()
        self.wall.append((time.perf_counter() - wall) / faces)
        self.processor.append((time.process_time() - processor) / faces)


def report(name: str, ours: Draw, plain: Draw | None, options: argparse.Namespace) -> None:
    """Take turns: ours, and the plain way, on one thread."""
    one, slow = Clock(), Clock()
    found = ours()[:PLAIN_FACES].flatten()
    for _ in range(options.rounds):
        one.time(ours, options.faces)
        if plain is not None:
            slow.time(plain, PLAIN_FACES)
    line = f"{name:14} {1 / median(one.wall):4.0f}/s in one process; "
    line += f"processor time {1e3 * median(one.processor):.1f} ms"
    if plain is not None:
        cosine = functional.cosine_similarity(found, plain().flatten(), dim=0)
        line += f", plain {1e3 * median(slow.processor):.0f} ms: "
        line += f"{median(slow.processor) / median(one.processor):.0f} times as fast, "
        line += f"cosine {float(cosine):.5f}"
    print(line, flush=True)


class Scene:
    """Faces and the camera that sees them."""

    def __init__(self, faces: int) -> None:
        head = Head()
        self.surface = face_surface(head)
        coefficients = head.rest(faces)
        generator = torch.Generator().manual_seed(0)
        coefficients.shape.normal_(generator=generator).clamp_(-2, 2)
        coefficients.rotation.normal_(0, 0.25, generator=generator)
        coefficients.jaw[:, 0].uniform_(0, 0.3, generator=generator)
        with torch.no_grad():
            self.vertices = head.vertices(coefficients)
        self.view = Orthographic(torch.tensor([[7.0, 0.0, -0.02]]), SIDE_PX)
        self.weight = torch.rand(1, 1, SIDE_PX, SIDE_PX, generator=generator)

    def ours(self, faces: Tensor, *, soft: bool = False) -> Tensor:
        """(B, 1, 224, 224)."""
        seen = see_faces(self.surface, faces, self.view, (SIDE_PX, SIDE_PX))
        image = shape_image(seen)[:, :1]
        return seen.soften(image) if soft else image

    def plain(self, faces: Tensor) -> Tensor:
        """The same of the first faces."""
        return plain_images(self.surface, faces[:PLAIN_FACES], self.view)

    def forward(self, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Without gradient."""
        with torch.no_grad():
            return draw(self.vertices)

    def gradient(self, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """By the first faces' vertices."""
        faces = self.vertices.clone().requires_grad_()
        (draw(faces) * self.weight).sum().backward()
        assert faces.grad is not None
        return faces.grad[:PLAIN_FACES]


def draw_for(seconds: float, faces: int, start: Any, rates: Any) -> None:
    """In a process of its own: begin when the others do, tell how many images a second."""
    torch.set_num_threads(1)
    scene = Scene(faces)
    scene.forward(scene.ours)
    start.wait()
    begun, drawn = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        drawn += len(scene.forward(scene.ours))
    rates.put(drawn / (time.perf_counter() - begun))


def in_processes(count: int, faces: int, seconds: float = 5.0) -> float:
    """Images per second of all of them."""
    context = multiprocessing.get_context("spawn")
    start, rates = context.Barrier(count), context.Queue()
    workers = [
        context.Process(target=draw_for, args=(seconds, faces, start, rates)) for _ in range(count)
    ]
    for worker in workers:
        worker.start()
    total = sum(rates.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


def main() -> None:
    """Print a line per kind."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--faces", type=int, default=16)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    scene = Scene(options.faces)
    print(f"{options.faces} faces at {SIDE_PX} px, {len(scene.surface.triangles)} triangles each")
    for name, of in (("shape image", scene.forward), ("with gradient", scene.gradient)):
        report(name, partial(of, scene.ours), partial(of, scene.plain), options)
    report("outlines, too", lambda: scene.gradient(partial(scene.ours, soft=True)), None, options)
    print(f"two processes: {in_processes(2, options.faces):.0f} shape images/s")


if __name__ == "__main__":
    main()
