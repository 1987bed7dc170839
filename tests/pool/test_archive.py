import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from factory.errors import DigestError, FactoryError
from factory.pool.archive import export, take
from factory.pool.store import Pool
from tests import schemas
from tests.kernelsets import content, files, fill, kernel_set, key_of, put, whole_keys
from tests.smallsdist import ROOT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SET = kernel_set("a.cu", "b.cu")
OBJECT = b"an object"
NAME = f"objects/{hashlib.sha256(OBJECT).hexdigest()}"


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


@pytest.fixture
def other(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "other")


@pytest.fixture
def archive(pool: Pool, tmp_path: Path) -> Path:
    """An archive of the whole set."""
    fill(pool, SET, "a.cu", "b.cu")
    _, (made,) = export(pool, SET, tmp_path / "dist")
    return made.path


def unpacked(archive: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(zstd.decompress(archive.read_bytes()))) as tar:
        opened = [(member, tar.extractfile(member)) for member in tar]
        return [(member, file.read()) for member, file in opened if file is not None]


def packed(path: Path, contents: Iterable[tuple[str, bytes]]) -> Path:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in contents:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    path.write_bytes(zstd.compress(made.getvalue()))
    return path


def reasons(other: Pool, archive: Path) -> str:
    with pytest.raises(DigestError, match="is damaged, or is no archive") as caught:
        take(other, archive)
    assert archive.name in caught.value.what
    assert list((other.root / "tmp").glob("*")) == []
    return "\n".join(caught.value.why)


def test_a_set_goes_from_one_pool_to_another(pool: Pool, other: Pool, archive: Path) -> None:
    taken = take(other, archive)
    assert (taken.new, taken.known, taken.sets) == (6, 0, (SET,))
    assert files(other.root) == files(pool.root)
    assert whole_keys(other, SET) == set(SET.keys)


def test_the_archive_is_plain_and_in_order(archive: Path) -> None:
    assert archive.name == f"{SET.name}.tar.zst"
    headers = [member for member, _ in unpacked(archive)]
    assert {(member.mtime, member.uid, member.gid, member.uname, member.mode) for member in headers} == {
        (0, 0, 0, "", 0o644)
    }
    names = [member.name for member in headers]
    assert names == sorted(names)
    assert [name.split("/")[0] for name in names] == ["objects"] * 6 + ["parts"] * 6 + ["sets"]


def test_the_same_parts_give_the_same_bytes(pool: Pool, other: Pool, archive: Path, tmp_path: Path) -> None:
    take(other, archive)
    for count, source in enumerate((pool, other)):
        _, (again,) = export(source, SET, tmp_path / str(count))
        assert again.path.read_bytes() == archive.read_bytes()
        assert again.packed == archive.stat().st_size
        assert again.plain == len(zstd.decompress(archive.read_bytes()))


def test_what_an_archive_says_of_its_parts_and_its_set_is_what_the_schemas_say(archive: Path) -> None:
    told = [(member.name.split("/")[0], text) for member, text in unpacked(archive)]
    for kind, schema in (("parts", "pool-part"), ("sets", "pool-set")):
        texts = [text for name, text in told if name == kind]
        assert texts
        for text in texts:
            schemas.check(schema, json.loads(text))


def test_what_is_there_already_is_not_written_again(pool: Pool, archive: Path) -> None:
    before = {path: path.stat().st_ino for path in pool.root.glob("[op]*/*")}
    taken = take(pool, archive)
    assert (taken.new, taken.known) == (0, 6)
    assert {path: path.stat().st_ino for path in pool.root.glob("[op]*/*")} == before


def test_an_object_that_is_damaged_here_is_put_right(pool: Pool, archive: Path) -> None:
    record = pool.records()[0]
    pool.object_path(record).write_bytes(b"damaged")
    assert take(pool, archive).new == 1
    assert whole_keys(pool, SET) == set(SET.keys)


def test_the_like_from_another_compile_is_not_kept(other: Pool, archive: Path) -> None:
    ours = put(other, "a.cu", "host", b"compiled elsewhere")
    taken = take(other, archive)
    assert (taken.new, taken.known) == (5, 1)
    assert other.record(key_of("a.cu", "host")) == ours
    named = {record.sha256 for record in other.records()}
    assert {path.name for path in (other.root / "objects").glob("*")} == named


def test_an_object_that_several_parts_share_travels_once(pool: Pool, other: Pool, tmp_path: Path) -> None:
    fill(pool, SET, "a.cu")
    for part in ("host", "sm_80"):
        put(pool, "b.cu", part, content("a.cu", "host"))
    held, (made,) = export(pool, SET, tmp_path)
    assert (len(held.here), take(other, made.path).new) == (5, 3)
    assert whole_keys(other, SET) == set(held.here)


