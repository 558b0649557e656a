import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stccl.evaluation.picture_speed import PictureSpeed, mouth_openings, picture_speed
from stccl.tables.io import TableWriter


def mouth(seed: int, time_s: np.ndarray) -> np.ndarray:
    """Syllables: some four openings a second, of any size."""
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.uniform(0.12, 0.4, 60)) - 1
    sizes = rng.uniform(0, 1, 60)
    return (sizes * np.exp(-(((time_s[:, None] - at_s) / 0.08) ** 2))).sum(axis=1)


def frames(count: int, speed: float = 1.0, offset: float = 0.0) -> np.ndarray:
    return (speed * np.arange(count) + offset) / 25


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    speed=st.floats(0.78, 1.3),
    offset=st.floats(-2.5, 2.5),
)
def test_it_finds_the_speed_of_the_pictures(seed, speed, offset):
    source = mouth(seed, frames(150))
    found = picture_speed(source, mouth(seed, frames(115, speed, offset)))
    # Near 1 the mouths stay together all the same, and nothing has to be corrected.
    assume(abs(np.log(speed)) > 0.06)
    # A little of the speed can pass for offset: where frames end up is what counts, below.
    assert found.speed == pytest.approx(speed, rel=0.02)
    assert found.offset_frames == pytest.approx(offset, abs=1.5)
    assert found.corrected > 0.9
    ends = [found.frames(115)[k] for k in (0, -1)]
    assert ends == pytest.approx([offset, speed * 114 + offset], abs=1.6)


@pytest.mark.parametrize("restamped", ["source", "generated"])
def test_either_clip_may_be_the_one_out_of_step(restamped):
    right, wrong = mouth(1, frames(120)), mouth(1, frames(120, 25 / 30))
    sides = (right, wrong) if restamped == "generated" else (wrong, right)
    expected = 25 / 30 if restamped == "generated" else 30 / 25
    assert picture_speed(*sides).speed == pytest.approx(expected, rel=0.011)


def test_other_words_stay_as_they_are_played():
    believed = []
    for seed in range(0, 100, 2):
        source, other = mouth(seed, frames(100)), mouth(seed + 1, frames(100))
        found = picture_speed(source, other)
        believed.append(found.speed != 1)
        played = np.corrcoef(source, other)[0, 1]
        assert found.as_played == pytest.approx(played)
        assert believed[-1] or found == PictureSpeed(1.0, 0.0, found.as_played, found.as_played)
    assert sum(believed) <= 1


def test_clips_in_step_or_merely_late_are_left_alone():
    source = mouth(3, frames(110))
    assert picture_speed(source, source) == PictureSpeed(1.0, 0.0, *[pytest.approx(1.0)] * 2)
    late = picture_speed(source, mouth(3, frames(110, 1.0, -2.5)))
    assert (late.speed, late.offset_frames) == (1.0, 0.0)
    assert late.as_played < 0.9


def test_half_a_clip_in_step_is_not_believed():
    source, generated = mouth(5, frames(120)), mouth(5, frames(100, 1.2))
    generated[50:] = 0.1 * mouth(6, frames(50))
    generated[:50] *= 3
    assert picture_speed(source, generated).speed == 1


def test_frames_without_a_face_do_not_matter():
    source, generated = mouth(7, frames(130)), mouth(7, frames(100, 1.2))
    source[20:25] = generated[60:70] = np.nan
    assert picture_speed(source, generated).speed == pytest.approx(1.2, rel=0.011)


def test_two_seconds_are_needed():
    assert picture_speed(mouth(8, frames(80)), mouth(8, frames(49, 1.2))).speed == 1
    assert picture_speed(mouth(8, frames(80)), mouth(8, frames(65, 1.2))).speed > 1.15


def test_a_mouth_that_never_moves_says_nothing():
    still, moving = np.full(100, 0.1), mouth(9, frames(100))
    for sides in ((still, moving), (moving, still), (np.full(9, np.nan), moving)):
        assert picture_speed(*sides) == PictureSpeed(1.0, 0.0, None, None)


def test_openings_are_relative_to_the_eyes(tmp_path):
    points = np.zeros((68, 2), np.float32)
    points[36], points[45] = (10, 20), (90, 20)
    for upper, lower, gap in ((61, 67, 6), (62, 66, 8), (63, 65, 10)):
        points[upper], points[lower] = (50, 60), (50, 60 + gap)
    path = tmp_path / "landmarks" / "a.parquet"
    with TableWriter(path, "landmarks", {}) as table:
        for frame, found in enumerate((points, None, 3 * points)):
            seen = {} if found is None else {"points": found.ravel().tolist(), "score": 1.0}
            source = "missing" if found is None else "detected"
            empty = {"score": None, "box": None, "points": None}
            table.append(frame=frame, source=source, **{**empty, **seen})
    assert mouth_openings(tmp_path, "a") == pytest.approx([0.1, np.nan, 0.1], nan_ok=True)
