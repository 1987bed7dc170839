import io
import tarfile

import pytest

from factory.pool.tarstream import members

LIMIT = 1_000_000


def packed(*names: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x" * 700) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def read(tar: bytes, limit: int = LIMIT) -> list[tuple[str, bytes]]:
    return [(name, b"".join(content)) for name, content in members(io.BytesIO(tar), limit)]


def test_reads_what_tarfile_writes() -> None:
    assert read(packed("a", "b/c")) == [("a", b"x" * 700), ("b/c", b"x" * 700)]


@pytest.mark.parametrize("size", range(7_000, 20_000, 512))
def test_a_tar_may_end_anywhere_in_its_last_record(size: int) -> None:
    assert read(packed("a", content=bytes(size))) == [("a", bytes(size))]


def test_what_is_not_read_is_passed_over() -> None:
    assert [name for name, _ in members(io.BytesIO(packed("a", "b")), LIMIT)] == ["a", "b"]


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 1000, 1536, 2047])
def test_a_tar_cut_short(cut: int) -> None:
    with pytest.raises(EOFError, match="cut short"):
        read(packed("a")[:cut])


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_only_plain_files(kind: bytes) -> None:
    with pytest.raises(ValueError, match="'a' is not a plain file"):
        read(packed("a", kind=kind))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_too_long_for_a_plain_header(form: int) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        tar.addfile(tarfile.TarInfo("a" * 300))
    with pytest.raises(ValueError, match="is not a plain file"):
        read(made.getvalue())


def test_a_damaged_header_is_not_an_end() -> None:
    tar = bytearray(packed("a", "b"))
    tar[1536] ^= 1
    with pytest.raises(tarfile.TarError, match="bad checksum"):
        read(bytes(tar))


def test_more_than_the_limit() -> None:
    with pytest.raises(ValueError, match="larger than 12000 bytes"):
        read(packed("a", "b"), 12_000)


def test_a_negative_size() -> None:
    member = tarfile.TarInfo("a")
    member.size = -512
    with pytest.raises(ValueError, match="'a' makes it larger"):
        read(member.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))


@pytest.mark.parametrize("rest", [b"x", bytes(20_000)])
def test_something_behind_the_end(rest: bytes) -> None:
    with pytest.raises(ValueError, match="something follows"):
        read(packed("a") + rest)