def test_shards_of_two_pools_make_a_whole_set(pool: Pool, other: Pool, tmp_path: Path) -> None:
    merged = Pool(tmp_path / "merged")
    for source, shard in ((pool, "a.cu"), (other, "b.cu")):
        fill(source, SET, shard)
        held, (made,) = export(source, SET, tmp_path / shard)
        assert (held.complete, held.units, len(held.here)) == (False, 1, 3)
        take(merged, made.path)
    assert whole_keys(merged, SET) == set(SET.keys)
    assert merged.sets() == [SET]


def test_a_damaged_object_is_not_exported(pool: Pool, other: Pool, tmp_path: Path) -> None:
    fill(pool, SET, "a.cu", "b.cu")
    pool.object_path(pool.records()[0]).write_bytes(b"damaged")
    held, (made,) = export(pool, SET, tmp_path / "dist")
    assert len(held.here) == 5
    assert take(other, made.path).new == 5


def test_a_large_set_is_split_and_each_piece_stands_alone(pool: Pool, other: Pool, tmp_path: Path) -> None:
    fill(pool, SET, "a.cu", "b.cu")
    limit = 17_000
    _, made = export(pool, SET, tmp_path / "dist", limit)
    assert [one.path.name for one in made] == [f"{SET.name}.{number}of{len(made)}.tar.zst" for number in range(1, 4)]
    for one in made:
        assert one.plain <= limit
    for one in reversed(made):
        take(other, one.path)
        assert other.sets() == [SET]
    assert files(other.root) == files(pool.root)


def test_an_object_that_fits_nowhere(pool: Pool, tmp_path: Path) -> None:
    fill(pool, SET, "a.cu", "b.cu")
    with pytest.raises(FactoryError, match="cannot be exported"):
        export(pool, SET, tmp_path / "dist", 100)
    assert not (tmp_path / "dist").exists()


def test_nothing_half_written_is_left(pool: Pool, tmp_path: Path) -> None:
    fill(pool, SET, "a.cu", "b.cu")
    (tmp_path / f"{SET.name}.tar.zst").mkdir()
    with pytest.raises(OSError, match="directory"):
        export(pool, SET, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["pool", f"{SET.name}.tar.zst"])


def test_an_archive_cut_short_anywhere(other: Pool, archive: Path) -> None:
    whole = archive.read_bytes()
    for length in range(0, len(whole), 37):
        archive.write_bytes(whole[:length])
        assert "kept" in reasons(other, archive)
        assert set(other.by_key()) == whole_keys(other, SET)
    archive.write_bytes(whole)
    take(other, archive)
    assert whole_keys(other, SET) == set(SET.keys)


def test_a_byte_changed_anywhere(other: Pool, archive: Path) -> None:
    whole = archive.read_bytes()
    for place in range(0, len(whole), 41):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        reasons(other, archive)
        assert set(other.by_key()) == whole_keys(other, SET)


def test_what_was_read_before_the_cut_is_kept(other: Pool, archive: Path) -> None:
    plain = zstd.decompress(archive.read_bytes())
    archive.write_bytes(zstd.compress(plain[:-12_000]))
    assert "cut short" in reasons(other, archive)
    kept = whole_keys(other, SET)
    assert kept
    assert kept == set(other.by_key()) != set(SET.keys)
    assert other.sets() == []


def test_an_altered_object_and_its_record_are_refused_and_the_rest_taken(other: Pool, archive: Path) -> None:
    contents = [(member.name, text) for member, text in unpacked(archive)]
    (altered, text), *rest = contents
    packed(archive, [(altered, text[:-1] + b"!"), *rest])
    told = reasons(other, archive)
    assert f"{altered} has the sha256" in told
    assert "has no whole object" in told
    assert "5 objects" in told
    assert len(whole_keys(other, SET)) == 5
    assert not (other.root / altered).exists()


@pytest.mark.parametrize(
    "name",
    ["/tmp/evil", "../evil", "objects/../../evil", "sets/../evil.json", "evil", "objects/" + "a" * 90],  # noqa: S108 (a name that must be refused)
)
def test_names_that_lead_elsewhere(other: Pool, tmp_path: Path, name: str) -> None:
    before = files(tmp_path)
    archive = packed(tmp_path / "evil.tar.zst", [(name, b"evil")])
    assert "is not the name of" in reasons(other, archive)
    archive.unlink()
    assert files(tmp_path) == before


