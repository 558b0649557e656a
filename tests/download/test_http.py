import hashlib
import itertools
import random
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stccl.download import http
from stccl.download.http import Expected, download
from stccl.errors import StageError
from tests.download.server import Behaviour, serving

BODY = random.Random(7).randbytes(600_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def pauses():
    return []


def get(url, target, pauses, **expected):
    return download(url, target, Expected(**expected), sleep=pauses.append)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_with_its_checksum_and_leaves_nothing_beside_it(tmp_path, pauses):
    told = []
    with serving(lambda n, path: Behaviour(BODY)) as server:
        found = download(
            server.url + "/a.bin",
            tmp_path / "a.bin",
            Expected(len(BODY), SHA256, MD5),
            progress=lambda done, total: told.append((done, total)),
        )
    assert found == SHA256
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert names(tmp_path) == ["a.bin"]
    assert told[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_connection_that_breaks_is_resumed_where_it_broke(tmp_path, pauses):
    cuts = [100_000, 250_000, None]
    with serving(lambda n, path: Behaviour(BODY, cut=cuts[n])) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.requests == ["", "bytes=100000-", "bytes=350000-"]
    assert pauses == [1.0, 1.0]  # each try brought something, so the pauses do not grow


def test_another_process_goes_on_from_what_the_first_left(tmp_path, pauses):
    target = tmp_path / "a.bin"
    with serving(
        lambda n, path: Behaviour(BODY, cut=1000) if n == 0 else Behaviour(status=503)
    ) as s:
        # The address has to stay the same for the second process, so the server does too.
        with pytest.raises(StageError, match="1000 bytes are kept"):
            get(s.url + "/a.bin", target, pauses)
        assert not target.exists()
        s.requests.clear()
    port = int(s.url.rsplit(":", 1)[1])
    note = tmp_path / "a.bin.partial.json"
    with serving(lambda n, path: Behaviour(BODY)) as again:
        note.write_text(note.read_text().replace(str(port), again.url.rsplit(":", 1)[1]))
        get(again.url + "/a.bin", target, pauses)
    assert again.requests == ["bytes=1000-"]
    assert target.read_bytes() == BODY


def test_a_partial_file_of_another_address_is_not_gone_on_with(tmp_path, pauses):
    (tmp_path / "a.bin.partial").write_bytes(b"something else")
    (tmp_path / "a.bin.partial.json").write_text(
        '{"url": "http://elsewhere/a.bin", "validator": "\\"one\\"", "total": 600000}'
    )
    with serving(lambda n, path: Behaviour(BODY)) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert server.requests == [""]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_starts_over(tmp_path, pauses):
    old = Behaviour(bytes(len(BODY)), cut=5000, tag='"old"')
    with serving(lambda n, path: old if n == 0 else Behaviour(BODY, tag='"new"')) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert server.requests == ["", "bytes=5000-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_validator_only_a_checksum_makes_resuming_safe(tmp_path, pauses, tag):
    def answer(n, path):
        return Behaviour(BODY, tag=tag, cut=5000 if n == 0 else None)

    with serving(answer) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert server.requests == ["", ""]
    with serving(answer) as server:
        get(server.url + "/b.bin", tmp_path / "b.bin", pauses, md5=MD5)
    assert server.requests == ["", "bytes=5000-"]
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes() == BODY


def test_a_server_that_ignores_ranges_restarts(tmp_path, pauses):
    cuts = [1000, None]
    with serving(lambda n, path: Behaviour(BODY, cut=cuts[n], ranges=False)) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert server.requests == ["", "bytes=1000-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_server_that_sends_another_part_than_asked_for_restarts(tmp_path, pauses):
    def answer(n, path):
        return Behaviour(BODY, cut=1000 if n == 0 else None, shift=3)

    with serving(answer) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert server.requests == ["", "bytes=1000-", ""]
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_announces_more_than_it_has_is_given_up_on(tmp_path, pauses, ranges):
    # Ignoring ranges it sends bytes on every try, which must not count as getting anywhere.
    with (
        serving(lambda n, path: Behaviour(BODY, claim=10, ranges=ranges)) as server,
        pytest.raises(StageError, match="5 tries in a row"),
    ):
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert not (tmp_path / "a.bin").exists()
    assert len(server.requests) <= 12


def test_a_server_that_announces_less_than_it_has_is_found_out_by_size_or_checksum(
    tmp_path, pauses
):
    for known in ({"bytes": len(BODY)}, {"sha256": SHA256}, {"md5": MD5}):
        with (
            serving(lambda n, path: Behaviour(BODY, claim=-10)) as server,
            pytest.raises(StageError, match=r"expected .*, got .*twice"),
        ):
            get(server.url + "/a.bin", tmp_path / "a.bin", pauses, **known)
        assert len(server.requests) == 2
        assert names(tmp_path) == []


def test_wrong_bytes_are_deleted_and_tried_once_more(tmp_path, pauses):
    wrong = bytes(len(BODY))
    bodies = [wrong, BODY]
    with serving(lambda n, path: Behaviour(bodies[n])) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses, sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == BODY

    got = hashlib.sha256(wrong).hexdigest()
    with serving(lambda n, path: Behaviour(wrong)) as server, pytest.raises(StageError) as error:
        get(server.url + "/b.bin", tmp_path / "b.bin", pauses, sha256=SHA256)
    assert f"{server.url}/b.bin: SHA-256: expected {SHA256}, got {got}" in str(error.value)
    assert names(tmp_path) == ["a.bin"]


def test_a_passing_server_error_is_waited_out_with_growing_pauses(tmp_path, pauses):
    statuses = [500, 503, 429, None]

    def answer(n, path):
        return Behaviour(BODY, status=statuses[n], headers={"Retry-After": "30"} if n == 2 else {})

    with serving(answer) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert pauses == [1.0, 2.0, 30.0]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_lasting_server_error_ends_in_one_line(tmp_path, pauses):
    with (
        serving(lambda n, path: Behaviour(status=500)) as server,
        pytest.raises(StageError, match="500 Internal Server Error, 5 tries in a row"),
    ):
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert pauses == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final_at_once(tmp_path, pauses, status):
    with (
        serving(lambda n, path: Behaviour(status=status)) as server,
        pytest.raises(StageError, match=f"a.bin: the server answered {status}"),
    ):
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert len(server.requests) == 1
    assert pauses == []
    assert names(tmp_path) == []


def test_no_server_at_all_ends_in_one_line(tmp_path, pauses):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(StageError, match="no connection"):
        get(f"http://127.0.0.1:{port}/a.bin", tmp_path / "a.bin", pauses)
    assert len(pauses) == 4


def test_a_silent_server_is_not_waited_for_for_ever(tmp_path, pauses, monkeypatch):
    monkeypatch.setattr(http, "_TIMEOUT_S", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StageError, match="timed out"):
            get(f"http://127.0.0.1:{silent.getsockname()[1]}/a.bin", tmp_path / "a.bin", pauses)


def test_a_server_that_gives_no_length_is_believed(tmp_path, pauses):
    with serving(lambda n, path: Behaviour(BODY, length=False)) as server:
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses, sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_an_empty_file_is_a_file(tmp_path, pauses):
    with serving(lambda n, path: Behaviour(b"")) as server:
        found = get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert found == hashlib.sha256(b"").hexdigest()
    assert (tmp_path / "a.bin").read_bytes() == b""


def test_a_file_that_is_there_is_checked_not_downloaded(tmp_path, pauses):
    with serving(lambda n, path: Behaviour(BODY)) as server:
        (tmp_path / "a.bin").write_bytes(BODY)
        assert get(server.url + "/a.bin", tmp_path / "a.bin", pauses, sha256=SHA256) == SHA256
        assert server.requests == []
        (tmp_path / "a.bin").write_bytes(b"something else")
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses, sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_full_disk_ends_in_one_line(tmp_path, pauses, monkeypatch):
    def begin(partial, origin):
        partial.path.symlink_to("/dev/full")

    monkeypatch.setattr(http._Partial, "begin", begin)
    with (
        serving(lambda n, path: Behaviour(BODY)) as server,
        pytest.raises(StageError, match=r"cannot be written: .*No space left"),
    ):
        get(server.url + "/a.bin", tmp_path / "a.bin", pauses)
    assert not (tmp_path / "a.bin").exists()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.integers(0, 5000),
    cuts=st.lists(st.integers(1, 2000), max_size=4),
    ranges=st.lists(st.booleans(), min_size=1, max_size=3),
)
def test_however_it_breaks_the_file_is_right_or_absent(tmp_path_factory, size, cuts, ranges):
    target = tmp_path_factory.mktemp("http") / "a.bin"
    body = BODY[:size]
    understood = itertools.cycle(ranges)

    def answer(n, path):
        return Behaviour(body, cut=cuts[n] if n < len(cuts) else None, ranges=next(understood))

    with serving(answer) as server:
        try:
            download(server.url + "/a.bin", target, sleep=lambda s: None)
            assert target.read_bytes() == body
        except StageError:
            assert not target.exists()
