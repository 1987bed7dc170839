from __future__ import annotations

import random
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from factory.system import process, zips
from factory.system.zips import ZipError


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def read_all(path: Path) -> int:
    with zips.opened(path) as archive:
        return sum(len(piece) for entry in archive.infolist() for piece in zips.pieces(archive, entry))


def test_what_is_whole_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.whl", {"a/b": b"x" * 3_000_000, "c": b""})
    zips.unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b").read_bytes() == b"x" * 3_000_000
    zips.unpack(path, tmp_path / "one", ["c"])
    assert [one.name for one in (tmp_path / "one").iterdir()] == ["c"]
    with pytest.raises(ZipError, match="does not have d"):
        zips.unpack(path, tmp_path / "none", ["d"])


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "a\n"])
def test_what_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ZipError, match=r"does not lead|cannot be printed"):
        zips.unpack(zipped(tmp_path / "a.whl", {name: b"x"}), tmp_path / "out")
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_in_one_piece_are_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(ZipError, match=f"packed by method {method}"):
        read_all(zipped(tmp_path / "a.whl", {"bomb": b"x"}, method))


def test_what_grows_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.whl", {"bomb": bytes(100_000_000)})
    with pytest.raises(ZipError, match="claims 1 file of 100000000 bytes"):
        read_all(path)


def test_a_long_list_of_members_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number:0500}", b"")
    with pytest.raises(ZipError, match="list of members has"):
        read_all(tmp_path / "a.whl")


def test_a_list_that_only_zip64_tells_of_is_held_to_the_same(tmp_path: Path) -> None:
    data = zipped(tmp_path / "a.whl", {"a": b"x"}).read_bytes()
    end = data.rindex(b"PK\5\6")
    large = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    (tmp_path / "a.whl").write_bytes(data[:end] + large + locator + data[end:])
    with pytest.raises(ZipError, match="list of members has"):
        read_all(tmp_path / "a.whl")


def test_flipped_bits_are_read_or_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.whl", {"a": b"text " * 50, "b": bytes(300)}).read_bytes()
    chance, refused = random.Random(8), 0  # noqa: S311 - the same each time
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (tmp_path / "a.whl").write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        try:
            read_all(tmp_path / "a.whl")
        except (ZipError, OSError):
            refused += 1
    assert 500 < refused <= 1500


AUDIT = """
import sys
from pathlib import Path
from factory.audit.audit import audit
print(len(audit(Path(sys.argv[1])).findings))
# Not getrusage's figure, which counts what the process was before it became this program.
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")).split()[1])
"""


def _bombs(directory: Path) -> list[Path]:
    info = "flash_attn-2.7.4.post1.dist-info/"
    tags = ".".join(f"a{number}" for number in range(600))
    texts = {
        "tags": {info + "WHEEL": f"Wheel-Version: 1.0\nTag: {tags}-{tags}-{tags}\n".encode()},
        "rows": {info + "RECORD": b",,\n" * 1_300_000},
        "bzip2": {info + "METADATA": bytes(1_000_000_000)},
    }
    return [
        zipped(directory / f"{name}.whl", files, zipfile.ZIP_BZIP2 if name == "bzip2" else zipfile.ZIP_DEFLATED)
        for name, files in texts.items()
    ]


def test_an_audit_of_a_small_wheel_takes_little_memory(tmp_path: Path) -> None:
    for path in _bombs(tmp_path):
        assert path.stat().st_size < 10_000, path
        done = process.run([sys.executable, "-c", AUDIT, path], timeout=60)
        assert done.ok, done.stderr
        findings, peak = map(int, done.stdout.split())
        assert findings > 0
        assert peak < 500_000  # kB
