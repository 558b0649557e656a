"""Clips, their tables and speech-like sound for the tests of pairs."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest

from stccl.clip import Clip
from stccl.pairs.params import PairsParams
from stccl.tables.io import TableWriter, write_table

RATE_HZ = 16000
BLOCK = 4000


@pytest.fixture(scope="session")
def params() -> PairsParams:
    return PairsParams(hop_s=0.01, coefficients=13, band=0.25, max_cost=0.7)


@pytest.fixture(scope="session")
def a_clip() -> Callable[..., Clip]:
    def make(emotion: str, sentence: str = "001", **changes) -> Clip:
        values = {
            "dataset": "mead",
            "speaker": "M003",
            "emotion": emotion,
            "level": 1 if emotion == "neutral" else 3,
            "sentence": sentence,
            "take": "",
            "split": "metric-train",
            "words": sentence,
            "media_path": "a.mp4",
            "audio_path": "a.mp4",
            "fps": 25.0,
            "frames": 75,
            "duration_s": 3.0,
            "sha256": "",
        } | changes
        parts = [values[k] for k in ("dataset", "speaker", "emotion", "level", "sentence", "take")]
        values.setdefault("clip", "-".join(str(part) for part in parts if part != ""))
        return Clip(**values)

    return make


@pytest.fixture(scope="session")
def add_clip() -> Callable[..., None]:
    """Writes what the earlier stages would: sound, frames and landmarks of a clip."""

    def add(
        data: Path,
        clip: Clip,
        sound: np.ndarray,
        frames: int,
        *,
        missing: Collection[int] = (),
        mark: str = "",
    ) -> None:
        provenance = {"fingerprint": clip.clip + mark, "params": {"sample_rate_hz": RATE_HZ}}
        samples = np.round(sound * 32767).astype(np.int16)
        with TableWriter(data / "audio" / f"{clip.clip}.parquet", "audio", provenance) as table:
            for start in range(0, len(samples), BLOCK):
                block = samples[start : start + BLOCK].tolist()
                table.append(start_sample=start, samples=block)
        write_table(
            data / "frames" / f"{clip.clip}.parquet",
            "frames",
            [{"frame": n, "time_s": n / 25, "source_time_s": n / 25} | PNG for n in range(frames)],
            provenance,
        )
        write_table(
            data / "landmarks" / f"{clip.clip}.parquet",
            "landmarks",
            [
                {"frame": n, "source": "missing" if n in missing else "detected"} | NO_FACE
                for n in range(frames)
            ],
            provenance,
        )

    return add


PNG = {"png": None}
NO_FACE = {"score": None, "box": None, "points": None}


@pytest.fixture(scope="session")
def utterance() -> Callable[..., np.ndarray]:
    """Voiced sound whose formants follow a script of seven sounds a second, at any tempo."""

    def speak(
        words: int, duration_s: float, *, script_s: np.ndarray | None = None, pitch_hz: float = 110
    ) -> np.ndarray:
        """`script_s`: where in the script each sample stands; as it is written by default."""
        times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
        place = (times_s if script_s is None else script_s) * 7
        random = np.random.default_rng(words)
        knots = np.arange(80)
        formants_hz = [
            np.interp(place, knots, random.uniform(low, high, len(knots)))
            for low, high in ((250, 900), (900, 2300), (2400, 3400))
        ]
        loudness = np.interp(place, knots, random.uniform(0.1, 1, len(knots)))
        sound = np.zeros(len(times_s))
        for harmonic in range(1, int(4000 / pitch_hz)):
            hz = harmonic * pitch_hz
            gain = sum(np.exp(-(((hz - formant) / 120) ** 2)) for formant in formants_hz)
            sound += gain * np.sin(2 * np.pi * hz * times_s)
        noise = np.random.default_rng(7).standard_normal(len(times_s))
        return (0.05 * loudness * sound + 1e-4 * noise).astype(np.float32)

    return speak
