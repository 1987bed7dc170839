"""Compiles real C++ with the machine's own compiler: the worker does not care which compiler it runs."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from factory.core.errors import DiskFullError, KernelError, MemoryKillError
from factory.core.schedule import Demand
from factory.edge.compile import Floor, Limits, compile_all
from factory.edge.log import Log
from factory.edge.pool import Pool
from factory.edge.worker import BUSY, Job

GB = 10**9


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    console = Console(file=io.StringIO())
    return Floor(limits=Limits(jobs=2, budget=8 * GB), logs=tmp_path / "logs", env=dict(os.environ), log=Log(console))


def job(
    tmp_path: Path,
    pool: Pool,
    name: str,
    text: str = "int f() { return 1; }\n",
    argv: tuple[str, ...] = ("g++",),
) -> Job:
    source = f"{name}.cpp"
    (tmp_path / source).write_text(text)
    return Job(
        key=hashlib.sha256(source.encode()).hexdigest(),
        source=source,
        profile="full",
        passes=1,
        targets=1,
        pool=str(pool.root),
        argv=(*argv, "-c", source),
        cwd=str(tmp_path),
    )


def script(tmp_path: Path, name: str, text: str) -> tuple[str, ...]:
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


def run(jobs: list[Job], floor: Floor) -> None:
    compile_all(jobs, {one.key: Demand(seconds=1, peak=GB) for one in jobs}, floor)


def test_compiles_all_and_measures(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    jobs = [job(tmp_path, pool, name) for name in ("a", "b", "c")]
    run(jobs, floor)
    for one in jobs:
        found = pool.get(one.key)
        assert found is not None
        record, path = found
        assert path.read_bytes()[:4] == b"\x7fELF"
        assert record.source == one.source
        assert record.cpu_seconds > 0
        assert record.peak_bytes > 1_000_000
    assert list((pool.root / "tmp").iterdir()) == []


def test_an_error_names_the_file_the_line_and_the_log(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    with pytest.raises(KernelError, match=r"bad\.cpp did not compile") as caught:
        run([job(tmp_path, pool, "bad", "int f() { return oops; }\n")], floor)
    assert any("oops" in line for line in caught.value.why)
    assert any("bad.log" in line for line in caught.value.why)


def test_what_was_finished_before_an_error_is_kept(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    good, bad = job(tmp_path, pool, "good"), job(tmp_path, pool, "bad", "#error no\n")
    run([good], floor)
    with pytest.raises(KernelError):
        run([bad], floor)
    assert pool.get(good.key) is not None


def test_a_unit_killed_for_memory_is_tried_again_alone(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    once = script(tmp_path, "once", 'test -e tried && exec g++ "$@"; touch tried; kill -9 $$')
    jobs = [job(tmp_path, pool, "killed", argv=once), job(tmp_path, pool, "other")]
    run(jobs, floor)
    assert all(pool.get(one.key) for one in jobs)


def test_a_unit_killed_twice_is_reported(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    always = script(tmp_path, "always", "kill -9 $$")
    with pytest.raises(MemoryKillError, match="also when it ran alone"):
        run([job(tmp_path, pool, "killed", argv=always)], floor)


def test_a_full_disk_is_named(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    full = script(tmp_path, "full", "echo 'fatal error: x.o: No space left on device' >&2; exit 1")
    with pytest.raises(DiskFullError, match="disk is full"):
        run([job(tmp_path, pool, "a", argv=full)], floor)


def test_no_half_object_is_ever_stored(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    half = script(tmp_path, "half", 'for o; do :; done; printf half > "$o"; exit 1')
    one = job(tmp_path, pool, "a", argv=half)
    with pytest.raises(KernelError):
        run([one], floor)
    assert pool.get(one.key) is None
    assert list((pool.root / "objects").iterdir()) == []


def worker(tmp_path: Path, one: Job) -> subprocess.Popen[bytes]:
    path = tmp_path / f"{one.key}.json"
    path.write_text(one.to_json())
    return subprocess.Popen([sys.executable, "-I", "-m", "factory.edge.worker", path])


def test_two_workers_compile_a_unit_once(tmp_path: Path, pool: Pool) -> None:
    slow = script(tmp_path, "slow", 'echo x >> count; sleep 1; exec g++ "$@"')
    one = job(tmp_path, pool, "a", argv=slow)
    first = worker(tmp_path, one)
    while not (tmp_path / "count").exists():
        time.sleep(0.01)
    assert worker(tmp_path, one).wait() == BUSY
    assert first.wait() == 0
    assert worker(tmp_path, one).wait() == 0
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_run_waits_for_a_unit_that_an_orphan_compiles(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    slow = script(tmp_path, "slow", 'echo x >> count; sleep 1; exec g++ "$@"')
    one = job(tmp_path, pool, "a", argv=slow)
    orphan = worker(tmp_path, one)
    while not (tmp_path / "count").exists():
        time.sleep(0.01)
    run([one], floor)
    assert orphan.wait() == 0
    assert (tmp_path / "count").read_text() == "x\n"


@pytest.mark.parametrize("after", [0.0, 0.05, 0.2, 0.4])
def test_a_worker_killed_at_any_moment_leaves_a_pool_that_works(
    tmp_path: Path, pool: Pool, floor: Floor, after: float
) -> None:
    one = job(tmp_path, pool, "a")
    process = worker(tmp_path, one)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run([one], floor)
    assert pool.get(one.key) is not None
