"""Compiles real C++ with the machine's own compiler under a stand-in for nvcc, ``tests/fakenvcc.py``."""

import contextlib
import hashlib
import io
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from factory.errors import DiskFullError, KernelError, MemoryKillError
from factory.kernels.compile import Floor, compile_all
from factory.kernels.job import Job
from factory.kernels.schedule import Demand
from factory.kernels.unit import Stage, Unit
from factory.kernels.worker import BUSY
from factory.matrix.arch import Arch
from factory.output.log import Log
from factory.pool.store import Pool
from factory.system.machine import Limits
from tests.elfobject import gpu_code, symbols

GB = 10**9
NVCC = (sys.executable, "-I", str(Path(__file__).parents[1] / "fakenvcc.py"))
SHELL_NVCC = " ".join(NVCC)
A80, A90, A120 = Arch(8, 0), Arch(9, 0), Arch(12, 0)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    console = Console(file=io.StringIO())
    return Floor(limits=Limits(jobs=2, budget=8 * GB), logs=tmp_path / "logs", env=dict(os.environ), log=Log(console))


def key(source: str, part: str) -> str:
    return hashlib.sha256(f"{source} {part}".encode()).hexdigest()


def stage(source: str, virtual: Arch, *real: Arch) -> Stage:
    ptx = f"compute_{virtual.number}"
    code = tuple((arch, key(source, f"{ptx} sm_{arch.number}")) for arch in real)
    return Stage(virtual=virtual, ptx=key(source, ptx), embedded=False, code=code)


def job(
    pool: Pool,
    name: str,
    text: str = "int f() { return 1; }\n",
    nvcc: tuple[str, ...] = NVCC,
    stages: dict[Arch, tuple[Arch, ...]] | None = None,
) -> Job:
    source = f"{name}.cpp"
    (pool.root.parent / source).write_text(text)
    rows = tuple(stage(source, virtual, *real) for virtual, real in (stages or {A80: (A80, A90)}).items())
    return Job(
        unit=Unit(source=source, host=key(source, "host"), stub=key(source, "stub"), stages=rows),
        profile="full",
        pool=str(pool.root),
        nvcc=nvcc,
        objcopy="objcopy",
        cwd=str(pool.root.parent),
    )


def script(tmp_path: Path, name: str, text: str) -> tuple[str, ...]:
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


def run(jobs: list[Job], floor: Floor) -> None:
    compile_all(jobs, {one.key: Demand(seconds=1, peak=GB) for one in jobs}, floor)


def whole(pool: Pool, one: Job) -> bool:
    return not pool.lacking(one.unit.wanted())


def content(pool: Pool, key: str) -> str:
    found = pool.get(key)
    assert found is not None
    return found[1].read_bytes().removeprefix(b"\x7fELF" + bytes(60)).decode()


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_compiles_all_and_measures(pool: Pool, floor: Floor) -> None:
    jobs = [job(pool, name) for name in ("a", "b", "c")]
    run(jobs, floor)
    assert all(whole(pool, one) for one in jobs)
    for record in pool.records():
        assert (record.profile, record.passes, record.targets) == ("full", 1, 2)
        assert record.cpu_seconds > 0
        assert record.peak_bytes > 1_000_000
    assert sorted(record.part for record in pool.records()) == sorted(
        ["host", "stub", "compute_80", "sm_80", "sm_90"] * 3
    )
    assert {record.source for record in pool.records()} == {one.unit.source for one in jobs}
    assert list((pool.root / "tmp").glob("*")) == []


def test_one_compile_makes_all_passes_and_each_part_is_kept_under_its_key(
    tmp_path: Path, pool: Pool, floor: Floor
) -> None:
    one = job(pool, "a", stages={A80: (A80, A90), A120: (A120,)})
    run([one], floor)
    assert len(calls(tmp_path)) == 1
    old, new = one.unit.stages
    assert [content(pool, key) for _, key in (*old.code, *new.code)] == [
        "sm_80 of compute_80",
        "sm_90 of compute_80",
        "sm_120 of compute_120",
    ]
    assert [content(pool, row.ptx) for row in (old, new)] == ["compute_80", "compute_120"]
    assert content(pool, one.unit.stub) == "stubs of compute_120"


def test_the_host_part_has_no_gpu_code(pool: Pool, floor: Floor) -> None:
    one = job(pool, "a")
    run([one], floor)
    found = pool.get(one.unit.host)
    assert found is not None
    assert gpu_code(found[1]) == bytes(8)
    assert ("_Z1fv", "STB_GLOBAL", "STT_FUNC") in symbols(found[1])