def test_a_link_in_place_of_an_object(other: Pool, tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        link = tarfile.TarInfo(NAME)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (tmp_path / "link.tar.zst").write_bytes(zstd.compress(made.getvalue()))
    assert "is not a plain file" in reasons(other, tmp_path / "link.tar.zst")
    assert not (other.root / NAME).is_symlink()


@pytest.mark.parametrize("text", [b"", b"not zstd at all", zstd.compress(b""), zstd.compress(b"not a tar" * 200)])
def test_what_is_no_archive(other: Pool, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.tar.zst").write_bytes(text)
    reasons(other, tmp_path / "a.tar.zst")


def test_two_archives_in_one_file(other: Pool, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() * 2)
    assert "something follows its end" in reasons(other, archive)


def record_of(**changes: object) -> bytes:
    fields = {"source": "a.cu", "part": "host", "profile": "smoke", "passes": 1, "targets": 1, "size": len(OBJECT)}
    costs = {"cpu_seconds": 1.0, "wall_seconds": 1.0, "peak_bytes": 1}
    return json.dumps({**fields, **costs, "sha256": NAME.removeprefix("objects/"), **changes}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"\xff",
        b"[1]",
        record_of(more=1),
        record_of(size="9"),
        record_of(size=-1),
        record_of(sha256="../../evil"),
        record_of(sha256="0" * 64),
        record_of(cpu_seconds=float("nan")),
        record_of(peak_bytes=1e400),
    ],
)
def test_a_record_that_is_none(other: Pool, tmp_path: Path, text: bytes) -> None:
    key = key_of("a.cu", "host")
    archive = packed(tmp_path / "a.tar.zst", [(NAME, OBJECT), (f"parts/{key}.json", text)])
    assert f"parts/{key}.json" in reasons(other, archive)
    assert files(other.root) == {}


def test_a_record_before_its_object(other: Pool, tmp_path: Path) -> None:
    key = key_of("a.cu", "host")
    archive = packed(tmp_path / "a.tar.zst", [(f"parts/{key}.json", record_of()), (NAME, OBJECT)])
    assert "has no whole object" in reasons(other, archive)
    assert files(other.root) == {}


@pytest.mark.parametrize(
    ("kernels", "told"),
    [
        (replace(SET, units=0), "its number of units cannot be"),
        (replace(SET, keys=("../evil",)), "its keys"),
        (replace(SET, keys=SET.keys * 2), "its keys"),
        (replace(SET, profile="full"), "is the list of kernels-"),
    ],
)
def test_a_list_of_a_set_that_is_none(other: Pool, tmp_path: Path, kernels: object, told: str) -> None:
    assert isinstance(kernels, type(SET))
    name = SET.name if kernels.profile == "full" else kernels.name
    archive = packed(tmp_path / "a.tar.zst", [(f"sets/{name}.json", json.dumps(asdict(kernels)).encode())])
    assert told in reasons(other, archive)
    assert other.lists() == {}


def test_an_enormous_record(other: Pool, tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar.zst", [(f"parts/{key_of('a', 'host')}.json", b" " * 16_000_001)])
    assert "has 16000001 bytes" in reasons(other, archive)


def test_a_set_of_all_architectures_travels(pool: Pool, other: Pool, tmp_path: Path) -> None:
    archs = tuple(f"{number // 10}.{number % 10}{end}" for number in range(80, 126) for end in ("", "a", "a+PTX"))
    many = replace(kernel_set("a.cu", profile="inference"), flash_attn="2.10.10.post10", archs=archs)
    fill(pool, many, "a.cu")
    assert "sm80-125aptxx138" in many.name
    _, (made,) = export(pool, many, tmp_path)
    assert take(other, made.path).sets == (many,)


IMPORT = """
import sys
from pathlib import Path
from factory.pool.store import Pool
from factory.pool.archive import take
take(Pool(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_import_that_is_killed(other: Pool, archive: Path, tmp_path: Path, share: float) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = archive.read_bytes()
    process = subprocess.Popen([sys.executable, "-c", IMPORT, str(other.root), str(pipe)], cwd=ROOT)
    with pipe.open("wb") as sender:  # opens when the import reads, and keeps it waiting for more
        sender.write(text[: int(len(text) * share)])
        sender.flush()
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
    assert set(other.by_key()) == whole_keys(other, SET)
    assert list((other.root / "tmp").glob("*")) != []
    other.sweep()
    assert list((other.root / "tmp").glob("*")) == []
    take(other, archive)
    assert whole_keys(other, SET) == set(SET.keys)
