"""How fast a 3-D face is fitted, beside the plain way: an optimiser's loop for every frame.

Both fit the built-in head to the same landmarks of made clips, the identity known. The plain way
runs Adam on pose, jaw and expression of one frame after the other, through the whole model. Run it
with `python -m benchmarks.fit`.
"""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.face3d.model import FaceCoefficients
from stccl.fit.camera import assumed_camera, first_guess
from stccl.fit.clip import fit_clip
from stccl.fit.equations import split
from stccl.fit.found import same_person
from stccl.fit.landmark_space import LandmarkSpace, coefficients, landmark_space
from stccl.fit.models import face_model, scales
from stccl.fit.observed import observe
from stccl.fit.priors import POSE_UNKNOWNS, prior
from stccl.fit.stage import residuals
from stccl.params import read_params
from stccl.render.camera import Camera

Array = NDArray[Any]

SIZE_PX = (256, 256)
FRAMES = 100
PLAIN_FRAMES = 3
PLAIN_STEPS = 100
REPEATS = 5


def made_landmarks(seed: int) -> tuple[Array, Array]:
    """(S,) identity and (T, 68, 2) landmarks of a head that moves in waves, half a pixel rough."""
    model = face_model("head")
    random = np.random.default_rng(seed)
    shape = random.normal(0, 0.6, len(model.shape_names))
    size = len(model.expression_names) + POSE_UNKNOWNS
    speed = random.uniform(0.05, 0.4, size)
    waves = 0.5 - 0.5 * np.cos(speed * np.arange(FRAMES)[:, None] + random.uniform(0, 6, size))
    expression, jaw, rotation, translation = split(waves)
    expression = 0.5 * expression * (random.random(expression.shape[1]) < 0.3)
    parts = (0.2 * (rotation - 0.5), 0.02 * (translation - 0.5), 0.25 * jaw * [1, 0, 0])
    face = coefficients(np.tile(shape, (FRAMES, 1)), expression, *parts)
    with torch.inference_mode():
        points = model.landmarks(model.vertices(face)).numpy()
    camera = Camera(256, 900.0, 1.0, 0.0, (128.0, 128.0))
    return shape, camera.project(points)[..., :2] + random.normal(0, 0.5, (FRAMES, 68, 2))


def ours(space: LandmarkSpace, points_px: Array) -> tuple[Camera, Array]:
    """All frames at once."""
    params = read_params().fit
    seen = observe(points_px, SIZE_PX)
    camera = assumed_camera(space, seen, SIZE_PX, params.camera_distance_m)
    before = prior(scales("head"), len(space.expression), params)
    return camera, fit_clip(space, camera, seen, before, [(0, len(points_px))])


def plain(space: LandmarkSpace, shape: Array, points_px: Array) -> tuple[Camera, Array]:
    """Frame by frame, through the mesh."""
    model = face_model("head")
    params = read_params().fit
    seen = observe(points_px, SIZE_PX)
    camera = assumed_camera(space, seen, SIZE_PX, params.camera_distance_m)
    known = torch.tensor(shape, dtype=torch.float32)[None]
    found = []
    for start, target in zip(first_guess(space, seen, camera), points_px, strict=True):
        unknowns = torch.tensor(start[None], dtype=torch.float32, requires_grad=True)
        goal = torch.tensor(target, dtype=torch.float32)
        optimiser = torch.optim.Adam([unknowns], lr=0.02)
        for _ in range(PLAIN_STEPS):
            optimiser.zero_grad()
            expression, jaw, rotation, translation = (
                unknowns[:, :-9], unknowns[:, -9:-6], unknowns[:, -6:-3], unknowns[:, -3:],
            )  # fmt: skip
            eyes = torch.zeros(1, 2, 3)
            face = FaceCoefficients(known, expression, rotation, translation, jaw, eyes)
            place = model.landmarks(model.vertices(face))[0]
            near = camera.focal_px / (camera.distance_m - place[:, 2:])
            flipped = place[:, :2] * torch.tensor([1.0, -1.0])
            shown = near * flipped + torch.tensor(camera.centre_px, dtype=torch.float32)
            loss = ((shown - goal) ** 2).mean() + 10 * (expression**2).mean()
            loss.backward()
            optimiser.step()
        found.append(unknowns.detach().numpy()[0])
    return camera, np.array(found, np.float64)


def main() -> None:
    """Print one line per figure."""
    torch.set_num_threads(1)
    times: dict[str, list[float]] = {"ours": [], "looked at with the whole model": [], "plain": []}
    missed: dict[str, list[float]] = {"ours": [], "plain": []}
    for seed in range(REPEATS):
        shape, points = made_landmarks(seed)
        space = landmark_space(face_model("head"), shape)
        begin = time.perf_counter()
        camera, unknowns = ours(space, points)
        fitted = time.perf_counter()
        missed["ours"].append(
            float(np.median(residuals("head", same_person(shape, unknowns, camera), points)))
        )
        looked = time.perf_counter()
        few = points[:: FRAMES // PLAIN_FRAMES][:PLAIN_FRAMES]
        begin_plain = time.perf_counter()
        camera, unknowns = plain(space, shape, few)
        times["plain"].append((time.perf_counter() - begin_plain) / len(few))
        missed["plain"].append(
            float(np.median(residuals("head", same_person(shape, unknowns, camera), few)))
        )
        times["ours"].append((fitted - begin) / FRAMES)
        times["looked at with the whole model"].append((looked - begin) / FRAMES)
    for name, seconds in times.items():
        print(f"{name}: {1 / np.median(seconds):.1f} frames/s in one process")
    for name, shares in missed.items():
        print(f"{name}: misses the landmarks by {100 * np.median(shares):.2f} % of the eyes")
    whole = np.median(times["looked at with the whole model"])
    print(f"ratio: {np.median(times['plain']) / whole:.0f}")


if __name__ == "__main__":
    main()
