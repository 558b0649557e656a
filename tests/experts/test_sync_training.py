import numpy as np
import pytest
import torch

from stccl.errors import StageError, StcclError
from stccl.experts.check import check_sync
from stccl.experts.lip_sync import LipSyncJudge
from stccl.experts.params import SyncTrainingParams
from stccl.experts.sync_training import SpokenClip, sync_loss, train_sync
from stccl.experts.syncnet import SyncNet
from stccl.experts.windows import sync_windows
from tests.experts.conftest import talking

PARAMS = SyncTrainingParams(clips=9, steps=60, batch_runs=4, run_windows=16, learning_rate=2e-3)


def spoken(small, seeds) -> list[SpokenClip]:
    return [
        SpokenClip(f"speaker {seed % 3}", sync_windows(*talking(seed), 16000, small))
        for seed in seeds
    ]


def trained(small, steps: int = PARAMS.steps, seed: int = 0) -> SyncNet:
    params = PARAMS.model_copy(update={"steps": steps})
    return train_sync(
        spoken(small, range(6)), small, params, seed=seed, progress=lambda done, steps: None
    )


@pytest.mark.slow
def test_it_learns_what_is_in_step_on_speakers_it_never_saw(small):
    judge = LipSyncJudge(trained(small))
    unseen = [clip.windows for clip in spoken(small, range(20, 26))]
    found = check_sync([judge.embed_windows(windows) for windows in unseen])
    assert found["in_step"] >= 0.8
    guess = LipSyncJudge(SyncNet(small))
    before = check_sync([guess.embed_windows(windows) for windows in unseen])
    assert found["lse_c"] > 3 * before["lse_c"]


def test_the_same_seed_gives_the_same_bits(small):
    one, other, third = (trained(small, 3, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert any(not torch.equal(one[key], third[key]) for key in one)


def test_the_loss_is_the_slow_one():
    random = np.random.default_rng(0)
    lips, sound = random.normal(size=(2, 12, 5))
    total = 0.0
    for a, b in ((lips, sound), (sound, lips)):
        for n in range(12):
            logits = {
                m: -((a[n] - b[m]) ** 2).sum()
                for m in range(12)
                if m == n or abs(m - n) > 1 or m // 6 != n // 6
            }
            total -= logits[n] - np.log(np.sum(np.exp(list(logits.values()))))
    found = sync_loss(torch.from_numpy(lips), torch.from_numpy(sound), 6)
    assert float(found) == pytest.approx(total / 24)


def test_clips_that_are_too_short_are_named(small):
    short = [SpokenClip("a", sync_windows(*talking(0, 12), 16000, small))]
    with pytest.raises(StageError, match=r"none of 1 clips .* 16 windows in a row"):
        train_sync(short, small, PARAMS, seed=0, progress=lambda done, steps: None)


def test_a_judge_is_what_was_saved(small, tmp_path):
    judge = LipSyncJudge(trained(small, 2))
    judge.save(tmp_path)
    first = (tmp_path / "sync.safetensors").read_bytes()
    again = LipSyncJudge.load(tmp_path)
    faces, sound = talking(3)
    for one, other in zip(judge.embed(faces, sound), again.embed(faces, sound), strict=True):
        assert torch.equal(one, other)
    again.save(tmp_path)
    assert (tmp_path / "sync.safetensors").read_bytes() == first
    (tmp_path / "sync.safetensors").write_bytes(first[:100])
    with pytest.raises(StcclError, match="no judge of lip sync"):
        LipSyncJudge.load(tmp_path)


def test_long_clips_are_embedded_some_at_a_time(small):
    judge = LipSyncJudge(SyncNet(small))
    windows = sync_windows(*talking(0, 90), 16000, small)
    whole = judge.network.lips(windows.pictures[None])[0]
    torch.testing.assert_close(judge.embed_windows(windows).lips, whole, rtol=1e-5, atol=1e-5)
