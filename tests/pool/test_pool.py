import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from factory.errors import DigestError, FactoryError, SelectorError
from factory.matrix.arch import Arch
from factory.matrix.kernelset import KernelSetId
from factory.output.log import Log
from factory.pool import pool
from factory.pool.store import pool_in
from factory.session import Session
from factory.system.machine import Limits
from tests.kernelsets import PARTS, content, files, fill, kernel_set, put, whole_keys

SET = kernel_set("a.cu", "b.cu")
SIZE = sum(len(content(source, part)) for source in ("a.cu", "b.cu") for part in PARTS)
NEED = KernelSetId(
    flash_attn="2.7.4.post1", cuda="12.4", archs=(Arch(8, 0), Arch(9, 0)), profile="smoke", machine="x86_64"
)


class Place(Session):
    """A session in a directory of its own that remembers what it said."""

    @property
    def said(self) -> str:
        file = self.log._console.file  # noqa: SLF001 (what was said is read where it was written)
        assert isinstance(file, io.StringIO)
        return file.getvalue()


def place(cache: Path) -> Place:
    log = Log(Console(file=io.StringIO(), width=160))
    return Place(cache=cache, env={}, log=log, limits=Limits(jobs=1, budget=10**9))


@pytest.fixture
def session(tmp_path: Path) -> Place:
    made = place(tmp_path / "cache")
    fill(pool_in(made.cache), SET, "a.cu", "b.cu")
    return made


def test_sets_are_found_by_need(session: Place) -> None:
    newer = replace(SET, toolkit="12.4.999")
    pool_in(session.cache).note(newer)
    pool_in(session.cache).note(replace(SET, archs=("8.0",)))
    found = pool.matching(pool_in(session.cache), [NEED])
    assert sorted(kernels.toolkit for kernels in found) == ["12.4.131", "12.4.999"]
    assert len(pool.matching(pool_in(session.cache), None)) == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(NEED, flash_attn="2.8.3"),
        replace(NEED, cuda="12.6"),
        replace(NEED, archs=(Arch(8, 0),)),
        replace(NEED, archs=(Arch(8, 0), Arch(9, 0, "a"))),
        replace(NEED, profile="full"),
    ],
)
def test_a_need_that_no_set_serves(session: Place, other: KernelSetId) -> None:
    with pytest.raises(SelectorError, match="none of the 1 kernel sets") as caught:
        pool.matching(pool_in(session.cache), [other])
    assert caught.value.why == (f"asked for: {other}", f"here: {SET.name}")


def test_an_empty_pool_has_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(SelectorError, match="the pool is empty"):
        pool.matching(pool_in(tmp_path), None)


def test_export_says_what_it_wrote_and_import_what_it_took(session: Place, tmp_path: Path) -> None:
    pool.export([SET], tmp_path / "dist", session)
    (archive,) = (tmp_path / "dist").iterdir()
    assert f"{SET.name}: complete, 2 of 2 units, 6 of 6 parts, {SIZE} bytes (0.0 MB)\n" in session.said
    assert f"{archive}: {archive.stat().st_size} bytes" in session.said
    other = place(tmp_path / "other")
    pool.take([archive, archive], other)
    assert f"{archive}: 6 objects new, 0 not needed" in other.said
    assert f"{archive}: 0 objects new, 6 not needed" in other.said
    assert other.said.count(f"{SET.name}: complete") == 1
    assert files(pool_in(other.cache).root) == files(pool_in(session.cache).root)


def test_a_shard_is_said_to_be_one(tmp_path: Path) -> None:
    session = place(tmp_path / "cache")
    fill(pool_in(session.cache), SET, "a.cu")
    pool.export([SET], tmp_path / "dist", session)
    assert f"{SET.name}: incomplete, 1 of 2 units, 3 of 6 parts" in session.said


