"""The face is followed, confirmed, looked for again, and never invented."""

import numpy as np
import pytest

from stccl.landmarks.faces import Detection, side
from stccl.landmarks.track import Tracker, _choose, _doubtful, _Track, likeness, shape_change
from tests.landmarks.scenes import SIDE, Scene


def follow(scene: Scene, every: int):
    tracker = Tracker(scene, every)
    return list(tracker.follow(scene.pictures())), tracker


def sources(observations) -> str:
    return "".join(observation.source[0] for observation in observations)


def moving(frames: int):
    return [[(50 + 2 * t, 40 + t)] for t in range(frames)]


@pytest.mark.parametrize("every", [1, 4, 12])
def test_the_detector_runs_on_schedule_and_in_the_last_frame(every):
    scene = Scene(moving(25))
    found, _ = follow(scene, every)
    assert scene.detected == sorted({*range(0, 25, every), 24})
    assert [o.source == "detected" for o in found] == [t in scene.detected for t in range(25)]


@pytest.mark.parametrize("every", [1, 5, 12])
def test_points_and_boxes_follow_the_face(every):
    scene = Scene(moving(25))
    found, _ = follow(scene, every)
    for observation, [face] in zip(found, scene.frames, strict=True):
        np.testing.assert_allclose(observation.box, scene.box(*face), atol=1e-3)
        np.testing.assert_allclose(observation.points[27], np.add(face, [30, 25.8]), atol=1e-3)


def test_the_score_is_that_of_the_last_detection():
    found, _ = follow(Scene(moving(9)), 4)
    assert [o.score for o in found] == [1, 1, 1, 1, 5, 5, 5, 5, 9]


def test_no_face_is_invented_where_it_disappears_between_two_detections():
    frames = moving(25)
    for t in range(6, 25):
        frames[t] = []
    found, _ = follow(Scene(frames), 12)
    assert sources(found)[6:] == "m" * 19
    assert "m" not in sources(found)[:6]
    assert all(o.box is None and o.points is None and o.score is None for o in found[6:])


def test_a_disappearance_no_doubt_test_sees_is_found_by_the_next_detection(monkeypatch):
    monkeypatch.setattr("stccl.landmarks.track._doubtful", lambda before, now: False)
    frames = moving(30)
    for t in range(6, 30):
        frames[t] = []
    scene = Scene(frames)
    found, _ = follow(scene, 12)
    assert sources(found) == "d" * 6 + "m" * 24
    assert scene.detected[:14] == [0, 12, *range(1, 12), 13]


def test_the_last_held_frames_are_confirmed_as_well(monkeypatch):
    monkeypatch.setattr("stccl.landmarks.track._doubtful", lambda before, now: False)
    frames = moving(10)
    for t in range(6, 10):
        frames[t] = []
    found, _ = follow(Scene(frames), 12)
    assert sources(found) == "d" * 6 + "m" * 4


def test_after_a_cut_the_face_is_detected_anew():
    frames = [[(20, 20)] for _ in range(8)] + [[(200, 100)] for _ in range(8)]
    scene = Scene(frames)
    found, _ = follow(scene, 12)
    assert found[8].source == "detected"
    for observation, [face] in zip(found, frames, strict=True):
        np.testing.assert_allclose(observation.box[:2], face, atol=1e-3)


def test_the_larger_face_is_followed_and_the_second_one_counted():
    scene = Scene([[(20, 20), (150, 30)] for _ in range(9)])
    found, tracker = follow(scene, 4)
    assert {tuple(o.box[:2]) for o in found} == {(20, 20)}
    assert (tracker.faces.frames_with_face, tracker.faces.frames_with_second) == (3, 3)


def boxes(*corners_and_sides):
    return [
        Detection(np.float32([x, y, x + size, y + size]), 1.0) for x, y, size in corners_and_sides
    ]


@pytest.mark.parametrize(("size", "counted"), [(48, 3), (36, 0)])
def test_a_second_face_counts_from_half_the_area(monkeypatch, size, counted):
    scene = Scene([[(20, 20)] for _ in range(9)])
    monkeypatch.setattr(
        scene, "detect", lambda picture, side_px=None: boxes((20, 20, SIDE), (150, 30, size))
    )
    assert follow(scene, 4)[1].faces.frames_with_second == counted


