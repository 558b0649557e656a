from pathlib import Path

import numpy as np
import pytest

from stccl.params import Params, read_yaml
from stccl.spfem import registry
from stccl.tables.io import write_table
from stccl.tables.png import encode_png
from stccl.video import write_sound
from tests.conftest import ROOT
from tests.generate.test_plan import make


@pytest.fixture
def params(monkeypatch):
    """The project's, with a backbone that needs no training."""
    monkeypatch.setitem(registry.BACKBONES, "toy", "tests.spfem.toy")
    values = read_yaml(ROOT / "params.yaml")
    values["spfem"] |= {"backbone": "toy", "supervisions": ["base", "vd"], "seeds": [1]}
    return Params.parse(values, where="params.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four clips of two people, ten frames each, with models `toy-base-1` and `toy-vd-1`."""
    data = tmp_path / "data"
    clips = [
        make(speaker, emotion, sentence, split, dataset="toys")
        for speaker in ("Ann", "Bob")
        for emotion in ("neutral", "happy")
        for sentence, split in (("1", "spfem-train"), ("2", "spfem-test"))
    ]
    tone = (8000 * np.sin(np.arange(6400) * 0.2)).astype(np.int16)
    rows = []
    for clip in clips:
        sound = tmp_path / f"{clip.clip}.m4a"
        write_sound(sound, tone, 16000)
        rows.append({**vars(clip), "audio_path": sound.name, "media_path": sound.name})
        pictures = [np.full((48, 64, 3), 100 + 10 * k, np.uint8) for k in range(10)]
        write_table(
            data / "frames" / f"{clip.clip}.parquet",
            "frames",
            [
                {"frame": k, "time_s": k / 25, "source_time_s": k / 25, "png": encode_png(picture)}
                for k, picture in enumerate(pictures)
            ],
        )
        fitted = data / "faces3d" / f"{clip.clip}.parquet"
        write_table(fitted, "faces3d", [], {"fingerprint": clip.clip})
    write_table(data / "clips.parquet", "clips", rows)
    for name in ("toy-base-1", "toy-vd-1"):
        (tmp_path / "models" / "spfem" / name).mkdir(parents=True)
        (tmp_path / "models" / "spfem" / name / "weights").touch()
    return tmp_path
