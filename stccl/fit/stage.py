"""The `fit` stage: landmarks and frames in, coefficients of a 3-D face out."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.fit.by_deca import from_pictures
from stccl.fit.by_landmarks import from_landmarks
from stccl.fit.found import Found
from stccl.fit.identities import speaker_key
from stccl.fit.landmark_space import landmarks
from stccl.fit.models import face_model, model_files
from stccl.fit.observed import eye_distance
from stccl.fit.params import FitParams
from stccl.fit.projection import faces_camera, project
from stccl.fit.read import read_landmarks
from stccl.perclip import Item, ItemStage, Outputs, upstream

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
    """Find the face in all frames, look with the whole model how well it fits, write.

    Raises:
        ClipRejected: Where no face can be used, the speaker has no identity, or too many faces are
            missed.
        StageError: Where files of the model are missing.
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
    if params.model == "deca":
        found = from_pictures(clip, data, seen)
    else:
        found = from_landmarks(clip, data, params, seen)
    missed = residuals(params.model, found, seen.points_px[seen.usable])
    # Seen from behind, a face's points lie as in a mirror: no detector means that.
    ahead = faces_camera(found.rotation)
    fitted = (missed <= params.max_residual) & ahead
    if fitted.sum() < max(1, params.min_fitted_fraction * faces):
        raise ClipRejected(
            "poor_fit",
            f"{fitted.sum()} of {faces} faces fitted; the model's points lie "
            f"{100 * np.median(missed):.1f} % of the distance of the eyes from the landmarks "
            f"(median), fit.max_residual is {100 * params.max_residual:g} %, "
            f"{np.sum(~ahead)} would be seen from behind",
            "look at the points in the clip; raise fit.max_residual if they are right",
        )
    _write(out, seen.usable, found, missed, fitted)


def residuals(model: str, found: Found, points_px: Array) -> Array:
    """(T,) mean distance of the whole model's landmarks from (T, 68, 2) points, in eye distances.

    Meshes are made a few at a time: a hundred take 50 MB and more time.
    """
    missed = []
    for start in range(0, len(points_px), _BATCH):
        part = slice(start, start + _BATCH)
        points = landmarks(
            face_model(model), found.shape[part], found.expression[part], found.jaw[part]
        )
        shown = project(points, found.rotation[part], found.translation[part], found.camera).pixels
        distance = np.linalg.norm(shown - points_px[part], axis=-1).mean(1)
        missed.append(distance / eye_distance(points_px[part]))
    return np.concatenate(missed)


def _write(out: Outputs, usable: Array, found: Found, missed: Array, fitted: Array) -> None:
    table = out.table("faces3d")
    camera = found.camera
    facts = {
        "focal_px": camera.focal_px,
        "centre_px": camera.centre_px,
        "distance_m": camera.distance_m,
    }
    place = np.cumsum(usable) - 1
    for frame, used in enumerate(usable):
        row = place[frame]
        known = bool(used and fitted[row])
        told = found.photometric_residual
        table.append(
            frame=frame,
            eyes=[0.0] * 6 if known else None,
            **{
                name: getattr(found, name)[row].tolist()
                if known and getattr(found, name) is not None
                else None
                for name in _BY_FRAME
            },
            residual=float(missed[row]) if used else None,
            photometric_residual=float(told[row]) if told is not None and used else None,
            **facts,
        )


_BY_FRAME = (
    *("shape", "expression", "jaw", "rotation", "translation"),
    *("light", "texture", "detail"),
)
"""Columns that are empty where there is no fit."""


STAGE = ItemStage(
    name="fit",
    outputs=("faces3d",),
    process=process,
    items=items,
    code=("fit", "face3d", "render", "landmarks/smooth", "clip", "align/warp", "checkpoint"),
    weights=model_files,
)