def test_one_face_found_twice_is_one_face(monkeypatch):
    scene = Scene([[(20, 20)] for _ in range(9)])
    monkeypatch.setattr(
        scene, "detect", lambda picture, side_px=None: boxes((20, 20, SIDE), (25, 24, SIDE))
    )
    assert follow(scene, 4)[1].faces.frames_with_second == 0


def test_the_detectors_box_is_only_where_to_look(monkeypatch):
    scene = Scene(moving(9))
    exact = scene.detect
    monkeypatch.setattr(
        scene,
        "detect",
        lambda picture, side_px=None: [
            Detection(found.box + np.float32([6, -4, 6, -4]), 1.0) for found in exact(picture)
        ],
    )
    for observation, [face] in zip(follow(scene, 4)[0], scene.frames, strict=True):
        np.testing.assert_allclose(observation.box, scene.box(*face), atol=1e-3)


def test_the_largest_face_is_taken_and_then_kept():
    small, large = boxes((20, 20, 40), (100, 20, 80))
    assert _choose([small, large], None) is large
    followed = _track(box=small.box + 3)
    assert _choose([large, small], followed) is small
    # It is gone; what is left is another one.
    assert _choose([large], followed) is large


def _track(box, bend=0.0, patch_seed=0):
    points = np.float32([[x, y] for x in range(4) for y in range(17)])
    points[:, 0] *= 1 + bend
    patch = np.random.default_rng(patch_seed).random((24, 24)).astype(np.float32)
    return _Track(np.float32(box), points, 1.0, patch)


@pytest.mark.parametrize(
    ("now", "doubtful"),
    [
        ({"box": (111, 100, 211, 200)}, False),
        ({"box": (130, 100, 230, 200)}, True),
        ({"box": (93, 93, 207, 207)}, False),
        ({"box": (85, 85, 215, 215)}, True),
        ({"box": (115, 115, 185, 185)}, True),
        ({"box": (100, 100, 200, 200), "bend": 0.2}, False),
        ({"box": (100, 100, 200, 200), "bend": 1.0}, True),
        ({"box": (100, 100, 200, 200), "patch_seed": 1}, True),
    ],
)
def test_a_step_no_face_takes_is_doubtful(now, doubtful):
    assert _doubtful(_track((100, 100, 200, 200)), _track(**now)) == doubtful


def test_a_face_half_out_of_the_picture_is_looked_for_anew():
    scene = Scene([[(50, 40)]])
    [picture] = scene.pictures()
    tracker = Tracker(scene, 12)
    inside = tracker._look(picture, scene.box(50, 40), 1.0)
    assert tracker._step(picture, inside) is not None
    outside = tracker._look(picture, np.float32([-40, 40, 20, 100]), 1.0)
    assert outside is not None
    assert side(outside.box) == pytest.approx(SIDE)
    assert tracker._step(picture, outside) is None


def test_memory_is_bounded_by_the_interval():
    taken, given = [0], 0
    ahead = []

    def pictures(scene):
        for picture in scene.pictures():
            taken[0] += 1
            yield picture

    scene = Scene([[(50, 40)] for _ in range(100)])
    for given, _ in enumerate(Tracker(scene, 6).follow(pictures(scene)), start=1):
        ahead.append(taken[0] - given)
    assert given == 100
    assert max(ahead) < 6


def test_no_pictures_give_no_observations():
    assert follow(Scene([]), 4)[0] == []


def test_likeness_is_the_correlation_coefficient():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 24, 24)).astype(np.float32)
    assert likeness(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-5)
    assert likeness(a, 3 * a + 5) == pytest.approx(1, abs=1e-5)
    assert likeness(a, np.zeros_like(a)) == 0


def test_shape_change_sees_bending_only():
    square = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    assert shape_change(square, square * 5 - 3) == pytest.approx(0, abs=1e-6)
    assert shape_change(square, square * [2, 1]) > 0.2
    assert shape_change(square, square * 0) == float("inf")


def test_the_drawn_face_is_what_the_scene_says():
    [picture] = Scene([[(10, 20)]]).pictures()
    assert (picture.grey[20 : 20 + SIDE, 10 : 10 + SIDE] != 90).mean() > 0.9
