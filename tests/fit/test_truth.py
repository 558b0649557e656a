"""Actors, whose every movement is known: fitted to their true landmarks."""

from pathlib import Path

import numpy as np
import pytest

from stccl.fit.camera import assumed_camera
from stccl.fit.clip import fit_clip
from stccl.fit.equations import split
from stccl.fit.found import same_person
from stccl.fit.identity import View, fit_identity
from stccl.fit.landmark_space import landmark_space
from stccl.fit.models import face_model
from stccl.fit.observed import observe
from stccl.fit.projection import rotation_matrices
from stccl.fit.stage import residuals
from stccl.tables.io import read_table
from tests.conftest import SPEAKERS
from tests.fit.conftest import SIZE_PX, correlation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MOVES = 0.05  # standard deviation over a take from which a coefficient moves
HIDDEN = ("tongue_tip_up", "tongue_out")
"""What no landmark shows."""


def column(rows, name: str) -> np.ndarray:
    return np.array(rows[name].to_pylist(), dtype=np.float64)


@pytest.fixture(scope="module")
def fits(actor_takes: Path, before, params):
    """By take: the truth's rows, the unknowns and the residuals."""
    model, found = face_model("head"), {}
    for speaker in SPEAKERS:
        takes = sorted((actor_takes / "truth" / "frames").glob(f"{speaker}-*.parquet"))
        truth = {path.stem: read_table(path, "truth_frames") for path in takes}
        seen = {
            take: observe(column(rows, "points").reshape(-1, 68, 2) + 0.5, SIZE_PX)
            for take, rows in truth.items()
        }
        views = [
            View(each._replace(points_px=each.points_px[::5], noise_px=each.noise_px[::5]), SIZE_PX)
            for each in seen.values()
        ]
        shape = fit_identity(model, views, before, params.camera_distance_m, 1.0)
        space = landmark_space(model, shape)
        for take, each in seen.items():
            camera = assumed_camera(space, each, SIZE_PX, params.camera_distance_m)
            runs = [(0, len(each.points_px))]
            unknowns = fit_clip(space, camera, each, before, runs)
            missed = residuals("head", same_person(shape, unknowns, camera), each.points_px)
            found[take] = truth[take], unknowns, missed
    return found


def test_the_model_lies_on_the_landmarks(fits):
    assert len(fits) == 8
    assert np.median(np.concatenate([missed for _, _, missed in fits.values()])) < 0.01


def test_the_jaw_opens_as_it_did(fits):
    matches = [
        correlation(split(unknowns)[1][:, 0], column(rows, "jaw")[:, 0])
        for rows, unknowns, _ in fits.values()
    ]
    assert min(matches) > 0.95


def test_the_head_is_turned_as_it_was(fits):
    off = []
    for rows, unknowns, _ in fits.values():
        found = rotation_matrices(split(unknowns)[2])[0]
        true = rotation_matrices(column(rows, "rotation"))[0]
        cosine = (np.einsum("tij,tij->t", found, true) - 1) / 2
        off.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    assert np.quantile(np.concatenate(off), 0.95) < 4


def test_expressions_that_move_are_found(fits):
    matches = []
    names = face_model("head").expression_names
    for rows, unknowns, _ in fits.values():
        true, found = column(rows, "expression"), split(unknowns)[0]
        for number, name in enumerate(names):
            if true[:, number].std() > MOVES and name not in HIDDEN:
                matches.append(correlation(found[:, number], true[:, number]))
    assert len(matches) > 20
    assert np.median(matches) > 0.8
