"""Building by hand: one thing of a fit machine is broken at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.doctor import manual
from factory.doctor.facts import Facts, Fetchable, Home, Missing, Program
from factory.doctor.result import Section, State
from factory.doctor.target import Target
from tests.doctorfacts import CAPACITY, FACTS, GUIDE, HOME, NEEDS, PYTHON, RULES, TORCH, cell, facts, line

CELL = Target.of_cell(cell(), RULES, GUIDE)
NONE = Missing(what="there is none on PATH")
UV = Fetchable(by="/bin/uv")
NEWER = Home(origin="CUDA_HOME", path="/usr/local/cuda-13.0", release="13.0.88")
ABOVE = Home(origin="nvcc on PATH", path="/usr/local", release="13.0.88", lacking=("include/cuda_bf16.h",))


def checked(machine: Facts, target: Target = CELL) -> Section:
    return manual.section(target, machine, RULES, NEEDS)


def of_python(**other: object) -> Facts:
    return facts(python=replace(PYTHON, **other))  # type: ignore[arg-type]  # a table of any field


def of_torch(**other: object) -> Facts:
    return of_python(torch=replace(TORCH, **other))  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize("target", [CELL, Target.of_guide(GUIDE)])
def test_a_fit_machine(target: Target) -> None:
    assert {one.state for one in checked(FACTS, target).lines} == {State.OK}
    assert checked(FACTS, target).verdict == "nothing stands in the way"


@pytest.mark.parametrize(
    ("machine", "subject", "state", "said", "remedy"),
    [
        (facts(nvcc=NONE), "nvcc", State.WARNING, "none on PATH", "export PATH=/usr/local/cuda-12.4/bin"),
        (facts(nvcc=NONE, home=NONE), "nvcc", State.PROBLEM, "none on PATH", "CUDA_HOME=/usr/local/cuda-12.4 "),
        (facts(home=NONE, toolkits={}), "CUDA_HOME", State.PROBLEM, "none", "Install CUDA 12.4, then where it is"),
        (
            facts(nvcc=Program(path="/bin/nvcc", version=None, said="Segmentation fault")),
            "nvcc",
            State.PROBLEM,
            "does not say its version, but: Segmentation fault",
            "export CUDA_HOME=",
        ),
        (
            facts(nvcc=Program(path="/usr/bin/nvcc", version="11.8.89")),
            "nvcc",
            State.WARNING,
            "/usr/bin/nvcc is CUDA 11.8.89, but CUDA_HOME is CUDA 12.4.131",
            "Type: export CUDA_HOME=/usr/local/cuda-12.4 ",
        ),
        (facts(home=replace(HOME, release=None)), "CUDA_HOME", State.PROBLEM, "no nvcc that says", "CUDA_HOME="),
        (facts(home=replace(HOME, origin="CUDA_PATH")), "CUDA_HOME", State.WARNING, "not set", "/usr/local/cuda-12.4"),
        (facts(home=NEWER), "CUDA", State.PROBLEM, "13.0.88; wanted: 12.4", "CUDA_HOME=/usr/local/cuda-12.4"),
        (facts(home=replace(HOME, release="12.6.85")), "CUDA", State.WARNING, "torch warns and goes on", "cuda-12.4"),
        (facts(home=ABOVE), "cuda_bf16.h", State.PROBLEM, "what lies above the nvcc on PATH", "/usr/local/cuda-12.4"),
        (
            facts(home=replace(HOME, lacking=("nvvm/bin/cicc",))),
            "toolkit",
            State.PROBLEM,
            "lacks nvvm/bin/cicc",
            "12.4",
        ),
        (facts(gcc=NONE), "gcc", State.PROBLEM, "CUDA 12.4 with torch takes 9 to 13", "Install g++-13"),
        (facts(gxx=Program(path="/g++", version="14.2.0")), "g++", State.PROBLEM, "14.2.0", "CC=gcc-13 CXX=g++-13"),
        (facts(gxx=Program(path="/g++", version="8.3.0")), "g++", State.PROBLEM, "is 8.3.0", "Install g++-13"),
        (facts(gxx=Program(path="/g++", version=None, said="clang")), "g++", State.PROBLEM, "but: clang", "g++-13"),
        (facts(python=NONE), "Python", State.PROBLEM, "none", "/usr/bin/python3.10 -m venv"),
        (of_python(version="3.11"), "Python", State.PROBLEM, "is 3.11; wanted: 3.10", "/usr/bin/python3.10 -m venv"),
        (
            facts(python=NONE, pythons={"3.10": UV}),
            "Python",
            State.PROBLEM,
            "none",
            "/bin/uv venv --seed --python 3.10",
        ),
        (of_python(torch=None), "torch", State.PROBLEM, "has none", "Type: pip3 install torch==2.6.0"),
        (of_torch(release=None), "torch", State.PROBLEM, "version.py does not say", "--force-reinstall"),
        (of_torch(release="2.5.1"), "torch", State.PROBLEM, "2.5.1 in /venv/torch", "torch==2.6.0"),
        (of_torch(cuda="13.0"), "torch's CUDA", State.PROBLEM, "refuses another major", "torch==2.6.0"),
        (of_torch(cuda="12.6"), "torch's CUDA", State.WARNING, "only warns", "torch==2.6.0"),
        (of_torch(cuda=None), "torch's CUDA", State.PROBLEM, "built without CUDA", "torch==2.6.0"),
        (of_torch(cxx11abi=True), "C++ ABI", State.PROBLEM, "cxx11abiTRUE, the wheel is to be cxx11abiFALSE", "2.6.0"),
        (of_torch(cxx11abi=None), "C++ ABI", State.WARNING, "not to be read", "--force-reinstall"),
        (
            of_python(cudnn="9.1.0.70"),
            "cuDNN",
            State.WARNING,
            "older than the guide's 9.8.0",
            "Leave it for flash-attn",
        ),
        (
            of_python(packages={}),
            "build tools",
            State.PROBLEM,
            "lacks packaging, setuptools, wheel",
            "pip install --up",
        ),
        (
            of_python(packages={**PYTHON.packages, "setuptools": "82.0"}),
            "setuptools",
            State.WARNING,
            "torch 2.6 works with >=70.1,<82",
            "pip install 'setuptools>=70.1,<82'",
        ),
        (of_python(packages={**PYTHON.packages, "setuptools": "?"}), "setuptools", State.WARNING, "?;", "setuptools"),
    ],
)
def test_what_is_broken_is_said_with_its_remedy(
    machine: Facts, subject: str, state: State, said: str, remedy: str
) -> None:
    found = line(checked(machine), subject)
    assert found.state is state
    assert said in found.said
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("asked", "state", "said"),
    [
        ("", State.WARNING, "not set; 6 fits"),
        ("32", State.WARNING, "32 is more than the 6 that fit"),
        ("many", State.WARNING, "torch ignores it"),
        ("6", State.OK, "6; up to 6 fit: 8 cores, memory for 6 (60.0 GB free, up to 9.7 GB each)"),
    ],
)
def test_max_jobs_by_this_machine_s_numbers(asked: str, state: State, said: str) -> None:
    found = line(checked(facts(capacity=replace(CAPACITY, asked=asked))), "MAX_JOBS")
    assert (found.state, found.remedy) == (state, "" if state is State.OK else "Type: export MAX_JOBS=6")
    assert said in found.said


def test_no_cudnn_without_torch() -> None:
    assert line(checked(of_python(torch=None, cudnn=None)), "cuDNN").said.startswith("comes with torch")


def test_uv_does_for_pip_and_a_program_for_ninja() -> None:
    packages = {name: "1" for name in GUIDE.tools if name not in {"pip", "ninja"}}
    assert line(checked(of_python(packages=packages)), "build tools").state is State.OK
    bare = replace(of_python(packages=packages), programs={})
    assert "lacks ninja, pip" in line(checked(bare), "build tools").said


def test_the_guide_takes_another_toolkit_and_then_a_torch_of_its_cuda() -> None:
    machine = replace(of_python(torch=None), home=NEWER)
    found = checked(machine, Target.of_guide(GUIDE))
    assert line(found, "CUDA").state is State.OK
    newest = next(
        row.release for row in reversed(list(RULES.torch.values())) if "13.0" in {one.cuda for one in row.builds}
    )
    assert line(found, "torch").remedy == f"Type: pip3 install torch=={newest}"


@pytest.mark.parametrize("glibc", ["2.36", "2.40", ""])
def test_an_older_glibc_goes_with_every_cuda(glibc: str) -> None:
    assert "glibc" not in {one.subject for one in checked(facts(glibc=glibc)).lines}


@pytest.mark.parametrize("home", [HOME, NONE, replace(HOME, release="12.6.85")])
def test_a_glibc_that_clashes_with_the_cuda_to_be_used(home: Home | Missing) -> None:
    found = line(checked(facts(glibc="2.41", home=home, toolkits={})), "glibc")
    assert found.state is State.PROBLEM
    assert found.said.startswith("2.41 has cospi, sinpi of its own, declared otherwise than in CUDA 12.4's headers")
    assert found.remedy == f"Let the factory mend a copy of them. Type: nox -s build -- {CELL.name}"


def test_headers_that_somebody_mended_clash_with_nothing() -> None:
    mended = facts(glibc="2.41", header_fixes={**FACTS.header_fixes, "12.4": ()})
    assert "glibc" not in {one.subject for one in checked(mended).lines}


def test_where_a_newer_cuda_is_as_good_it_is_named() -> None:
    found = line(checked(facts(glibc="2.43", home=NEWER), Target.of_guide(GUIDE)), "glibc")
    assert "has rsqrt of its own, declared otherwise than in CUDA 13.0's" in found.said
    assert found.remedy.endswith("or take CUDA 13.2 by hand. Type: nox -s build -- cu124 torch2.6 cp310")


def test_the_remedies_of_toolkit_and_torch_go_together() -> None:
    machine = replace(of_python(torch=None), home=ABOVE)
    found = checked(machine, Target.of_guide(GUIDE))
    assert "CUDA_HOME=/usr/local/cuda-12.4 " in line(found, "cuda_bf16.h").remedy
    assert line(found, "torch").remedy.startswith("Type: pip3 install torch==2.6.0 --index-url")
    assert "CUDA 12.4 with torch takes 9 to 13" in line(found, "g++").said


def test_a_toolkit_that_the_matrix_does_not_know_has_no_newest_gcc() -> None:
    found = checked(facts(home=replace(HOME, release="12.2.140"), toolkits={}), Target.of_guide(GUIDE))
    assert "knows no newest one for CUDA 12.2" in line(found, "g++").said
