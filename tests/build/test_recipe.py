from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.build.recipe import BuildPaths, cxx_flags, recipe
from factory.environment.target import Target
from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Profile
from factory.system.environ import inherited

CELL = Cell(
    flash_attn="2.7.4.post1",
    cuda="12.4",
    torch="2.6",
    python="3.10",
    cxx11abi=False,
    profile="full",
    archs=(Arch(8, 0),),
    machine="x86_64",
)
SITE = BuildPaths(
    source=Path("/w/source"),
    workdir=Path("/w"),
    python=Path("/e/bin/python"),
    site_packages=Path("/e/site-packages"),
    cuda_home=Path("/cuda"),
)
OWN = {
    "CUDA_HOME": "/cuda",
    "PYTORCH_NVCC": "/w/bin/nvcc",
    "CXX": "/w/bin/g++",
    "MAX_JOBS": "3",
    "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
    "FLASH_ATTN_LOCAL_VERSION": "cu12torch2.6cxx11abiFALSE",
}


def test_sets_what_the_guide_and_setup_py_want() -> None:
    made = recipe(CELL, SITE, jobs=3, env={"PATH": "/usr/bin"})
    assert made.env.items() >= OWN.items()
    assert made.env["PATH"] == "/cuda/bin:/e/bin:/usr/bin"
    assert made.argv[:4] == ("/e/bin/python", "-m", "pip", "wheel")
    assert {"--no-build-isolation", "--no-deps", "--no-index"} <= set(made.argv)
    assert made.argv[-3:] == ("--wheel-dir", "/w/wheelhouse", "/w/source")


def test_a_wheel_for_another_machine_is_named_for_it_and_knows_nothing_of_this_one_s_torch() -> None:
    target = Target(machine="aarch64", torch=Path("/t/torch"), runtime=Path("/t/lib"), include=Path("/t/include"))
    elsewhere = replace(SITE, target=target)
    made = recipe(replace(CELL, machine="aarch64", python="3.14t"), elsewhere, jobs=3, env={})
    assert made.env["_PYTHON_HOST_PLATFORM"] == "linux-aarch64"
    assert made.env["SETUPTOOLS_EXT_SUFFIX"] == ".cpython-314t-aarch64-linux-gnu.so"
    assert not {"_PYTHON_HOST_PLATFORM", "SETUPTOOLS_EXT_SUFFIX"} & recipe(CELL, SITE, jobs=3, env={}).env.keys()
    flags = cxx_flags(Profile(name="full", disable=(), summary=""), elsewhere, standard=17)
    assert {"-ffile-prefix-map=/t/torch=site-packages/torch", "-idirafter/t/include"} <= set(flags)


@given(st.dictionaries(st.sampled_from([*OWN, "NVCC_THREADS", "SOURCE_DATE_EPOCH", "FACTORY_DRIVER_JOB"]), st.text()))
def test_the_caller_cannot_change_what_the_recipe_sets(env: dict[str, str]) -> None:
    assert recipe(CELL, SITE, jobs=3, env=env) == recipe(CELL, SITE, jobs=3, env={})


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "NVCC_APPEND_FLAGS", "CPATH", "PYTHONPATH", "PIP_TARGET", "CXXFLAGS"])
def test_nothing_of_the_caller_leaks_in(name: str) -> None:
    made = recipe(CELL, SITE, jobs=1, env={name: "leak", "HOME": "/home/me"})
    assert "leak" not in made.env.values()
    assert inherited({"HOME": "/home/me"})["HOME"] == made.env["HOME"]
    assert made.env["PIP_CONFIG_FILE"] == "/dev/null"


def test_a_profile_is_in_the_version_and_in_the_switches() -> None:
    made = recipe(replace(CELL, profile="smoke", cxx11abi=True), SITE, jobs=1, env={})
    assert made.env["FLASH_ATTN_LOCAL_VERSION"] == "cu12torch2.6cxx11abiTRUE.smoke"
    flags = cxx_flags(Profile(name="smoke", disable=("ALIBI", "LOCAL"), summary=""), SITE, standard=20)
    assert flags[:3] == ("-DFLASHATTENTION_DISABLE_ALIBI", "-DFLASHATTENTION_DISABLE_LOCAL", "-std=c++20")


def test_every_path_the_compiler_sees_is_mapped_away() -> None:
    flags = cxx_flags(Profile(name="full", disable=(), summary=""), SITE, standard=17)
    mapped = [flag.split("=")[1] for flag in flags if flag.startswith("-ffile-prefix-map=")]
    assert mapped == [str(SITE.source), str(SITE.site_packages), str(SITE.cuda_home)]
    for include in (flag.removeprefix("-idirafter") for flag in flags if flag.startswith("-idirafter")):
        assert any(include.startswith(prefix) for prefix in mapped)
