import re
import shutil
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stccl.clip import clips_of
from stccl.download.stage import run
from stccl.errors import ParamsError, StageError
from stccl.params import Params, read_yaml
from stccl.runner import InOrder
from stccl.tables.io import read_table
from tests.download.server import Behaviour, serving
from tests.download.test_fetch import zipped

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "datasets"


def params_with(**datasets):
    values = read_yaml(ROOT / "params.yaml")
    return Params.parse(values | {"datasets": datasets}, where="test")


def listed(data, name):
    return clips_of(read_table(data / "index" / f"{name}.parquet", "clips"))


def write_card(cards, name, **values):
    (cards / name).mkdir(parents=True)
    card = {
        "name": name,
        "licence": "mine",
        "citation": "none",
        "pattern": r"(?:.+/)?(?P<speaker>\w+)_(?P<emotion>\w+)_(?P<sentence>\w+)\.mp4",
        "protocols": {
            "all": {"about": "x", "words": {"by_id": True}, "split": {"by_speaker": 0.5}}
        },
    }
    with (cards / name / "card.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(card | values, file)


@pytest.fixture
def clips(tmp_path):
    root = tmp_path / "clips"
    for path in ("Ann/sad/1.mp4", "Ann/neutral/1.mp4", "Bob/sad/1.mp4", "Bob/neutral/1.mp4"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def run_folder(tmp_path, root, **changes):
    dataset = {"root": str(root), "protocol": "speakers"} | changes
    return run("folder", tmp_path / "data", params_with(folder=dataset), cards=CARDS)


def test_a_folder_is_listed_where_it_is(tmp_path, clips, monkeypatch):
    monkeypatch.chdir(tmp_path)
    summary = run_folder(tmp_path, "clips")
    assert str(summary) == "folder: 4 clips of 2 speakers"
    found = listed(tmp_path / "data", "folder")
    assert [clip.clip for clip in found] == [
        "folder-Ann-neutral-1-1",
        "folder-Ann-sad-1-1",
        "folder-Bob-neutral-1-1",
        "folder-Bob-sad-1-1",
    ]
    assert found[0].media_path == found[0].audio_path == "clips/Ann/neutral/1.mp4"
    assert {(clip.split, clip.words, clip.fps) for clip in found} == {("", "", None)}
    assert not (tmp_path / "data" / "raw" / "folder").exists()


def test_a_root_elsewhere_is_listed_as_it_is_named(tmp_path, clips, monkeypatch):
    tables = []
    for project in (tmp_path / "project", tmp_path / "deep" / "project"):
        run_folder(project, clips)
        tables.append((project / "data" / "index" / "folder.parquet").read_bytes())
        [first, *_] = listed(project / "data", "folder")
        assert first.media_path == first.audio_path == str(clips / "Ann/neutral/1.mp4")
    # Copies of a project with the same parameters make the same tables, wherever they stand.
    assert tables[0] == tables[1]
    monkeypatch.chdir(tmp_path / "project")
    run_folder(tmp_path / "project", "../clips")
    assert listed(tmp_path / "project" / "data", "folder")[0].media_path.startswith("../clips/Ann")


def test_a_root_inside_the_project_is_listed_relative_to_it(tmp_path, clips):
    run_folder(tmp_path, clips)
    assert listed(tmp_path / "data", "folder")[0].media_path == "clips/Ann/neutral/1.mp4"


def test_the_same_clips_give_the_same_bytes(tmp_path, clips):
    run_folder(tmp_path, clips)
    first = (tmp_path / "data/index/folder.parquet").read_bytes()
    run_folder(tmp_path, clips)
    assert (tmp_path / "data/index/folder.parquet").read_bytes() == first
    shutil.rmtree(tmp_path / "data")
    run_folder(tmp_path, clips)
    assert (tmp_path / "data/index/folder.parquet").read_bytes() == first


def test_what_is_not_used_is_said(tmp_path, clips):
    (clips / "stray.mov").write_bytes(b"")
    summary = run_folder(tmp_path, clips, speakers=["Ann"])
    assert str(summary) == (
        "folder: 2 clips of 1 speakers; not used: video files whose path does not fit the pattern: "
        "1, such as stray.mov"
    )


@pytest.mark.parametrize(
    ("root", "changes", "message"),
    [
        ("absent", {}, r"folder.root: no such folder: .*absent. .*1. Put every clip at <speaker>"),
        ("empty", {}, "no clip under .*empty: looked for paths that fit .*; it is empty"),
        ("others", {}, "it holds files such as deep/readme.txt"),
        ("glad", {}, "an emotion 'glad' that the card does not know: 1, such as A/glad/1.mp4"),
        ("clips", {"speakers": ["Ann", "Cy"]}, "folder.speakers: no clip of Cy under"),
        ("clips", {"speakers": ["Cy"]}, "no clip of Cy under"),
    ],
)
def test_a_root_without_clips_says_what_was_looked_for_and_found(
    tmp_path, clips, root, changes, message
):
    (tmp_path / "empty").mkdir()
    for path in ("others/deep/readme.txt", "glad/A/glad/1.mp4"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"")
    with pytest.raises(StageError, match=message) as error:
        run_folder(tmp_path, tmp_path / root, **changes)
    assert "\n" not in str(error.value)


def test_data_that_has_to_be_asked_for_comes_with_the_steps(tmp_path):
    dataset = {"root": str(CARDS / "mead"), "protocol": "paper"}
    with pytest.raises(StageError, match=r"1\. Ask for MEAD as https.* 4\. In params.yaml set"):
        run("mead", tmp_path, params_with(mead=dataset), cards=CARDS)


def test_an_unknown_protocol_is_refused_before_anything_is_done(tmp_path, clips):
    with pytest.raises(ParamsError, match="expected one of speakers, got 'paper'"):
        run_folder(tmp_path, clips, protocol="paper")


def test_a_card_with_addresses_is_fetched_for_the_speakers_asked_for(tmp_path):
    archives = {"/a.zip": zipped(Ann_sad_1=b"x", Ann_neutral_1=b"y"), "/b.zip": zipped(B_sad_1=b"")}
    cards, told, runner = tmp_path / "datasets", [], InOrder()
    runner.progress = lambda done, total: told.append((done, total))
    with serving(lambda n, path: Behaviour(archives[path])) as server:
        files = [
            {"url": f"{server.url}/a.zip", "unpack": True, "speakers": ["Ann"]},
            {"url": f"{server.url}/b.zip", "unpack": True, "speakers": ["B"]},
        ]
        write_card(cards, "net", fetch=files)
        dataset = {"root": str(cards / "net"), "protocol": "all", "speakers": ["Ann"]}
        summary = run(
            "net",
            tmp_path / "data",
            params_with(net=dataset),
            runner,
            cards,
        )
        assert len(server.requests) == 1
    assert [clip.clip for clip in listed(tmp_path / "data", "net")] == [
        "net-Ann-neutral-1-1",
        "net-Ann-sad-1-1",
    ]
    assert (tmp_path / "data/raw/net/a/Ann_sad_1.mp4").read_bytes() == b"x"
    assert re.search(r"a\.zip sha256: [0-9a-f]{64}$", str(summary))
    assert told[-1] == (2, 2)


def test_a_card_that_makes_its_clips_is_given_folder_settings_and_seed(tmp_path, monkeypatch):
    cards = tmp_path / "datasets"
    editions = {"one": {"clips": 1}, "two": {"clips": 2}}
    write_card(cards, "made", generate="maker_of_clips:make", editions=editions)
    (tmp_path / "maker_of_clips.py").write_text(
        "def make(folder, speakers, edition, seed, runner):\n"
        "    for number in range(edition['clips']):\n"
        "        (folder / f'{speakers[number]}_sad_{seed}.mp4').write_bytes(b'')\n"
        "    runner.progress(1, 1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    dataset = {"root": str(cards / "made"), "protocol": "all", "speakers": ["Ann", "B"]}
    for edition, speakers in ((None, ["Ann"]), ("two", ["Ann", "B"]), ({"clips": 1}, ["Ann"])):
        data = tmp_path / str(edition) / "data"
        asked = {**dataset, "edition": edition, "speakers": speakers}
        run("made", data, params_with(made=asked), cards=cards)
        made = [clip.clip for clip in listed(data, "made")]
        assert made == [f"made-{speaker}-sad-1-42" for speaker in speakers]
    with pytest.raises(
        ParamsError, match=r"made\.edition: expected one of one, two, .*got 'three'"
    ):
        run("made", tmp_path, params_with(made={**dataset, "edition": "three"}), cards=cards)
    sys.modules.pop("maker_of_clips")

    write_card(cards, "broken", generate="maker_of_clips:absent", editions=editions)
    broken = {"root": str(cards / "broken"), "protocol": "all"}
    with pytest.raises(StageError, match="generate: expected `<module>:<function>`, got 'maker_of"):
        run("broken", tmp_path / "data", params_with(broken=broken), cards=cards)


@pytest.mark.real
def test_the_real_clips_are_listed(tmp_path, mead_mini):
    dataset = {"root": str(mead_mini), "protocol": "subset"}
    summary = run("mead", tmp_path, params_with(mead=dataset), cards=CARDS)
    assert (summary.clips, summary.speakers, summary.ignored) == (25, 4, ())
    found = {clip.clip: clip for clip in listed(tmp_path, "mead")}
    assert len(found) == 25
    clip = found["mead-M012-neutral-1-037"]
    assert clip.fps == pytest.approx(30)
    assert all(3 <= clip.duration_s <= 6 for clip in found.values())
    assert all(Path(clip.audio_path).is_file() for clip in found.values())
