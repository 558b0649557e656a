"""A fit refined by the pictures: the skin keeps its colours while it moves."""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stccl.errors import ClipRejected
from stccl.face3d.images.surface import FaceSurface, face_surface
from stccl.face3d.model import FaceCoefficients, FaceModel
from stccl.face3d.shading import harmonics
from stccl.fit.appearance import Appearance, estimate
from stccl.fit.clip import newton_step
from stccl.fit.crops import Crops
from stccl.fit.equations import equations, split
from stccl.fit.landmark_space import LandmarkSpace, coefficients, landmark_space
from stccl.fit.models import face_model
from stccl.fit.observed import Observed
from stccl.fit.priors import Prior
from stccl.fit.projection import project
from stccl.landmarks.smooth import Runs
from stccl.render.camera import Camera
from stccl.render.differentiable import rasterize, visible_vertices
from stccl.render.normals import vertex_normals
from stccl.render.view import Cropped, Pinhole

Array = NDArray[Any]

_ROUNDS = 3
_STEPS = 2
_NOISE = 0.03
"""Standard deviation of a colour, which the model has wrong in patches rather than alone."""
_ROBUST = 10.0  # standard deviations from which a colour is taken to be of something else
_LANDMARKS = 0.2
"""Weight of the landmarks beside the pictures: their errors last for many frames."""
_SPACING_M = 0.005
_BEHIND_M = 0.004
_LEAST_FACING, _FULLY_FACING = 0.2, 0.5  # cosines to the camera
_ASIDE_RAD = 0.2
_STILL_M = 1e-6
_BATCH = 16


class Refined(NamedTuple):
    """A clip as its pictures show it.

    Attributes:
        unknowns: (T, P) within their bounds.
        appearance: Of the N vertices of `skin_vertices`.
        residual: (T,) root mean square of what the colours of the visible skin are missed by,
            1 from black to white; NaN where no skin is seen.
    """

    unknowns: Array
    appearance: Appearance
    residual: Array


class SeenSkin(NamedTuple):
    """Skin as T frames show it.

    Attributes:
        basis: (T, N, 9) of `harmonics`.
        weights: (T, N) from 0, hidden or nearly from the side, to 1.
    """

    basis: Array
    weights: Array


def refine(
    model: str,
    shape: tuple[float, ...],
    space: LandmarkSpace,
    camera: Camera,
    seen: Observed,
    crops: Crops,
    prior: Prior,
    runs: Runs,
    unknowns: Array,
) -> Refined:
    r"""Move the face so that every place of the skin has one colour through the clip.

    .. math:: \min_{u,a,L} \sum_{t,v} w_{tv} \rho\!\left(
        \frac{I_t(\pi(x_v(u_t))) - a_v \circ H(n_v(u_t)) L}{\sigma}\right) + E(u)

    with pictures I, places x and normals n of the skin, albedo a and light L (see `appearance`),
    Geman-McClure's rho, and E the terms of `fit_clip`, its landmarks at a lesser weight. Albedo
    and light are solved for in turn with Gauss-Newton steps on the motion, of all frames at once;
    within these the shading and what is hidden stay as they are.

    Args:
        model: Name of the face model.
        shape: Of the person.
        space: Landmarks of the person.
        camera: Of the clip.
        seen: Landmarks of T frames.
        crops: The frames' pictures.
        prior: What is known beforehand.
        runs: See `fit_clip`.
        unknowns: (T, P) from `fit_clip`, to begin with.
    """
    skin = _skin_space(model, shape)
    shown = see_skin(model, shape, unknowns, camera, crops)
    colours = _shown(skin, camera, crops, unknowns)[0]
    appearance = estimate(colours, shown.basis, shown.weights)
    for _ in range(_ROUNDS):
        predicted = appearance.colours(shown.basis)
        for _ in range(_STEPS):
            blocks, right, doubts = photometric_equations(
                skin, camera, crops, unknowns, predicted, shown.weights
            )
            own_blocks, own_right = equations(space, camera, seen, unknowns, robust=True).normal()
            blocks += _LANDMARKS * own_blocks
            right += _LANDMARKS * own_right
            unknowns = unknowns + newton_step(prior, runs, unknowns, blocks, right)
        unknowns = np.clip(unknowns, prior.low, prior.high)
        shown = see_skin(model, shape, unknowns, camera, crops)
        colours = _shown(skin, camera, crops, unknowns)[0]
        appearance = estimate(colours, shown.basis, shown.weights * doubts, appearance)
    square = (colours - appearance.colours(shown.basis)) ** 2
    with np.errstate(invalid="ignore"):
        residual = (shown.weights * square.mean(-1)).sum(1) / shown.weights.sum(1)
    return Refined(unknowns, appearance, np.sqrt(residual))


