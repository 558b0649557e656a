"""A fit to the 68 points, and to the colours of the skin where that is asked for."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stccl.clip import Clip
from stccl.errors import ClipRejected
from stccl.fit.camera import assumed_camera
from stccl.fit.clip import fit_clip
from stccl.fit.crops import read_crops
from stccl.fit.found import Found, same_person
from stccl.fit.identities import speaker_key
from stccl.fit.landmark_space import LandmarkSpace, landmark_space
from stccl.fit.models import face_model, scales
from stccl.fit.observed import observe
from stccl.fit.params import FitParams
from stccl.fit.photometric import refine
from stccl.fit.priors import prior
from stccl.fit.read import ClipLandmarks
from stccl.tables.io import read_table

Array = NDArray[Any]


def from_landmarks(clip: Clip, data: Path, params: FitParams, seen: ClipLandmarks) -> Found:
    """Fit all usable frames together, about what the speaker looks like.

    Raises:
        ClipRejected: Where the speaker has no identity.
    """
    shape = _identity(data, clip)
    space = _space(params.model, shape)
    observed = observe(seen.points_px[seen.usable], seen.size_px)
    camera = assumed_camera(space, observed, seen.size_px, params.camera_distance_m)
    before = prior(scales(params.model), len(space.expression), params)
    unknowns = fit_clip(space, camera, observed, before, seen.runs)
    if params.refine == "landmarks":
        return same_person(np.array(shape), unknowns, camera)
    crops = read_crops(data, clip.clip, np.flatnonzero(seen.usable))
    refined = refine(
        params.model, shape, space, camera, observed, crops, before, seen.runs, unknowns
    )
    found = same_person(np.array(shape), refined.unknowns, camera)
    light = np.tile(refined.appearance.light.ravel(), (len(unknowns), 1))
    return found._replace(light=light, photometric_residual=refined.residual)


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
