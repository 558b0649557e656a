"""A folder of every kind of bad clip beside good ones: each costs itself and says why."""

import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from stccl import perclip
from stccl.clips.stage import run as index_clips
from stccl.download.stage import run as download
from stccl.params import Params, read_yaml
from stccl.runner import InOrder
from stccl.tables.io import read_table
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def beside(left: Path, right: Path, out: Path) -> None:
    """Two people in one picture."""
    both = ("-filter_complex", "[0:v][1:v]hstack=shortest=1", "-map", "0:a", "-shortest")
    ffmpeg("-i", left, "-i", right, *both, out)


BAD = {
    "empty": "empty_file",
    "cut": "truncated",
    "sound only": "no_video_stream",
    "silent": "no_sound",
    "text": "not_a_video",
    "noise": "no_face",
    "two people": "two_faces",
    "leaves": "face_lost",
    "one frame": "too_short",
    "ten minutes": "too_long",
    "tiny": "too_small",
}
"""Emotional clips of one speaker, by sentence, and why each cannot be used."""

GOOD = ("fine", "turned", "ünïcödé", "long" * 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, actor_clips: Path) -> Path:
    """`<speaker>/<emotion>/<sentence>.mp4`, with a good neutral twin for every clip."""
    root = tmp_path_factory.mktemp("bad")
    neutral = actor_clips / "M001" / "neutral" / "001.mp4"
    surprised = actor_clips / "M001" / "surprised" / "001.mp4"
    other = actor_clips / "M003" / "neutral" / "001.mp4"
    for speaker in ("ann", "bob"):
        for name in (*BAD, *GOOD):
            for emotion in ("neutral", "surprised"):
                path = root / speaker / emotion / f"{name}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                if speaker == "ann" or name == "fine":
                    shutil.copy(neutral if emotion == "neutral" else surprised, path)
    ann = root / "ann" / "surprised"
    (ann / "empty.mp4").write_bytes(b"")
    (ann / "cut.mp4").write_bytes(surprised.read_bytes()[:30_000])
    ffmpeg("-i", surprised, "-vn", ann / "sound only.mp4")
    ffmpeg("-i", surprised, "-an", "-c", "copy", ann / "silent.mp4")
    (ann / "text.mp4").write_text("no video, whatever its name says\n" * 9)
    clutter = ("-f", "lavfi", "-i", "mandelbrot=s=256x256:r=25")
    tone = ("-f", "lavfi", "-i", "sine=300")
    ffmpeg(*clutter, *tone, "-t", "2", "-pix_fmt", "yuv420p", ann / "noise.mp4")
    beside(surprised, other, ann / "two people.mp4")
    gone = "drawbox=t=fill:c=gray:enable='gt(t,0.8)'"
    ffmpeg("-i", surprised, "-vf", gone, "-c:a", "copy", ann / "leaves.mp4")
    ffmpeg("-i", surprised, "-frames:v", "1", "-t", "0.04", ann / "one frame.mp4")
    still = ("-f", "lavfi", "-i", "color=s=64x64:r=5")
    ffmpeg(*still, *tone, "-t", "600", "-preset", "ultrafast", ann / "ten minutes.mp4")
    ffmpeg("-i", surprised, "-vf", "scale=8:8", "-c:a", "copy", ann / "tiny.mp4")
    lying = root / "lying.mp4"
    ffmpeg("-i", surprised, "-vf", "transpose=1", "-c:a", "copy", lying)
    ffmpeg("-display_rotation", "90", "-i", lying, "-c", "copy", ann / "turned.mp4")
    lying.unlink()
    # The same speaker, emotion and sentence a second time: the same id.
    shutil.copy(surprised, ann / "fine.mov")
    return root


@pytest.fixture(scope="module")
def data(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stages up to the aligned faces make of it."""
    values = read_yaml(ROOT / "params.yaml")
    values["datasets"] = {"folder": {"root": str(folder), "protocol": "speakers"}}
    params = Params.parse(values, where="params.yaml")
    data = tmp_path_factory.mktemp("project") / "data"
    download("folder", data, params, cards=ROOT / "datasets")
    index_clips(data, params, cards=ROOT / "datasets")
    for stage in ("extract", "landmarks", "align"):
        perclip.run(
            f"stccl.{stage}.stage:STAGE",
            data,
            getattr(params, stage),
            InOrder(),
            max_rejected=0.9,
            chunk_items=8,
        )
    return data


def rejected(data: Path) -> dict[str, list[str]]:
    """Reasons by clip, over all stages."""
    found: dict[str, list[str]] = {}
    for path in [*data.glob("*/rejected.parquet"), data / "clips_rejected.parquet"]:
        for row in read_table(path, "rejected").to_pylist():
            assert row["detail"]
            assert row["next_step"]
            found.setdefault(row["clip"], []).append(row["reason"])
    return found


def test_every_bad_clip_is_recorded_once_with_its_reason(data: Path) -> None:
    clips = read_table(data / "clips.parquet", "clips").to_pylist()
    by_name = {
        Path(clip["media_path"]).stem: clip["clip"]
        for clip in clips
        if clip["speaker"] == "ann" and clip["emotion"] == "surprised"
    }
    reasons = rejected(data)
    found = {name: reasons.get(by_name[name]) for name in BAD}
    assert found == {name: [reason] for name, reason in BAD.items()}


def test_the_good_clips_go_through_whatever_their_names(data: Path, folder: Path) -> None:
    clips = read_table(data / "clips.parquet", "clips").to_pylist()
    aligned = {path.stem for path in (data / "aligned").glob("*.parquet")}
    names = {
        Path(clip["media_path"]).stem: clip["clip"]
        for clip in clips
        if clip["speaker"] == "ann" and clip["emotion"] == "surprised"
    }
    for name in GOOD:
        assert names[name] in aligned, name
        names[name].encode("ascii")
        assert len(names[name]) <= 150


def test_of_two_clips_with_one_id_the_second_is_recorded(data: Path) -> None:
    twice = read_table(data / "clips_rejected.parquet", "rejected").to_pylist()
    assert [row["reason"] for row in twice] == ["duplicate_id"]
    assert "fine.mp4" in twice[0]["detail"]


def test_nothing_is_lost_between_the_stages(data: Path) -> None:
    clips = read_table(data / "clips.parquet", "clips")["clip"].to_pylist()
    aligned = {path.stem for path in (data / "aligned").glob("*.parquet")} - {"rejected"}
    refused = set(rejected(data)) - {
        row["clip"] for row in read_table(data / "clips_rejected.parquet", "rejected").to_pylist()
    }
    assert sorted(clips) == sorted(aligned | refused)
    assert not aligned & refused