def photometric_equations(
    skin: LandmarkSpace,
    camera: Camera,
    crops: Crops,
    unknowns: Array,
    predicted: Array,
    weights: Array,
) -> tuple[Array, Array, Array]:
    """Linearise the pictures where the skin is seen in them.

    Args:
        skin: N places of it.
        camera: Of the clip.
        crops: T pictures.
        unknowns: (T, P) to linearise about.
        predicted: (T, N, 3) colours that the places should have.
        weights: (T, N) how much they count.

    Returns:
        J'J (T, P, P) and J'r (T, P) as `newton_step` takes them, and (T, N) how much of a place's
        weight is left for being so far off.
    """
    colours, slopes, moves = _shown(skin, camera, crops, unknowns)
    misses = predicted - colours
    far = (misses**2).sum(-1) / (_ROBUST * _NOISE) ** 2
    doubts = 1 / (1 + far) ** 2
    weights = weights * doubts / _NOISE**2
    # Three channels tell no more than two directions in the picture.
    blocks = np.empty((*unknowns.shape, unknowns.shape[1]))
    right = np.empty_like(unknowns)
    for frame, (slope, move) in enumerate(zip(slopes, moves, strict=True)):
        weighted = slope * weights[frame, :, None, None]
        by_place = weighted @ slope.mT
        flat = move.reshape(-1, move.shape[-1])
        blocks[frame] = flat.T @ (by_place @ move).reshape(flat.shape)
        right[frame] = flat.T @ (weighted @ misses[frame, ..., None]).ravel()
    return blocks, right, doubts


def see_skin(
    model: str, shape: tuple[float, ...], unknowns: Array, camera: Camera, crops: Crops
) -> SeenSkin:
    """Where the whole model shows skin in the crops, and how it is turned.

    Raises:
        ClipRejected: Where it shows none.
    """
    surface, vertices = _surface(model), skin_vertices(model)
    basis, weights = [], []
    for start in range(0, len(unknowns), _BATCH):
        part = slice(start, start + _BATCH)
        expression, jaw, rotation, translation = split(unknowns[part])
        shapes = np.tile(shape, (len(jaw), 1))
        face = coefficients(shapes, expression, rotation, translation, jaw)
        matrices = torch.from_numpy(crops.matrices[part]).float()
        view = Cropped(Pinhole(camera), matrices)
        with torch.inference_mode():
            points = face_model(model).vertices(face)
            size = crops.pixels.shape[1:3]
            # From behind as well: through an open mouth the head's inside hides what is behind it.
            drawn = rasterize(
                view.project(points), surface.triangles, size, perspective=True, two_sided=True
            )
            visible = visible_vertices(drawn, _BEHIND_M)[:, vertices]
            normals = vertex_normals(points, surface.triangles)[:, vertices]
            cosine = (normals * view.towards(points[:, vertices])).sum(-1)
            facing = ((cosine - _LEAST_FACING) / (_FULLY_FACING - _LEAST_FACING)).clamp(0, 1)
            basis.append(harmonics(normals).double().numpy())
            weights.append((facing * visible).double().numpy())
    found = SeenSkin(np.concatenate(basis), np.concatenate(weights))
    if not found.weights.any():
        raise ClipRejected(
            "no_visible_skin",
            "the fitted face is in none of the aligned frames",
            "look at the clip's aligned frames; `fit.refine: landmarks` does without them",
        )
    return found


@cache
def skin_vertices(model: str) -> Array:
    """(N,) vertices of the face's outside, one in every cube of 5 mm, none of the eyeballs.

    The eyes' coefficients are not fitted, so that their colours would be of another place. Of
    vertices nearby the first counts.
    """
    surface, whole = _surface(model), face_model(model)
    rest = _at_rest(whole)
    with torch.inference_mode():
        ahead, aside = whole.vertices(rest)
    still = (aside - ahead).norm(dim=-1) < _STILL_M
    outside = torch.zeros_like(still)
    outside[surface.triangles.flatten()] = True
    chosen = np.flatnonzero((still & outside & (surface.within_face > 0)).numpy())
    cubes = np.floor(whole.template.numpy()[chosen] / _SPACING_M).astype(np.int64)
    first = np.unique(cubes, axis=0, return_index=True)[1]
    return np.asarray(chosen[np.sort(first)])


def _shown(
    skin: LandmarkSpace, camera: Camera, crops: Crops, unknowns: Array
) -> tuple[Array, Array, Iterator[Array]]:
    """Colours (T, N, 3), their slopes (T, N, 2, 3), and frame by frame (N, 2, P) px by unknown."""
    expression, jaw, rotation, translation = split(unknowns)
    points, by_jaw = skin.points(expression, jaw)
    places, by_point, *by_pose = crops.places(project(points, rotation, translation, camera))
    by_expression = skin.expression.transpose(1, 2, 0)
    moves = (
        np.concatenate((at @ by_expression, at @ opened.transpose(1, 2, 0), *pose), -1)
        for at, opened, *pose in zip(by_point, by_jaw, *by_pose, strict=True)
    )
    return *crops.read(places), moves


def _at_rest(model: FaceModel) -> FaceCoefficients:
    """Twice the average face, the second time looking aside."""
    sizes = (len(model.shape_names), len(model.expression_names), 3, 3, 3)
    face = coefficients(*(np.zeros((2, size)) for size in sizes))
    face.eyes[1, :, 1] = _ASIDE_RAD
    return face


@lru_cache(maxsize=4)
def _skin_space(model: str, shape: tuple[float, ...]) -> LandmarkSpace:
    vertices = torch.from_numpy(skin_vertices(model))
    return landmark_space(face_model(model), np.array(shape), lambda mesh: mesh[:, vertices])


@cache
def _surface(model: str) -> FaceSurface:
    return face_surface(face_model(model))
