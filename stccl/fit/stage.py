"""The `fit` stage: landmarks and aligned frames in, coefficients of a 3-D face out."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.fit.camera import assumed_camera
from stccl.fit.clip import fit_clip
from stccl.fit.crops import read_crops
from stccl.fit.equations import split
from stccl.fit.identities import speaker_key
from stccl.fit.landmark_space import LandmarkSpace, landmark_space, landmarks
from stccl.fit.models import face_model, fittable, model_files
from stccl.fit.observed import eye_distance, observe
from stccl.fit.params import FitParams
from stccl.fit.photometric import Refined, refine
from stccl.fit.priors import prior
from stccl.fit.projection import faces_camera, project
from stccl.fit.read import read_landmarks
from stccl.perclip import Item, ItemStage, Outputs, upstream
from stccl.render.camera import Camera
from stccl.tables.io import read_table

Array = NDArray[Any]

_NO_IDENTITY = {"identities": "rejected"}
_BATCH = 16


def items(data: Path) -> list[Item]:
    """Every clip with aligned faces; what its speaker looks like is an input."""
    work = []
    for clip in read_clips(data):
        aligned = upstream(data, "aligned", clip.clip)
        if aligned is not None:
            identity = upstream(data, "identities", speaker_key(clip)) or _NO_IDENTITY
            work.append(Item(clip.clip, clip, aligned | identity))
    return work


def process(clip: Clip, data: Path, params: FitParams, out: Outputs) -> None:
    """Fit all frames together, look with the whole model how well that went, write.

    Raises:
        ClipRejected: Where no face can be used, the speaker has no identity, or too many faces are
            missed.
    """
    seen = read_landmarks(data, clip.clip)
    faces = int(seen.faces.sum())
    if not seen.usable.any():
        raise ClipRejected(
            "no_usable_face",
            f"the points of none of {faces} faces can be fitted: not finite, in one place, or "
            "beyond the picture",
            "look at the clip: it should show a whole face",
        )
    shape = _identity(data, clip)
    space = _space(params.model, shape)
    observed = observe(seen.points_px[seen.usable], seen.size_px)
    camera = assumed_camera(space, observed, seen.size_px, params.camera_distance_m)
    before = prior(fittable(params.model), len(space.expression), params)
    unknowns = fit_clip(space, camera, observed, before, seen.runs)
    refined = None
    if params.refine == "photometric":
        crops = read_crops(data, clip.clip, np.flatnonzero(seen.usable))
        refined = refine(
            params.model, shape, space, camera, observed, crops, before, seen.runs, unknowns
        )
        unknowns = refined.unknowns
    missed = residuals(params.model, shape, unknowns, camera, observed.points_px)
    # Seen from behind, a face's points lie as in a mirror: no detector means that.
    fitted = (missed <= params.max_residual) & faces_camera(split(unknowns)[2])
    if fitted.sum() < max(1, params.min_fitted_fraction * faces):
        raise ClipRejected(
            "poor_fit",
            f"{fitted.sum()} of {faces} faces fitted; the model's points lie "
            f"{100 * np.median(missed):.1f} % of the distance of the eyes from the landmarks "
            f"(median), fit.max_residual is {100 * params.max_residual:g} %, "
            f"{np.sum(~faces_camera(split(unknowns)[2]))} would be seen from behind",
            "look at the points in the clip; raise fit.max_residual if they are right",
        )
    _write(out, seen.usable, shape, unknowns, missed, fitted, camera, refined)


def residuals(
    model: str, shape: tuple[float, ...], unknowns: Array, camera: Camera, points_px: Array
) -> Array:
    """(T,) mean distance of the whole model's landmarks from (T, 68, 2) points, in eye distances.

    Meshes are made a few at a time: a hundred take 50 MB and more time.
    """
    missed = []
    for start in range(0, len(unknowns), _BATCH):
        part = slice(start, start + _BATCH)
        expression, jaw, rotation, translation = split(unknowns[part])
        shapes = np.tile(shape, (len(jaw), 1))
        points = landmarks(face_model(model), shapes, expression, jaw)
        shown = project(points, rotation, translation, camera).pixels
        distance = np.linalg.norm(shown - points_px[part], axis=-1).mean(1)
        missed.append(distance / eye_distance(points_px[part]))
    return np.concatenate(missed)


def _identity(data: Path, clip: Clip) -> tuple[float, ...]:
    path = data / "identities" / f"{speaker_key(clip)}.parquet"
    if not path.is_file():
        raise ClipRejected(
            "no_identity",
            f"none of the clips that tell who {clip.speaker} is could be used",
            "see data/identities/rejected.parquet",
        )
    return tuple(read_table(path, "identities", ["shape"])["shape"][0].as_py())


@lru_cache(maxsize=4)
def _space(model: str, shape: tuple[float, ...]) -> LandmarkSpace:
    return landmark_space(face_model(model), np.array(shape))


def _write(
    out: Outputs, usable: Array, shape: tuple[float, ...], unknowns: Array, missed: Array,
    fitted: Array, camera: Camera, refined: Refined | None,
) -> None:  # fmt: skip
    table = out.table("faces3d")
    parts = dict(
        zip(("expression", "jaw", "rotation", "translation"), split(unknowns), strict=True)
    )
    facts = {
        "focal_px": camera.focal_px,
        "centre_px": camera.centre_px,
        "distance_m": camera.distance_m,
    }
    light = refined.appearance.light.ravel().tolist() if refined else None
    place = np.cumsum(usable) - 1
    for frame, used in enumerate(usable):
        row = place[frame]
        known = bool(used and fitted[row])
        table.append(
            frame=frame,
            shape=shape if known else None,
            eyes=[0.0] * 6 if known else None,
            **{name: part[row].tolist() if known else None for name, part in parts.items()},
            residual=float(missed[row]) if used else None,
            light=light if known else None,
            photometric_residual=float(refined.residual[row]) if refined and used else None,
            **facts,
        )


STAGE = ItemStage(
    name="fit",
    outputs=("faces3d",),
    process=process,
    items=items,
    code=("fit", "face3d", "render", "landmarks/smooth", "clip"),
    weights=model_files,
)
