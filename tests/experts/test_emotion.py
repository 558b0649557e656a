import numpy as np
import pytest
import torch

from stccl.align.warp import canonical_px
from stccl.errors import StageError, StcclError
from stccl.experts.emotion import EmotionJudge, emotion_features
from stccl.experts.params import EmotionParams

PARAMS = EmotionParams(frames_per_clip=4, picture_weight=0.3, shrinkage=0.5)
EMOTIONS = ("happy", "neutral", "sad")


def faces(seed: int, emotion: str, count: int = 8) -> tuple[list, list]:
    """Mouth corners and brows move by the emotion, and everything by who it is."""
    random = np.random.default_rng(seed)
    person = random.normal(0, 0.5, (68, 2))
    images, points = [], []
    for _ in range(count):
        found = canonical_px(96) + person + random.normal(0, 0.5, (68, 2))
        up = {"happy": -3.0, "neutral": 0.0, "sad": 3.0}[emotion]
        found[[48, 54], 1] += up
        image = random.integers(100, 120, (96, 96, 3)).astype(np.uint8)
        if emotion == "sad":
            image[30:33, 40:56] = 20  # creases between the brows
        images.append(image)
        points.append(found.astype(np.float32))
    return images, points


def learnt(params: EmotionParams = PARAMS) -> EmotionJudge:
    images, points, shown = [], [], []
    for seed in range(6):
        for emotion in EMOTIONS:
            more = faces(seed, emotion)
            images += more[0]
            points += more[1]
            shown += [emotion] * len(more[0])
    return EmotionJudge.train(images, points, shown, params)


def test_it_recognises_emotions_of_people_it_never_saw():
    judge = learnt()
    for seed in range(10, 15):
        for emotion in EMOTIONS:
            assert judge.emotion(judge.embed(*faces(seed, emotion))) == emotion


def test_embeddings_of_one_emotion_are_near_each_other():
    judge = learnt()
    means = {e: judge.embed(*faces(30, e)).mean(0) for e in EMOTIONS}
    others = {e: judge.embed(*faces(31, e)).mean(0) for e in EMOTIONS}
    cosine = torch.nn.functional.cosine_similarity
    for e in EMOTIONS:
        nearest = max(EMOTIONS, key=lambda o: float(cosine(means[e], others[o], dim=0)))
        assert nearest == e


def test_the_emotion_amid_the_others_has_a_direction_too():
    """Neutral is halfway between sad and happy, yet two neutral clips are alike."""
    judge = learnt()
    means = [judge.embed(*faces(seed, "neutral")).mean(0) for seed in range(30, 34)]
    cosine = torch.nn.functional.cosine_similarity
    for one in means:
        for other in means:
            assert cosine(one, other, dim=0) > 0.7
    w = judge._weights["means"]
    assert float(means[0][-1]) == pytest.approx(np.sqrt((w[:, :-1] ** 2).sum() / 3))


def test_within_an_emotion_the_embedding_is_a_unit_sphere():
    """W Σ Wᵀ = 1 for the shrunk covariance, computed here from the data again."""
    images, points, shown = [], [], []
    for seed in range(6):
        for emotion in EMOTIONS:
            more = faces(seed, emotion)
            images += more[0]
            points += more[1]
            shown += [emotion] * len(more[0])
    judge = EmotionJudge.train(images, points, shown, PARAMS)
    w = judge._weights
    both = [emotion_features(*face) for face in zip(images, points, strict=True)]
    x = np.stack([np.concatenate([a * w["shape_scale"], b * w["picture_scale"]]) for a, b in both])
    shown = np.array(shown)
    centred = np.concatenate([x[shown == e] - x[shown == e].mean(0) for e in EMOTIONS])
    sigma = centred.T @ centred / len(x)
    shrunk = 0.5 * sigma + 0.5 * np.trace(sigma) / len(sigma) * np.eye(len(sigma))
    found = w["discriminants"] @ shrunk @ w["discriminants"].T
    np.testing.assert_allclose(found, np.eye(2), atol=1e-8)


def test_gradients_go_into_the_bins_of_their_direction():
    """Stripes that stand upright change across, direction 0; lying ones in direction 4 of 8."""
    points = canonical_px(96).astype(np.float32)
    upright = np.zeros((96, 96, 3), np.uint8)
    upright[:, (np.arange(96) // 12) % 2 == 0] = 200
    for image, direction in ((upright, 0), (upright.transpose(1, 0, 2), 4)):
        histogram = emotion_features(np.ascontiguousarray(image), points)[1].reshape(8, 64)
        assert (histogram**2).sum(1).argmax() == direction
        assert (histogram**2).sum() == pytest.approx(1)
        assert (histogram[direction] ** 2).sum() > 0.99
    assert not emotion_features(np.zeros((96, 96, 3), np.uint8), points)[1].any()


def test_a_direction_between_the_last_bin_and_the_first_counts_for_both():
    """A ramp rising at 168.75° is halfway between bin 7 (157.5°) and bin 0 (180°)."""
    angle = np.deg2rad(168.75)
    down, across = np.mgrid[:96, :96] - 48.0
    ramp = 120 + 1.5 * (np.cos(angle) * across + np.sin(angle) * down)
    image = np.repeat(np.rint(ramp).astype(np.uint8)[..., None], 3, axis=2)
    histogram = emotion_features(image, canonical_px(96))[1].reshape(8, 64)
    assert (histogram[[0, 7]] ** 2).sum(1) == pytest.approx(0.5, abs=0.12)


def test_points_are_measured_from_the_canonical_face():
    points = canonical_px(96)
    points[30] += (9.6, 0)
    shape = emotion_features(np.zeros((96, 96, 3), np.uint8), points)[0].reshape(68, 2)
    assert shape[30].tolist() == pytest.approx([0.1, 0])
    assert np.abs(np.delete(shape, 30, 0)).max() < 1e-9


def test_a_judge_is_what_was_saved(tmp_path):
    judge = learnt()
    judge.save(tmp_path)
    again = EmotionJudge.load(tmp_path)
    assert torch.equal(judge.embed(*faces(9, "sad")), again.embed(*faces(9, "sad")))
    assert again.emotions == EMOTIONS
    assert again.embed([], []).shape == (0, 3)
    (tmp_path / "emotion.json").unlink()
    with pytest.raises(StcclError, match="no judge of emotion"):
        EmotionJudge.load(tmp_path)


def test_one_emotion_cannot_be_learnt():
    images, points = faces(0, "sad")
    with pytest.raises(StageError, match="all 8 frames to learn emotions from are sad"):
        EmotionJudge.train(images, points, ["sad"] * 8, PARAMS)
