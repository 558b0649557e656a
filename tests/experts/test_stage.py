"""The stage on made clips of three speakers: two to learn from, one to be checked on."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from stccl.align.warp import canonical_px
from stccl.clip import Clip
from stccl.errors import StageError, StcclError
from stccl.experts import stage
from stccl.experts.emotion import EmotionJudge
from stccl.experts.experts import Experts
from stccl.params import Params, read_yaml
from stccl.tables.io import TableWriter, write_table
from stccl.tables.png import encode_png
from tests.experts.conftest import talking

EMOTIONS = ("happy", "neutral")
SPLITS = {"M001": "metric-train", "M003": "metric-train", "W001": "metric-test",
          "W002": "spfem-test"}  # fmt: skip


def write_clip(data: Path, name: str, seed: int, emotion: str, frames: int) -> None:
    faces, sound = talking(seed, frames)
    random = np.random.default_rng(seed)
    identity = random.normal(0, 0.05, (68, 2))
    with (
        TableWriter(data / "aligned" / f"{name}.parquet", "aligned", {}) as aligned,
        TableWriter(data / "landmarks" / f"{name}.parquet", "landmarks", {}) as landmarks,
    ):
        for frame, face in enumerate(faces):
            points = canonical_px(64) + identity + random.normal(0, 0.2, (68, 2))
            points[48:, 1] -= 3 * (emotion == "happy")
            shifted = np.add(points, (3, 4)).astype(np.float32).ravel().tolist()
            matrix = [1.0, 0.0, -3.0, 0.0, 1.0, -4.0]
            inverse = [1.0, 0.0, 3.0, 0.0, 1.0, 4.0]
            aligned.append(frame=frame, png=encode_png(face), matrix=matrix, inverse=inverse)
            box = [0.0, 0.0, 64.0, 64.0]
            landmarks.append(frame=frame, source="detected", score=1.0, box=box, points=shifted)
    samples = np.rint(sound * 32767).astype(np.int16).tolist()
    rows = [{"start_sample": 0, "samples": samples}]
    write_table(data / "audio" / f"{name}.parquet", "audio", rows)


def made(data: Path, splits: dict[str, str]) -> None:
    clips = []
    for k, ((speaker, split), emotion) in enumerate(product(splits.items(), EMOTIONS)):
        name = f"made-{speaker}-{emotion}-1-001"
        clips.append(
            Clip(name, "made", speaker, emotion, 1, "001", "", split, "001", "a", "a", 25.0, 40,
                 1.6, "0")
        )  # fmt: skip
        write_clip(data, name, k, emotion, 4 if speaker == "M999" else 40)
    write_table(data / "clips.parquet", "clips", map(vars, clips))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made(folder, {**SPLITS, "M999": "metric-train"})
    return folder


@pytest.fixture
def params(small) -> Params:
    values = read_yaml(Path(__file__).parents[2] / "params.yaml")
    values["experts"] |= {
        "sync": small.model_dump(mode="json"),
        "sync_training": {
            "clips": 9, "steps": 4, "batch_runs": 2, "run_windows": 8, "learning_rate": 0.001,
        },
        "emotion": {"frames_per_clip": 4, "picture_weight": 0.0, "shrinkage": 0.5},
        "identity_frames": 2,
    }  # fmt: skip
    return Params.parse(values, where="made")


class Skin:
    """Knows people by the colour of their skin; as quick as tests want it."""

    def embed(self, images: list, points: list | None = None) -> torch.Tensor:
        return torch.from_numpy(np.stack([image[:, 0].mean(axis=0) for image in images]))


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr(stage, "face_identity", lambda arcface: Skin())


def run(data: Path, out: Path, params: Params) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    stage.run(data, out / "models", out / "metrics", params, lambda *done: seen.append(done))
    return seen


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_judges_and_how_good_they_are(data, params, quick, tmp_path):
    assert run(data, tmp_path, params) == [(k, 4) for k in range(1, 5)]
    found = json.loads((tmp_path / "metrics" / "experts.json").read_text())
    assert found["speakers"] == {"train": ["M001", "M003", "M999"], "heldout": ["W001"]}
    assert found["sync"]["clips"] == 2
    assert found["emotion"]["accuracy"] == 1
    assert found["emotion"]["confusion"] == {e: {e: 1} for e in EMOTIONS}
    assert found["identity"]["pairs"] == 8 * 7 / 2
    # A clip of 4 frames has no window of 5.
    assert sorted(found["left_out"]) == [f"made-M999-{e}-1-001" for e in EMOTIONS]
    assert "no window of 0.2 s" in found["left_out"]["made-M999-happy-1-001"]
    experts = Experts.load(tmp_path / "models" / "experts")
    lips, sound, seen = experts.sync.embed(*talking(0, 40))
    assert lips.shape == sound.shape == (len(seen), 16)


def test_the_same_seed_gives_the_same_files(data, params, quick, tmp_path):
    for name in ("one", "two"):
        run(data, tmp_path / name, params)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_whoever_is_judged_has_no_part_in_it(data, params, quick, tmp_path):
    read = []
    reader = stage.FrameReader

    class Watched(reader):  # type: ignore[misc, valid-type]
        def __init__(self, path: Path, schema: str) -> None:
            read.append(path.stem)
            super().__init__(path, schema)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "FrameReader", Watched)
        patch.setattr("stccl.align.faces.FrameReader", Watched)
        run(data, tmp_path, params)
    assert read
    assert not [name for name in read if "W002" in name]


def test_killed_halfway_the_old_judges_are_whole(data, params, quick, tmp_path):
    run(data, tmp_path, params)
    before = contents(tmp_path)
    with pytest.MonkeyPatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(EmotionJudge, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path, params)
    after = {k: v for k, v in contents(tmp_path).items() if ".partial/" not in k}
    assert after == before
    run(data, tmp_path, params)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("split", ["metric-train", "metric-test"])
def test_a_missing_split_is_one_line(params, tmp_path, split):
    made(tmp_path, {k: v for k, v in SPLITS.items() if v != split})
    with pytest.raises(StageError, match=f"experts: no clip of split {split}") as error:
        run(tmp_path, tmp_path, params)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()


def test_a_published_network_that_is_missing_is_one_line(data, params, tmp_path):
    experts = params.experts.model_copy(update={"syncnet": "weights/none.model"})
    with pytest.raises(StcclError, match=r"weights/none\.model: cannot be read as weights"):
        run(data, tmp_path, params.model_copy(update={"experts": experts}))


def test_without_judges_it_says_how_to_get_them(tmp_path):
    with pytest.raises(StcclError, match="no judges; run `dvc repro experts` to make them"):
        Experts.load(tmp_path)
