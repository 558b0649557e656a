import io
import random
import stat
import tarfile
import zipfile

import pytest

from stccl.download.archive import DamagedArchive, unpack
from stccl.errors import StageError

FILES = {"Actor_01/a.mp4": b"one", "Actor_01/deep/ü.mp4": b"two" * 1000, "empty.txt": b""}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)


def make_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_every_file_comes_out(tmp_path, make):
    make(tmp_path / "archive", FILES)
    sizes = unpack(tmp_path / "archive", tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    assert sizes == {name: len(content) for name, content in FILES.items()}


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..", "a\\..\\b.txt", "C:/out.txt", "C:out"],
)
def test_a_member_that_points_outside_stops_it_before_anything_is_written(tmp_path, make, name):
    make(tmp_path / "archive", {"good.txt": b"good", name: b"bad"})
    with pytest.raises(StageError, match=r"member .* (leads outside|has an absolute path)"):
        unpack(tmp_path / "archive", tmp_path / "out")
    assert tree(tmp_path) == {"archive": (tmp_path / "archive").read_bytes()}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.CHRTYPE, "device"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind, said):
    info = tarfile.TarInfo("odd")
    info.type, info.linkname = kind, "/etc/passwd"
    make_tar(tmp_path / "archive", {"good.txt": b"good", info: b""})
    with pytest.raises(StageError, match=f"'odd' is a {said}"):
        unpack(tmp_path / "archive", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "said"), [(stat.S_IFLNK, "link"), (stat.S_IFCHR, "device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, mode, said):
    info = zipfile.ZipInfo("odd")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as zipped:
        zipped.writestr("good.txt", "good")
        zipped.writestr(info, "/etc/passwd")
    with pytest.raises(StageError, match=f"'odd' is a {said}"):
        unpack(tmp_path / "archive", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_truncated_or_damaged_archive_says_so(tmp_path, make):
    make(tmp_path / "archive", {"a.bin": random.Random(1).randbytes(50_000)})
    whole = (tmp_path / "archive").read_bytes()
    for broken in (whole[: len(whole) // 2], b"no archive at all", b""):
        (tmp_path / "archive").write_bytes(broken)
        with pytest.raises(DamagedArchive, match="damaged archive"):
            unpack(tmp_path / "archive", tmp_path / "out")
    flipped = bytearray(whole)
    flipped[20_000] ^= 0xFF
    (tmp_path / "archive").write_bytes(flipped)
    with pytest.raises(DamagedArchive):
        unpack(tmp_path / "archive", tmp_path / "out")
    assert not (tmp_path / "out" / "a.bin").exists()
