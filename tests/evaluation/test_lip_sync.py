import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stccl.evaluation.lip_sync import LipSync, sync_score


def embeddings(seed: int, windows: int, size: int = 6) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(windows, size)))


def published(lips: np.ndarray, sound: np.ndarray, shift: int) -> tuple[np.ndarray, int, float]:
    """Distances with zeros beyond the sound, as the published program pads it; slowly."""
    padded = np.pad(sound, ((shift, shift), (0, 0)))
    each = [
        [np.sqrt((((lips[n] - padded[n + k]) + 1e-6) ** 2).sum()) for k in range(2 * shift + 1)]
        for n in range(len(lips))
    ]
    mean = np.mean(each, axis=0)
    return mean, shift - int(mean.argmin()), float(np.median(mean) - mean.min())


def test_the_published_arithmetic_is_there_on_demand():
    lips, sound = embeddings(0, 30), embeddings(1, 30)
    distances, offset, confidence = published(lips.numpy(), sound.numpy(), 15)
    found = sync_score(lips, sound, zero_padded=True)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)
    assert (found.offset_frames, found.confidence) == (offset, pytest.approx(confidence))
    assert found.distance == pytest.approx(distances.min())


def test_the_published_program_gives_the_same(goldens):
    path = goldens / "syncnet_calc_pdist.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    golden = np.load(path)
    found = sync_score(
        torch.from_numpy(golden["im_feat"]), torch.from_numpy(golden["cc_feat"]), zero_padded=True
    )
    np.testing.assert_allclose(found.distances, golden["mdist"].ravel(), rtol=1e-4)
    assert found.offset_frames == int(golden["offset"])
    assert found.distance == pytest.approx(float(golden["min_dist"]), rel=1e-4)
    assert found.confidence == pytest.approx(float(golden["confidence"]), rel=1e-3, abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), shift=st.integers(-10, 10), windows=st.integers(31, 60))
def test_a_delay_of_the_sound_is_found(seed, shift, windows):
    both = embeddings(seed, windows + 40)
    lips, sound = both[20 : 20 + windows], both[20 + shift : 20 + shift + windows]
    found = sync_score(lips, sound)
    # The sound runs ahead by `shift`: it has to be delayed by as much.
    assert found.offset_frames == shift
    assert found.distance < 1e-4 < found.confidence


def test_windows_beyond_the_sound_are_left_out():
    lips, sound = embeddings(0, 40), embeddings(1, 40)
    found = sync_score(lips, sound, max_shift_frames=3)
    for k in range(-3, 4):
        pairs = [(n, n + k) for n in range(40) if 0 <= n + k < 40]
        expected = np.mean([np.linalg.norm(lips[n] - sound[m] + 1e-6) for n, m in pairs])
        assert float(found.distances[k + 3]) == pytest.approx(expected)


def test_silence_beyond_the_clip_makes_published_confidence():
    """Lips and sound that never change tell nothing; only zeros for sound make a difference."""
    still = torch.ones(40, 4)
    assert sync_score(still, still).confidence == pytest.approx(0)
    assert sync_score(still, still, zero_padded=True).confidence > 0


def test_shifts_that_leave_less_than_half_are_not_tried():
    found = sync_score(embeddings(0, 20), embeddings(1, 20))
    assert torch.isfinite(found.distances).sum() == 21
    assert np.isfinite(found.confidence)


def test_windows_without_a_face_do_not_count():
    lips, sound = embeddings(0, 40), embeddings(1, 40)
    seen = torch.ones(40, dtype=torch.bool)
    seen[10:15] = False
    wild = lips.clone()
    wild[10:15] = 1e6
    for padded in (False, True):
        clean, other = (
            sync_score(each, sound, seen, zero_padded=padded).distances for each in (lips, wild)
        )
        torch.testing.assert_close(clean, other, equal_nan=True)


@pytest.mark.parametrize(
    ("lips", "sound", "seen", "message"),
    [
        ((3, 4), (4, 4), None, "as much sound as lips, got 4 and 3"),
        ((3, 4), (3, 5), None, "of one size, got 4 and 5"),
        ((3,), (3, 4), None, r"lips: expected embeddings \(N, D\)"),
        ((3, 4), (3, 4), torch.zeros(3, dtype=torch.bool), "some of which are seen"),
        ((3, 4), (3, 4), torch.ones(2, dtype=torch.bool), "expected 3 windows"),
    ],
)
def test_what_does_not_fit_is_one_line(lips, sound, seen, message):
    with pytest.raises(ValueError, match=message) as error:
        sync_score(torch.ones(lips), torch.ones(sound), seen)
    assert "\n" not in str(error.value)


def test_the_measure_is_the_mean_over_clips():
    clips = [(embeddings(s, 40), embeddings(s + 9, 40)) for s in range(3)]
    metric = LipSync()
    for clip in clips:
        metric.update(*clip)
    found = metric.compute()
    scores = [sync_score(*clip) for clip in clips]
    assert float(found["lse_d"]) == pytest.approx(np.mean([s.distance for s in scores]))
    assert float(found["lse_c"]) == pytest.approx(np.mean([s.confidence for s in scores]))
    assert float(found["offset"]) == pytest.approx(np.mean([abs(s.offset_frames) for s in scores]))
