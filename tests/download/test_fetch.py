import hashlib
import io
import json
import zipfile

import pytest

from stccl.download.card import RemoteFile
from stccl.download.fetch import RECORD, fetch
from stccl.errors import StageError
from tests.download.server import Behaviour, serving


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(f"{name}.mp4"), content)
    return buffer.getvalue()


ARCHIVES = {"/1.zip": zipped(a=b"one", b=b"two"), "/2.zip": zipped(a=b"three")}


def answer(n, path):
    return Behaviour(ARCHIVES[path])


def files(server, **changes):
    return [
        RemoteFile(url=server.url + f"/{i}.zip", unpack=True, speakers=(f"0{i}",), **changes)
        for i in (1, 2)
    ]


def nothing(done, total):
    pass


def test_archives_are_unpacked_and_removed(tmp_path):
    with serving(answer) as server:
        got = fetch(files(server), "all", tmp_path, nothing)
    assert (tmp_path / "1" / "a.mp4").read_bytes() == b"one"
    assert (tmp_path / "2" / "a.mp4").read_bytes() == b"three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", RECORD]
    assert got[server.url + "/1.zip"].sha256 == hashlib.sha256(ARCHIVES["/1.zip"]).hexdigest()


def test_only_what_the_speakers_need_is_fetched(tmp_path):
    with serving(answer) as server:
        fetch(files(server), ("02",), tmp_path, nothing)
        assert len(server.requests) == 1
        assert not (tmp_path / "1").exists()
        with pytest.raises(StageError, match="expected some of 01, 02, got 03"):
            fetch(files(server), ("02", "03"), tmp_path, nothing)


def test_what_is_there_is_not_fetched_again_and_what_was_lost_is(tmp_path):
    with serving(answer) as server:
        fetch(files(server), "all", tmp_path, nothing)
        fetch(files(server), "all", tmp_path, nothing)
        assert len(server.requests) == 2
        (tmp_path / "1" / "b.mp4").unlink()
        fetch(files(server), "all", tmp_path, nothing)
        assert len(server.requests) == 3
    assert (tmp_path / "1" / "b.mp4").read_bytes() == b"two"


def test_a_file_without_a_checksum_has_to_stay_as_it_was_first(tmp_path):
    with serving(lambda n, path: Behaviour(zipped(a=bytes([n])))) as server:
        only = files(server)[:1]
        first = fetch(only, "all", tmp_path, nothing)[only[0].url].sha256
        (tmp_path / "1" / "a.mp4").unlink()
        with pytest.raises(StageError, match=f"SHA-256: expected {first}, got"):
            fetch(only, "all", tmp_path, nothing)


def test_a_plain_file_stays_as_it_is(tmp_path):
    with serving(lambda n, path: Behaviour(b"clip")) as server:
        fetch([RemoteFile(url=server.url + "/a%20b.mp4?x=1")], "all", tmp_path, nothing)
    assert (tmp_path / "a b.mp4").read_bytes() == b"clip"


def test_a_damaged_archive_is_removed_and_nothing_recorded(tmp_path):
    with (
        serving(lambda n, path: Behaviour(ARCHIVES["/1.zip"][:-30])) as server,
        pytest.raises(StageError, match=r"1.zip: .*damaged archive .*; download it again"),
    ):
        fetch(files(server), "all", tmp_path, nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_says_what_to_do(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps([1]))
    with pytest.raises(StageError, match="damaged record of downloads; delete it"):
        fetch([], "all", tmp_path, nothing)


def test_an_archive_that_was_fetched_but_not_unpacked_is_not_fetched_again(tmp_path):
    (tmp_path / "1.zip").write_bytes(ARCHIVES["/1.zip"])
    with serving(answer) as server:
        fetch(files(server)[:1], "all", tmp_path, nothing)
        assert server.requests == []
    assert (tmp_path / "1" / "a.mp4").read_bytes() == b"one"