def test_shards_lie_in_one_directory_and_make_a_whole_set(tmp_path: Path) -> None:
    for source in ("a.cu", "b.cu"):
        one = place(tmp_path / source)
        fill(pool_in(one.cache), SET, source)
        pool.export([SET], tmp_path / "dist", one)
    archives = sorted((tmp_path / "dist").iterdir())
    assert len(archives) == 2
    both = place(tmp_path / "both")
    pool.take(archives, both)
    assert f"{SET.name}: complete, 2 of 2 units, 6 of 6 parts" in both.said


def test_import_names_all_files_that_are_not_there(session: Place, tmp_path: Path) -> None:
    pool.export([SET], tmp_path / "dist", session)
    other = place(tmp_path / "other")
    with pytest.raises(FactoryError) as caught:
        pool.take([tmp_path / "x", *(tmp_path / "dist").iterdir(), tmp_path / "y"], other)
    assert caught.value.why == (f"there is no file {tmp_path / 'x'}", f"there is no file {tmp_path / 'y'}")
    assert files(pool_in(other.cache).root) == {}


def test_import_takes_the_whole_archives_beside_damaged_ones(session: Place, tmp_path: Path) -> None:
    pool.export([SET], tmp_path, session)
    archive = tmp_path / f"{SET.name}.tar.zst"
    damaged = [tmp_path / "x.tar.zst", tmp_path / "y.tar.zst"]
    for path in damaged:
        path.write_bytes(archive.read_bytes()[:-100])
    other = place(tmp_path / "other")
    with pytest.raises(DigestError, match="2 archives are damaged") as caught:
        pool.take([damaged[0], archive, damaged[1]], other)
    assert all(any(str(path) in line for line in caught.value.why) for path in damaged)
    assert whole_keys(pool_in(other.cache), SET) == set(SET.keys)
    with pytest.raises(DigestError, match=r"x\.tar\.zst is damaged"):
        pool.take(damaged[:1], other)


def test_verify_of_a_whole_pool(session: Place) -> None:
    pool.verify(session)
    assert f"{SET.name}: complete" in session.said
    assert "records without object: 0, objects without record: 0\nnothing is damaged\n" in session.said


def test_verify_removes_what_is_damaged_and_says_so(session: Place) -> None:
    record = pool_in(session.cache).records()[0]
    pool_in(session.cache).object_path(record).write_bytes(b"damaged")
    with pytest.raises(DigestError, match="1 file of the pool was damaged") as caught:
        pool.verify(session)
    assert caught.value.why == (f"object {record.sha256}: removed",)
    assert f"{SET.name}: incomplete, 1 of 2 units, 5 of 6 parts" in session.said
    pool.verify(session)


def test_verify_beside_a_build(session: Place) -> None:
    builder = threading.Thread(
        target=lambda: [put(pool_in(session.cache), f"{n}.cu", "host", b"%d" % n) for n in range(40)]
    )
    builder.start()
    while builder.is_alive():
        pool.verify(session)
    builder.join()
    assert len(pool_in(session.cache).records()) == 46


def test_prune_of_a_set(session: Place) -> None:
    pool.prune([SET], session)
    assert f"{SET.name}: removed, {SIZE} bytes (0.0 MB) freed\n" in session.said
    assert files(pool_in(session.cache).root) == {}


def test_prune_of_leftovers(session: Place) -> None:
    put(pool_in(session.cache), "c.cu", "host", b"of no set")
    pool.prune(None, session)
    assert "leftovers: 9 bytes (0.0 MB) freed\n" in session.said
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_prune_of_a_set_in_use(session: Place) -> None:
    pool_in(session.cache).hold(SET)
    with pytest.raises(FactoryError, match="1 kernel set is in use") as caught:
        pool.prune([SET], session)
    assert caught.value.why == (SET.name,)
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_leftovers_are_pruned_beside_a_build_without_loss(session: Place) -> None:
    sources = [f"{n}.cu" for n in range(12)]
    kernels = kernel_set(*sources)
    builder = threading.Thread(target=fill, args=[pool_in(session.cache), kernels, *sources])
    builder.start()
    while builder.is_alive():
        pool.prune(None, session)
    builder.join()
    assert whole_keys(pool_in(session.cache), kernels) == set(kernels.keys)
