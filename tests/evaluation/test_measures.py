"""What every registered measure has to hold, and what each means, by other arithmetic."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import linalg
from torchmetrics.functional.image import peak_signal_noise_ratio

from stccl.align.template import canonical_points
from stccl.evaluation.frechet_face_distance import FrechetFaceDistance
from stccl.evaluation.identity_similarity import IdentitySimilarity
from stccl.evaluation.lip_sync import LipSync
from stccl.evaluation.measures import MEASURES
from stccl.evaluation.mouth import MOUTH, STEADY, aligned, inter_ocular
from stccl.evaluation.mouth_distance import MouthDistance
from stccl.evaluation.mouth_movement import MouthMovement
from stccl.evaluation.mouth_opening import MouthOpening
from stccl.evaluation.target_error import TargetError
from stccl.evaluation.temporal_jitter import TemporalJitter

FRAMES = 40


def points(seed: int) -> np.ndarray:
    """Landmarks of a face whose mouth and head move smoothly."""
    random = np.random.default_rng(seed)
    face = 100 * np.random.default_rng(0).random((68, 2))
    motion = np.cumsum(random.normal(0, 1, (FRAMES, 68, 2)), axis=0)
    motion[:, :48] *= 0.05
    return face + motion


def vectors(seed: int, count: int = FRAMES, size: int = 8) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(1, 1, (count, size)))


def pictures(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, (FRAMES, 3, 16, 16)))


def feed(metric, generated: int, reference: int) -> None:
    """A made clip and what it is compared with, by their seeds."""
    if isinstance(metric, FrechetFaceDistance):
        metric.update(vectors(reference), real=True)
        metric.update(vectors(generated), real=False)
    elif isinstance(metric, TargetError):
        metric.update(
            pictures(generated), pictures(reference), points(generated), points(reference)
        )
    elif isinstance(metric, MouthOpening | MouthDistance | MouthMovement | TemporalJitter):
        metric.update(points(generated), points(reference))
    else:
        metric.update(vectors(generated), vectors(reference))


def value(name: str, generated: int, reference: int, clips: int = 1) -> float:
    measure = MEASURES[name]
    metric = measure.metric()
    for _ in range(clips):
        feed(metric, generated, reference)
    found = metric.compute()
    return float(found[measure.output] if measure.output else found)


CORNERS = canonical_points()[[36, 45]]
PERFECT = {
    "FAD": 0.0, "CSIM": 1.0, "LSE-D": 0.0, "sync offset": 0.0, "mouth opening": 1.0,
    "mouth distance": 0.0, "mouth movement": 0.0, "jitter": 1.0, "PSNR": math.inf,
    "SSIM": 1.0, "landmark error": 0.0,
}  # fmt: skip
"""Of equal clips. A confidence has no largest value; frames of one clip differ from its mean."""

SYMMETRIC = {
    "FAD", "CSIM", "LSE-D", "LSE-C", "mouth opening", "mouth movement", "PSNR", "SSIM",
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURES)
def test_it_is_a_number_that_more_of_the_same_does_not_change(name):
    found = value(name, 1, 2)
    assert math.isfinite(found)
    again = value(name, 1, 2, clips=3)
    # Three times the frames have the covariance of a population more nearly.
    assert again == pytest.approx(found, rel=0.05 if name == "FAD" else 1e-6)


@pytest.mark.parametrize("name", PERFECT)
def test_equal_clips_are_perfect_and_others_are_not(name):
    assert value(name, 1, 1) == pytest.approx(PERFECT[name], abs=2e-5)
    worse = value(name, 1, 2)
    if name == "jitter":
        return  # another face may shake less
    assert (worse < PERFECT[name]) if MEASURES[name].better == "higher" else worse > PERFECT[name]


@pytest.mark.parametrize("name", sorted(SYMMETRIC))
def test_sides_can_be_swapped(name):
    assert value(name, 1, 2) == pytest.approx(value(name, 2, 1), rel=1e-4)


@pytest.mark.parametrize("name", MEASURES)
def test_it_is_called_better_as_the_registry_says(name):
    measure = MEASURES[name]
    if measure.output is None:
        assert measure.metric.higher_is_better == (measure.better == "higher")


@pytest.mark.parametrize("name", MEASURES)
def test_wrong_shapes_are_refused_in_one_line(name):
    metric = MEASURES[name].metric()
    landmarks = isinstance(metric, MouthOpening | MouthDistance | MouthMovement | TemporalJitter)
    bad = np.zeros((4, 5)) if landmarks else torch.zeros(3)
    arguments: tuple = (bad, bad)
    if isinstance(metric, FrechetFaceDistance):
        arguments = (bad, True)
    elif isinstance(metric, TargetError):
        arguments = (bad, bad, points(0), points(0))
    with pytest.raises(ValueError, match="expected") as error:
        metric.update(*arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", MEASURES)
def test_it_starts_anew_and_can_be_copied(name):
    metric = MEASURES[name].metric()
    feed(metric, 1, 2)
    other = copy.deepcopy(metric)
    metric.reset()
    feed(metric, 1, 2)
    assert str(metric.compute()) == str(other.compute())


@pytest.mark.parametrize("count", [5, 300])
def test_fad_agrees_with_scipys_root(count):
    real, generated = vectors(0, count), 2 * vectors(1, count) + 0.5
    metric = FrechetFaceDistance()
    for start in range(0, count, 100):
        metric.update(real[start : start + 100], real=True)
        metric.update(generated[start : start + 100], real=False)
    a, b = real.numpy(), generated.numpy()
    sigma, gamma = np.cov(a.T), np.cov(b.T)
    # Fewer frames than dimensions make the product singular, which sqrtm answers roughly.
    root = linalg.sqrtm(sigma @ gamma + (1e-12 if count < 8 else 0) * np.eye(8))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sigma + gamma - 2 * np.real(root))
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-3 if count < 8 else 1e-8)


def test_fad_of_gaussians_is_the_known_one():
    """Along one axis: (difference of means)² + (difference of deviations)²."""
    a = torch.tensor([[-1.0], [1.0]]) * torch.ones(500, 1, 1)
    metric = FrechetFaceDistance()
    metric.update(a.reshape(-1, 1), real=True)
    metric.update((3 * a + 5).reshape(-1, 1), real=False)
    assert float(metric.compute()) == pytest.approx(25 + 4, rel=2e-3)


def test_fad_does_not_depend_on_the_axes():
    rotation = torch.from_numpy(np.linalg.qr(np.random.default_rng(3).normal(size=(8, 8)))[0])
    found = []
    for turn in (torch.eye(8, dtype=torch.float64), rotation):
        metric = FrechetFaceDistance()
        metric.update(vectors(1) @ turn, real=True)
        metric.update(vectors(2) @ turn, real=False)
        found.append(float(metric.compute()))
    assert found[0] == pytest.approx(found[1])


def test_fad_needs_two_frames_of_either_kind():
    metric = FrechetFaceDistance()
    metric.update(vectors(0, 5), real=True)
    metric.update(vectors(0, 1), real=False)
    with pytest.raises(ValueError, match="got 5 and 1"):
        metric.compute()
    with pytest.raises(ValueError, match="of one size, got 7 and 8"):
        metric.update(vectors(0, 5, 7), real=False)


def moved(face: np.ndarray, degrees: float = 12.0) -> np.ndarray:
    turn = np.deg2rad(degrees)
    matrix = 1.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return face @ matrix.T + [40, -7]


def test_mouth_distance_is_the_hand_made_one():
    found, target = moved(points(1)), points(1).copy()
    found[:, MOUTH] = moved(points(2))[:, MOUTH]
    total = []
    for t in range(FRAMES):
        # The similarity is known: it is the one that `moved` made.
        for i in range(48, 68):
            eyes = np.linalg.norm(target[t, 36] - target[t, 45])
            total.append(np.linalg.norm(points(2)[t, i] - target[t, i]) / eyes)
    metric = MouthDistance()
    metric.update(found, target)
    assert float(metric.compute()) == pytest.approx(np.mean(total), rel=1e-9)


def test_mouth_movement_is_the_hand_made_one():
    """Where the steady points never move, the similarity is one and the same for all frames."""
    found, target = points(1), points(2)
    found[:, :48] = target[:, :48] = points(3)[0, :48]
    scale = aligned(found[:1], canonical_points()[None])[0]
    eyes = np.linalg.norm(found[0, 36] - found[0, 45])
    scaled = np.linalg.norm(scale[36] - scale[45]) / np.linalg.norm(np.diff(CORNERS, axis=0))
    expected = np.mean(
        [
            np.linalg.norm(
                (found[t, i] - found[:, i].mean(0)) - (target[t, i] - target[:, i].mean(0))
            )
            for t in range(FRAMES)
            for i in range(48, 68)
        ]
    )
    assert float(MouthMovement()(found, target)) == pytest.approx(expected / eyes * scaled)
    smile = found + np.where(np.arange(68)[:, None] >= 48, [1.0, -3.0], 0.0)
    assert float(MouthMovement()(smile, found)) == pytest.approx(0, abs=1e-9)
    assert float(MouthDistance()(smile, found)) > 0.01


def test_aligning_leaves_the_steady_points_as_near_as_can_be():
    source, target = points(1), points(2)
    found = aligned(source, target)
    error = ((found - target)[:, STEADY] ** 2).sum()
    for nudge in (1.001, 0.999):
        assert ((nudge * found - target)[:, STEADY] ** 2).sum() > error


@pytest.mark.parametrize("name", ["mouth opening", "mouth distance", "mouth movement", "jitter"])
def test_where_the_head_is_does_not_matter(name):
    metric, other = MEASURES[name].metric(), MEASURES[name].metric()
    metric.update(points(1), points(2))
    # Jitter is measured in each picture, so that both have to be moved.
    target = moved(points(2)) if name == "jitter" else points(2)
    other.update(moved(points(1)), target)
    assert float(metric.compute()) == pytest.approx(float(other.compute()))


@pytest.mark.parametrize("name", ["mouth opening", "mouth distance", "mouth movement", "jitter"])
def test_frames_without_a_face_do_not_count(name):
    with_gap, without = points(1), points(1)
    with_gap[:5] = np.nan
    metric, other = MEASURES[name].metric(), MEASURES[name].metric()
    metric.update(with_gap, points(2))
    other.update(without[5:], points(2)[5:])
    assert float(metric.compute()) == pytest.approx(float(other.compute()))
    nowhere = MEASURES[name].metric()
    nowhere.update(np.full((FRAMES, 68, 2), np.nan), points(2))
    assert math.isnan(float(nowhere.compute()))
    assert int(nowhere.left_out) == 1


def test_jitter_is_the_noise_that_was_added():
    """A face on a straight line does not accelerate; noise of the second difference does."""
    line = points(0)[:1] + 0.5 * np.arange(FRAMES)[:, None, None]
    bumps = line.copy()
    bumps[10, :, 0] += 2.0
    source = line.copy()
    source[10, :, 0] += 1.0
    metric = TemporalJitter()
    metric.update(bumps, source)
    # 1 -2 1 times the bump, in three frames; the eyes stay as far apart.
    assert float(metric.compute()) == pytest.approx(2.0)
    still = TemporalJitter()
    still.update(bumps, line[:1].repeat(FRAMES, axis=0))
    assert math.isnan(float(still.compute()))


def test_target_error_agrees_with_torchmetrics_and_loops():
    found, true = pictures(1), pictures(2)
    metric = TargetError()
    metric.update(found, true, points(1), points(2))
    values = metric.compute()
    expected = peak_signal_noise_ratio(found, true, data_range=2.0)
    assert float(values["psnr_db"]) == pytest.approx(float(expected), rel=1e-6)
    loop = [
        np.linalg.norm(a - b) / eyes
        for g, r, eyes in zip(points(1), points(2), inter_ocular(points(2)), strict=True)
        for a, b in zip(g, r, strict=True)
    ]
    assert float(values["landmark_error"]) == pytest.approx(np.mean(loop))
    with pytest.raises(ValueError, match="points of 40 frames, got 39"):
        metric.update(found, true, points(1)[1:], points(2)[1:])


def test_identity_is_the_mean_over_frames():
    found, true = vectors(1), vectors(2)
    mean = true.mean(0).numpy()
    loop = [np.dot(g, mean) / np.linalg.norm(g) / np.linalg.norm(mean) for g in found.numpy()]
    metric = IdentitySimilarity()
    metric.update(found, true)
    assert float(metric.compute()) == pytest.approx(np.mean(loop))


def test_a_call_gives_the_clips_own_value():
    metric = MouthDistance()
    own = [float(metric(points(s), points(9))) for s in range(3)]
    assert float(metric.compute()) == pytest.approx(np.mean(own))
    sync = LipSync()
    first = sync(vectors(0), vectors(1))
    alone = LipSync()
    alone.update(vectors(0), vectors(1))
    assert first == alone.compute()