def test_one_more_architecture_of_a_pass_is_assembled_from_its_ptx(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    run([job(pool, "a", stages={A80: (A80,)})], floor)
    more = job(pool, "a", stages={A80: (A80, A90)})
    run([more], floor)
    assert whole(pool, more)
    assert "-cubin" in calls(tmp_path)[1]
    assert len(calls(tmp_path)) == 2
    ((_, _), (_, added)) = more.unit.stages[0].code
    assert content(pool, added) == "arch=compute_80,code=sm_90 of compute_80"
    assert [row.passes for row in pool.records() if row.part == "sm_90"] == [0]


def test_one_more_pass_does_not_make_the_other_again(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    run([job(pool, "a", stages={A80: (A80,)})], floor)
    more = job(pool, "a", stages={A80: (A80,), A120: (A120,)})
    run([more], floor)
    assert whole(pool, more)
    assert "compute_80" not in calls(tmp_path)[1]


def test_an_error_names_the_file_the_line_and_the_log(pool: Pool, floor: Floor) -> None:
    with pytest.raises(KernelError, match=r"bad\.cpp did not compile") as caught:
        run([job(pool, "bad", "int f() { return oops; }\n")], floor)
    assert "oops" in caught.value.why[0]
    assert any("bad.log" in line for line in caught.value.why)


def test_a_log_begins_with_the_command(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    run([job(pool, "a")], floor)
    (command,) = (tmp_path / "logs" / "a.log").read_text().splitlines()
    assert shlex.split(command)[:5] == ["+", *NVCC, "-gencode"]
    with pytest.raises(KernelError):
        run([job(pool, "bad a", "#error no\n")], floor)
    command, said, *_ = (tmp_path / "logs" / "bad a.log").read_text().splitlines()
    assert command.startswith("+ ")
    assert "bad a.cpp" in shlex.split(command)
    assert said == "bad a.cpp:1:2: error: #error no"


def test_what_was_finished_before_an_error_is_kept(pool: Pool, floor: Floor) -> None:
    good, bad = job(pool, "good"), job(pool, "bad", "#error no\n")
    run([good], floor)
    with pytest.raises(KernelError):
        run([bad], floor)
    assert whole(pool, good)


def test_a_unit_killed_for_memory_is_tried_again_alone(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    once = script(tmp_path, "once", f'test -e tried && exec {SHELL_NVCC} "$@"; touch tried; kill -9 $$')
    jobs = [job(pool, "killed", nvcc=once), job(pool, "other")]
    run(jobs, floor)
    assert all(whole(pool, one) for one in jobs)


def test_a_unit_killed_twice_is_reported(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    always = script(tmp_path, "always", "kill -9 $$")
    with pytest.raises(MemoryKillError, match="also when it ran alone"):
        run([job(pool, "killed", nvcc=always)], floor)


def test_a_full_disk_is_named(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    full = script(tmp_path, "full", "echo 'fatal error: x.o: No space left on device' >&2; exit 1")
    with pytest.raises(DiskFullError, match="disk is full"):
        run([job(pool, "a", nvcc=full)], floor)


@pytest.mark.parametrize("pending", ["a whole unit", "machine code alone"])
def test_machine_code_without_its_end_is_a_full_disk(tmp_path: Path, pool: Pool, floor: Floor, pending: str) -> None:
    """What ptxas leaves, with status 0, when the disk fills up under its last bytes."""
    if pending == "machine code alone":
        run([job(pool, "a", stages={A80: (A80,)})], floor)
    before = pool.records()
    header = "\\177ELF" + "\\0" * 28 + "\\377" + "\\0" * 31  # its program table would be at 255
    lose = f'for f in $(find "$TMPDIR" -name "*.cubin"); do printf "{header}" > "$f"; done'
    cut = script(tmp_path, "cut", f'{SHELL_NVCC} "$@" && {lose}')
    with pytest.raises(DiskFullError):
        run([job(pool, "a", nvcc=cut)], floor)
    assert pool.records() == before


def test_a_kernel_whose_name_is_drawn_anew_each_time_is_refused(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    name = "_ZN37_GLOBAL__N__b4ac2ce3_5_st_cu__Z3runPi2tkIiEEvPT_"
    add = f'for f in $(find "$TMPDIR" -name "*.ptx"); do echo ".entry {name}(" >> "$f"; done'
    unnamed = script(tmp_path, "unnamed", f'{SHELL_NVCC} "$@" && {add}')
    with pytest.raises(KernelError) as caught:
        run([job(pool, "a", nvcc=unnamed)], floor)
    assert "unnamed namespace" in caught.value.why[0]
    assert pool.records() == []


def test_nothing_of_a_compile_that_failed_is_stored(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    half = script(tmp_path, "half", f'{SHELL_NVCC} "$@"; exit 1')
    one = job(pool, "a", nvcc=half)
    with pytest.raises(KernelError):
        run([one], floor)
    assert pool.records() == []
    assert list((pool.root / "objects").glob("*")) == []


def worker(tmp_path: Path, one: Job) -> subprocess.Popen[bytes]:
    path = tmp_path / f"{one.key}.json"
    path.write_text(one.to_json())
    return subprocess.Popen([sys.executable, "-I", "-m", "factory.kernels.worker", path])


def slow(tmp_path: Path) -> tuple[str, ...]:
    return script(tmp_path, "slow", f'touch begun; sleep 1; exec {SHELL_NVCC} "$@"')


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} has not come in ten seconds"
        time.sleep(0.01)


def test_two_workers_compile_a_unit_once(tmp_path: Path, pool: Pool) -> None:
    one = job(pool, "a", nvcc=slow(tmp_path))
    first = worker(tmp_path, one)
    wait_for(tmp_path / "begun")
    assert worker(tmp_path, one).wait() == BUSY
    assert first.wait() == 0
    assert worker(tmp_path, one).wait() == 0
    assert len(calls(tmp_path)) == 1


def test_a_run_waits_for_a_unit_that_an_orphan_compiles(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    one = job(pool, "a", nvcc=slow(tmp_path))
    orphan = worker(tmp_path, one)
    wait_for(tmp_path / "begun")
    run([one], floor)
    assert orphan.wait() == 0
    assert len(calls(tmp_path)) == 1


FACTORY = """
import io, os, pathlib, sys
from rich.console import Console
from factory.kernels.job import Job
from factory.kernels.schedule import Demand
from factory.kernels.compile import Floor, Limits, compile_all
from factory.output.log import Log
job, here = Job.from_json(sys.argv[1]), pathlib.Path(sys.argv[2])
limits = Limits(jobs=1, budget=10**9)
floor = Floor(limits=limits, logs=here, env=dict(os.environ), log=Log(Console(file=io.StringIO())))
compile_all([job], {job.key: Demand(seconds=1, peak=1)}, floor)
"""


def test_a_killed_factory_leaves_its_worker_to_finish_the_unit(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    one = job(pool, "a", nvcc=slow(tmp_path))
    factory = subprocess.Popen([sys.executable, "-c", FACTORY, one.to_json(), tmp_path / "logs"])
    wait_for(tmp_path / "begun")
    factory.send_signal(signal.SIGKILL)
    factory.wait()
    run([one], floor)
    assert whole(pool, one)
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize("after", [0.0, 0.05, 0.2, 0.4])
def test_a_worker_killed_at_any_moment_leaves_a_pool_that_works(
    tmp_path: Path, pool: Pool, floor: Floor, after: float
) -> None:
    one = job(pool, "a")
    process = worker(tmp_path, one)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run([one], floor)
    assert whole(pool, one)


def ended(pid: int) -> bool:
    """Whether the process is gone, or is so but for whoever should have taken note of it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        deadline = time.monotonic() + 10
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
    return True


def test_at_the_time_limit_what_is_finished_is_kept_and_nothing_runs_on(
    tmp_path: Path, pool: Pool, floor: Floor
) -> None:
    quick = job(pool, "quick")
    slow = job(pool, "slow", nvcc=script(tmp_path, "sleeping", f"echo $$ > {tmp_path}/pid; exec sleep 600"))
    demand = {one.key: Demand(seconds=1, peak=GB) for one in (quick, slow)}
    began = time.monotonic()
    left = compile_all([quick, slow], demand, floor, until=began + 8)
    assert left == {slow.key}
    assert whole(pool, quick)
    assert time.monotonic() - began < 30
    assert ended(int((tmp_path / "pid").read_text()))


def test_what_would_outlast_the_limit_is_not_started_and_does_not_keep_others_waiting(
    tmp_path: Path, pool: Pool, floor: Floor
) -> None:
    short, long = job(pool, "short"), job(pool, "long")
    demand = {short.key: Demand(seconds=1, peak=GB), long.key: Demand(seconds=9000, peak=GB)}
    began = time.monotonic()
    assert compile_all([long, short], demand, floor, until=began + 600) == {long.key}
    assert time.monotonic() - began < 60
    assert whole(pool, short)
    assert not any("long" in line for line in calls(tmp_path))


def test_a_slow_machine_starts_nothing_that_it_would_not_end_in_time(tmp_path: Path, pool: Pool, floor: Floor) -> None:
    once = f"[ -e {tmp_path}/slept ] || {{ touch {tmp_path}/slept; sleep 7; }}"
    first = job(pool, "first", nvcc=script(tmp_path, "slow", f'{once}; exec {SHELL_NVCC} "$@"'))
    second = job(pool, "second")
    demand = {first.key: Demand(seconds=0.5, peak=GB), second.key: Demand(seconds=0.45, peak=GB)}
    alone = replace(floor, limits=Limits(jobs=1, budget=8 * GB))
    assert compile_all([first, second], demand, alone, until=time.monotonic() + 13) == {second.key}
    assert whole(pool, first)
    assert not any("second" in line for line in calls(tmp_path))
