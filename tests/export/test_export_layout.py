import json
from hashlib import sha256

import cv2
import numpy as np
import pytest

from stccl.clip import Clip
from stccl.errors import StageError
from stccl.export import layout
from stccl.export.layout import ExportCounts, export
from stccl.tables.io import write_table
from stccl.tables.png import encode_png

FRAMES = 6
NO_FACE_AT = 4


def a_clip(emotion, sentence="001", level=1, take="", speaker="M003", dataset="mead"):
    name = f"{dataset}-{speaker}-{emotion}-{level}-{sentence}" + (f"-{take}" if take else "")
    source = {"media_path": "", "audio_path": "", "sha256": "", "split": "unused", "words": ""}
    length = {"fps": None, "frames": None, "duration_s": None}
    return Clip(name, dataset, speaker, emotion, level, sentence, take, **source, **length)


def picture(clip, frame):
    """Tells a clip and a frame by its colour."""
    return np.full((4, 5, 3), (frame * 20, *sha256(clip.clip.encode()).digest()[:2]), np.uint8)


@pytest.fixture
def pipeline(tmp_path):
    """Writes clips, aligned faces and pairs; `(source, target)` in order, frame n with n + 1."""

    def write(clips, pairs, aligned=None):
        data = tmp_path / "data"
        write_table(data / "clips.parquet", "clips", [vars(clip) for clip in clips])
        for clip in clips if aligned is None else aligned:
            rows = [
                {
                    "frame": n,
                    "png": None if n == NO_FACE_AT else encode_png(picture(clip, n)),
                    "matrix": None,
                    "inverse": None,
                }
                for n in range(FRAMES)
            ]
            write_table(data / "aligned" / f"{clip.clip}.parquet", "aligned", rows)
        rows = [
            {
                "pair": f"{source.clip}~{target.clip}",
                "source": source.clip,
                "target": target.clip,
                "dataset": source.dataset,
                "speaker": source.speaker,
                "words": source.sentence,
                "source_emotion": source.emotion,
                "target_emotion": target.emotion,
                "split": "metric-train",
                "step": n,
                "source_frame": n,
                "target_frame": n + 1,
                "step_cost": 0.1,
                "cost": 0.1,
            }
            for source, target in pairs
            for n in range(3)
        ]
        write_table(data / "pairs.parquet", "pairs", rows)
        return data

    return write


def _paths(out):
    return json.loads((out / "aligned_path36.json").read_text())


def test_a_reader_of_the_published_layout_finds_every_frame(pipeline, tmp_path):
    speakers = {
        who: [a_clip("neutral", speaker=who), a_clip("disgusted", "028", 3, speaker=who)]
        for who in ("M003", "W014")
    }
    data = pipeline([clip for pair in speakers.values() for clip in pair], speakers.values())
    out = tmp_path / "out"
    assert export(data, out) == ExportCounts(clips=4, pictures=20, pairs=2, frame_pairs=6)
    paths = _paths(out)
    seen = 0
    for speaker, emotions in paths.items():
        for emotion, sentences in emotions.items():
            for key, (neutral, emotional) in sentences.items():
                assert len(neutral) == len(emotional)
                for sides in zip(
                    ("neutral", emotion), key.split("_"), (neutral, emotional), strict=True
                ):
                    for frame in sides[2]:
                        name = str(frame).zfill(6) + ".png"
                        path = out / speaker / "align_img" / sides[0] / sides[1] / name
                        read = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
                        clip = speakers[speaker][sides[0] != "neutral"]
                        np.testing.assert_array_equal(read, picture(clip, frame))
                        seen += 1
    assert seen == 12
    assert paths["W014"] == {"disgusted": {"001_028": [[0, 1, 2], [1, 2, 3]]}}
    names = {p.name for p in (out / "M003/align_img/neutral/001").iterdir()}
    assert names == {f"{n:06d}.png" for n in range(FRAMES) if n != NO_FACE_AT}


def test_the_highest_level_in_a_pair_is_shown(pipeline, tmp_path):
    neutral = a_clip("neutral")
    levels = [a_clip("angry", level=level) for level in (1, 2, 3)]
    data = pipeline([neutral, *levels], [(neutral, levels[0]), (neutral, levels[1])])
    assert export(data, tmp_path / "out").pairs == 1
    read = cv2.imread(str(tmp_path / "out/M003/align_img/angry/001/000001.png"))
    np.testing.assert_array_equal(read[..., ::-1], picture(levels[1], 1))


def test_pairs_and_pictures_are_of_the_same_takes(pipeline, tmp_path):
    neutral = [a_clip("neutral", take=take) for take in ("01", "02")]
    sad = [a_clip("sad", take=take) for take in ("01", "02")]
    # The second neutral take alone is left; the highest level belongs to a pair with no one.
    alone = a_clip("sad", level=2, take="01")
    data = pipeline([*neutral, *sad, alone], [(neutral[1], sad[1])])
    counts = export(data, tmp_path / "out")
    assert (counts.clips, counts.pairs) == (2, 1)
    for emotion, clip in (("neutral", neutral[1]), ("sad", sad[1])):
        read = cv2.imread(str(tmp_path / f"out/M003/align_img/{emotion}/001/000003.png"))
        np.testing.assert_array_equal(read[..., ::-1], picture(clip, 3))


def test_a_pair_whose_clip_was_not_aligned_is_left_out(pipeline, tmp_path):
    neutral, angry, sad = (a_clip(emotion) for emotion in ("neutral", "angry", "sad"))
    pairs = [(neutral, angry), (neutral, sad)]
    data = pipeline([neutral, angry, sad], pairs, aligned=[neutral, sad])
    export(data, tmp_path / "out")
    assert list(_paths(tmp_path / "out")["M003"]) == ["sad"]


def test_without_pictures_only_the_paths_are_written(pipeline, tmp_path):
    clips = [a_clip("neutral"), a_clip("angry")]
    counts = export(pipeline(clips, [clips]), tmp_path / "out", pictures=False)
    assert counts == ExportCounts(clips=0, pictures=0, pairs=1, frame_pairs=3)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["aligned_path36.json"]


def test_an_interrupted_export_is_finished_by_the_next(pipeline, tmp_path, monkeypatch):
    clips = [a_clip("neutral"), a_clip("angry")]
    data, out = pipeline(clips, [clips]), tmp_path / "out"
    export(data, out)
    whole = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    (out / "M003/align_img/angry/001/000099.png").write_bytes(b"of an earlier, longer clip")

    class Killed(Exception):
        pass

    reader = layout.FrameReader

    calls = []

    class DiesInTheSecondClip(reader):
        def png(self, frame):
            calls.append(frame)
            if len(calls) > FRAMES + 2:
                raise Killed
            return super().png(frame)

    monkeypatch.setattr(layout, "FrameReader", DiesInTheSecondClip)
    with pytest.raises(Killed):
        export(data, out)
    assert not (out / "aligned_path36.json").exists()
    monkeypatch.undo()
    export(data, out)
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == whole


def test_two_datasets_with_one_speakers_name_are_refused(pipeline, tmp_path):
    clips = [a_clip("neutral", speaker="01"), a_clip("angry", speaker="01", dataset="ravdess")]
    data = pipeline(clips, [])
    with pytest.raises(StageError, match="mead and ravdess both have a speaker 01"):
        export(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_before_pairs_have_run(tmp_path, pipeline):
    data = pipeline([a_clip("neutral")], [])
    (data / "pairs.parquet").unlink()
    with pytest.raises(StageError, match=r"pairs\.parquet is missing"):
        export(data, tmp_path / "out")
