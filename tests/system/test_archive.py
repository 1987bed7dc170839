from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from factory.errors import SourceError
from factory.system import process
from factory.system.archive import unpack_deb, unpack_tar


def entry(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def pack(path: Path, *entries: tarfile.TarInfo, content: bytes = b"content") -> Path:
    with tarfile.open(path, "w:xz") as tar:
        for info in entries:
            info.size = len(content) if info.isfile() else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def test_the_shared_directory_is_left_out(tmp_path: Path) -> None:
    archive = pack(
        tmp_path / "a.tar.xz",
        entry("x-1.2", kind=tarfile.DIRTYPE),
        entry("x-1.2/bin/tool", mode=0o755),
        entry("x-1.2/lib/libx.so.1"),
        entry("x-1.2/lib/libx.so", kind=tarfile.SYMTYPE, link="libx.so.1"),
    )
    unpack_tar(archive, tmp_path / "out")
    assert (tmp_path / "out/bin/tool").read_bytes() == b"content"
    assert os.access(tmp_path / "out/bin/tool", os.X_OK)
    assert not os.access(tmp_path / "out/lib/libx.so.1", os.X_OK)
    assert (tmp_path / "out/lib/libx.so").read_bytes() == b"content"


@pytest.mark.parametrize(
    "member",
    [
        entry("/etc/x"),
        entry("x/../../y"),
        entry("x/link", kind=tarfile.SYMTYPE, link="../../outside"),
        entry("x/link", kind=tarfile.SYMTYPE, link="/outside"),
        entry("x/hard", kind=tarfile.LNKTYPE, link="x/other"),
        entry("x/pipe", kind=tarfile.FIFOTYPE),
        entry("x/device", kind=tarfile.CHRTYPE),
    ],
    ids=lambda info: f"{info.name} {info.linkname}",
)
def test_what_leads_out_or_is_no_file_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    with pytest.raises(SourceError, match="cannot be unpacked"):
        unpack_tar(pack(tmp_path / "a.tar.xz", member), tmp_path / "deep" / "out")
    assert not any(path.is_file() for path in tmp_path.rglob("*") if path.name != "a.tar.xz")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    archive = pack(
        tmp_path / "a.tar.xz",
        entry("x/sub", kind=tarfile.DIRTYPE),
        entry("x/link", kind=tarfile.SYMTYPE, link="sub"),
        entry("x/link/file"),
    )
    with pytest.raises(SourceError, match="cannot be unpacked") as raised:
        unpack_tar(archive, tmp_path / "out")
    assert "through a link" in raised.value.why[0]


@pytest.mark.parametrize("kept", [0, 50, 50_000])
def test_a_cut_archive_is_refused(tmp_path: Path, kept: int) -> None:
    archive = pack(tmp_path / "a.tar.xz", entry("x/file"), content=os.urandom(100_000))
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(SourceError):
        unpack_tar(archive, tmp_path / "out")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="Debian packages are only unpacked where dpkg-deb is")
def test_a_debian_package_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "p/DEBIAN").mkdir(parents=True)
    (tmp_path / "p/DEBIAN/control").write_text(
        "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: d\n"
    )
    (tmp_path / "p/usr").mkdir()
    (tmp_path / "p/usr/tool").write_text("content")
    assert process.run(["dpkg-deb", "--build", tmp_path / "p", tmp_path / "p.deb"]).ok
    unpack_deb(tmp_path / "p.deb", tmp_path / "out")
    assert (tmp_path / "out/usr/tool").read_text() == "content"


def test_what_is_no_debian_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.deb").write_text("not a package")
    with pytest.raises(SourceError, match=r"p\.deb cannot be unpacked"):
        unpack_deb(tmp_path / "p.deb", tmp_path / "out")
