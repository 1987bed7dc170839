"""The factory's way: what it lacks, and what it says it brings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.doctor import managed
from factory.doctor.facts import Facts, Fetch, Fetchable, FetchableCompiler, Gpu, Home, Missing, Program, Supply
from factory.doctor.result import Section, State, standing
from factory.matrix.arch import Arch
from factory.plan.room import DIST, Want
from factory.toolkit import headerfix
from tests.doctorfacts import CAPACITY, FACTS, FIXES, GPU, HOME, NEEDS, ROOMS, RULES, SUPPLY, cell, facts, line

NONE = Missing(what="there is none", remedy="Get one.")
BARE = replace(SUPPLY, toolkit=Fetch(title="Debian", size=114_000_000), passed_over=(), environment=False, cudnn=None)


WANTS = (Want(what="torch", place="environments", kept=8 * 10**9), Want(what="a wheel", place=DIST, kept=4 * 10**9))


def checked(machine: Facts = FACTS, supply: Supply = SUPPLY, wants: tuple[Want, ...] = ()) -> Section:
    return managed.section(cell(), machine, supply, RULES, replace(NEEDS, wants=wants))


def test_a_fit_machine() -> None:
    assert {one.state for one in checked().lines} == {State.OK}


def test_what_the_factory_brings_is_no_problem_where_it_is_not() -> None:
    machine = facts(nvcc=NONE, home=NONE, python=NONE, gcc=NONE)
    found = checked(machine, BARE)
    assert not list(standing((found,)))
    assert line(found, "CUDA").said == "not needed here, the factory fetches 12.4 from Debian (114 MB), no root"
    assert line(found, "torch").said.startswith("not needed here, the factory installs torch 2.6.0 for CUDA 12.4")
    assert "setuptools>=70.1,<82" in line(found, "build tools").said
    assert "torch brings its own" in line(found, "cuDNN").said
    assert "torch brings 9.1.0.70" in line(checked(), "cuDNN").said


def test_a_python_that_uv_fetches_is_no_problem() -> None:
    machine = facts(engine=NONE, pythons={**FACTS.pythons, "3.10": Fetchable(by="/bin/uv")})
    found = checked(machine)
    assert not found.problems
    assert line(found, "Python").said == "not needed here, the factory has uv fetch 3.10 (/bin/uv)"


@pytest.mark.parametrize(
    ("machine", "supply", "subject"),
    [
        (facts(compilers={**FACTS.compilers, "12.4": NONE}), SUPPLY, "g++"),
        (facts(compilers={**FACTS.compilers, "12.4": Program(path="/g++", version="8.3.0")}), SUPPLY, "g++"),
        (facts(pythons={**FACTS.pythons, "3.10": NONE}), SUPPLY, "Python"),
        (FACTS, replace(SUPPLY, toolkit=NONE), "CUDA"),
    ],
)
def test_what_an_image_has_stands_in_the_way_only_without_an_engine(
    machine: Facts, supply: Supply, subject: str
) -> None:
    assert line(checked(machine, supply), subject).state is State.WARNING
    alone = checked(replace(machine, engine=NONE), supply)
    assert [one.subject for one in alone.problems] == [subject]
    assert line(alone, subject).remedy
    assert line(alone, "container").said.endswith("so they need its glibc, 2.36")


def test_headers_that_are_mended_are_named() -> None:
    fixes = headerfix.meant_for("12.4", FIXES)
    said = "; headers mended for glibc 2.41 and newer (cospi, sinpi, rsqrt)"
    for supply in (SUPPLY, BARE):
        assert line(checked(supply=replace(supply, header_fixes=fixes)), "CUDA").said.endswith(said)
    newer = replace(SUPPLY, header_fixes=headerfix.meant_for("13.0", FIXES))
    assert line(checked(supply=newer), "CUDA").said.endswith("for glibc 2.42 and newer (rsqrt)")


def test_headers_that_cannot_be_mended_matter_where_glibc_is_new() -> None:
    odd = replace(SUPPLY, altered=FIXES)
    assert line(checked(supply=odd), "CUDA").state is State.OK
    found = line(checked(facts(glibc="2.41"), odd), "CUDA")
    assert (found.state, found.said.endswith("for glibc 2.41 (cospi, sinpi)")) == (State.WARNING, True)
    assert "type: unset CUDA_HOME" in found.remedy
    installed = replace(odd, toolkit=replace(HOME, origin="/usr/local/cuda-12.4"))
    assert "unset" not in line(checked(facts(glibc="2.41"), installed), "CUDA").remedy


def test_a_compiler_that_can_be_fetched_stands_in_nobody_s_way() -> None:
    pin = FetchableCompiler(title="Debian's g++ 13.3.0", size=46_000_000, why="/g++ is 14.2.0")
    found = checked(facts(compilers={**FACTS.compilers, "12.4": pin}, engine=NONE))
    assert not list(standing((found,)))
    assert (
        line(found, "g++").said
        == "not needed here, the factory fetches Debian's g++ 13.3.0 (46 MB), no root: /g++ is 14.2.0"
    )


def test_a_compiler_for_another_machine_stands_in_the_way_where_it_is_lacking_whatever_images_there_are() -> None:
    assert not [one for one in checked().lines if one.subject == "cross g++"]
    there = checked(supply=replace(SUPPLY, cross=Program(path="/usr/bin/aarch64-linux-gnu-g++", version="12.2.0")))
    assert line(there, "cross g++").said.startswith("/usr/bin/aarch64-linux-gnu-g++, 12.2.0, ")
    missing = checked(supply=replace(SUPPLY, cross=Missing(what="none", remedy="apt-get install it")))
    assert [(one.subject, one.remedy) for one in missing.problems] == [("cross g++", "apt-get install it")]


def test_an_engine_is_of_no_use_for_a_wheel_of_another_machine() -> None:
    def there(machine: Facts) -> Section:
        return managed.section(replace(cell(), machine="aarch64"), machine, SUPPLY, RULES, NEEDS)

    said = "not needed here: wheels for aarch64 are not built in containers of x86_64, but on it itself"
    assert {line(there(facts(engine=one)), "container").said for one in ("podman 5", NONE)} == {said}
    assert not there(FACTS).problems
    # What an image has stands in the way, for none is used.
    assert there(facts(pythons={**FACTS.pythons, "3.10": NONE})).problems
    assert not checked(facts(pythons={**FACTS.pythons, "3.10": NONE})).problems


def test_a_toolkit_that_is_passed_over_is_named() -> None:
    found = checked(supply=replace(SUPPLY, passed_over=("CUDA_HOME is passed over (it is CUDA 13.0.88)",)))
    assert line(found, "CUDA").said.endswith("; CUDA_HOME is passed over (it is CUDA 13.0.88)")


def test_jobs_are_the_least_of_cores_cap_and_memory() -> None:
    assert "8 at once: MAX_JOBS=6" in line(checked(), "MAX_JOBS").said
    small = replace(CAPACITY, asked="", budget=14 * 10**9)
    said = line(checked(facts(capacity=small)), "MAX_JOBS").said
    assert said.startswith("2 at once: 8 cores (matrix.yaml allows 32), memory for 2 (14.0 GB for compiles")


def test_a_container_s_limits_are_seen() -> None:
    limited = replace(CAPACITY, hardware_cores=64, hardware_memory=256 * 10**9)
    said = line(checked(facts(capacity=limited)), "memory").said
    assert said.endswith(
        "a container or cgroup allows 8 cores of the hardware's 64 and 64.0 GB of the hardware's 256.0 GB"
    )


@pytest.mark.parametrize(
    ("memory", "swap", "free", "state"),
    [
        (4, 0, 3, State.PROBLEM),
        (4, 2, 3, State.PROBLEM),
        (4, 8, 3, State.WARNING),
        (16, 0, 3, State.WARNING),
        (16, 0, 12, State.OK),
    ],
)
def test_one_compile_must_fit(memory: int, swap: int, free: int, state: State) -> None:
    capacity = replace(CAPACITY, memory=memory * 10**9, swap=swap * 10**9, free=free * 10**9)
    assert line(checked(facts(capacity=capacity)), "memory").state is state


def test_disks_are_added_up_where_they_are_one() -> None:
    tight = tuple(replace(room, free=11 * 10**9) for room in ROOMS)
    found = checked(facts(rooms=tight), wants=WANTS)
    assert [one.subject for one in found.problems] == ["disk, cache", "disk, dist"]
    assert "8.0 GB wanted, 12.0 GB with what else goes on that disk" in line(found, "disk, cache").said
    assert "FACTORY_CACHE" in line(found, "disk, cache").remedy
    apart = (tight[0], replace(tight[1], device=2))
    assert not checked(facts(rooms=apart), wants=WANTS).problems


def test_disks_that_cannot_be_written_to() -> None:
    closed = (replace(ROOMS[0], writable=False), ROOMS[1])
    assert line(checked(facts(rooms=closed)), "disk, cache").said == "/cache cannot be written to"
    assert line(checked(facts(rooms=NONE)), "disk").state is State.PROBLEM


@pytest.mark.parametrize(
    ("gpu", "state", "said"),
    [
        (GPU, State.OK, "building needs none"),
        (replace(GPU, capability="8.9"), State.OK, "8.9"),
        (replace(GPU, driver="470.1"), State.WARNING, "CUDA 12.4 needs driver 525 or newer"),
        (replace(GPU, capability="7.5"), State.WARNING, "no kernels for 7.5; 8.0 is the oldest"),
        (replace(GPU, capability="12.0"), State.WARNING, "torch 2.7 for CUDA 12.8 and a wheel for that, would run"),
    ],
)
def test_gpus(gpu: Gpu, state: State, said: str) -> None:
    found = line(checked(facts(gpus=(gpu, gpu))), "GPU")
    assert found.state is state
    assert said in found.said
    assert not checked(facts(gpus=(gpu,))).problems


def test_ptx_runs_on_newer_gpus() -> None:
    one = replace(cell(), archs=(Arch(9, 0, ptx=True),))
    machine = facts(gpus=(replace(GPU, capability="12.0"),))
    found = managed.section(one, machine, SUPPLY, RULES, NEEDS)
    assert line(found, "GPU").state is State.OK
    assert found.against.endswith(" --archs 9.0+PTX")


def test_no_gpu_and_no_git() -> None:
    found = checked(facts(gpus=NONE, programs={"git": NONE}))
    assert line(found, "GPU").state is State.OK
    assert "GITHUB_REPOSITORY" in line(found, "git").remedy


SHARED = replace(RULES, toolkits={**RULES.toolkits, "12.6": replace(RULES.toolkits["12.6"], kernels=("12.4",))})


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        (HOME, f"headers and runtime {HOME.release} from {HOME.origin}: {HOME.path}"),
        (
            Fetch(title="the index", size=44_000_000),
            "the factory fetches its headers and runtime from the index (44 MB), no root",
        ),
    ],
)
def test_the_cuda_of_a_wheel_whose_kernels_another_compiles_has_a_line(runtime: Home | Fetch, said: str) -> None:
    found = managed.section(cell("cu126", "torch2.7", "cp311"), FACTS, replace(SUPPLY, runtime=runtime), SHARED, NEEDS)
    assert line(found, "CUDA 12.6").said == said
    assert line(found, "g++").said.endswith("which CUDA 12.4 takes")


def test_a_runtime_that_cannot_be_had_stands_in_the_way_only_without_an_engine() -> None:
    supply = replace(SUPPLY, runtime=NONE)
    assert managed.section(cell("cu126", "torch2.7", "cp311"), facts(engine=NONE), supply, SHARED, NEEDS).problems
    assert not managed.section(cell("cu126", "torch2.7", "cp311"), FACTS, supply, SHARED, NEEDS).problems
