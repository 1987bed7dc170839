from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from factory.doctor import cudahome
from factory.doctor.cuda import NVCC
from factory.doctor.facts import Fetch, Home, Missing, Program
from factory.toolkit.find import World, pins
from tests import smalltoolkit

Maker = Callable[..., Path]


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_nvcc_says_its_release(tmp_path: Path, toolkit: Maker) -> None:
    home = toolkit(tmp_path / "cuda", release="12.4.131")
    assert cudahome.nvcc({"PATH": f"{home}/bin"}) == Program(
        path=f"{home}/bin/nvcc", version="12.4.131", said="Cuda compilation tools, release 12.4, V12.4.131"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho 'Segmentation fault' >&2; exit 139\n", "Segmentation fault"),
        ("#!/bin/sh\nprintf '\\377\\0\\n'\n", "\N{REPLACEMENT CHARACTER}\0"),
        ("#!/bin/sh\n", "nothing, and ended with 0"),
        ("#!/nowhere/sh\n", "No such file"),
        ("\0\0", "Exec format error"),
    ],
)
def test_an_nvcc_that_talks_rubbish(text: str, said: str, tmp_path: Path) -> None:
    program(tmp_path / "nvcc", text)
    found = cudahome.nvcc({"PATH": str(tmp_path)})
    assert isinstance(found, Program)
    assert found.version is None
    assert said in found.said


@pytest.mark.parametrize("env", [{}, {"PATH": ""}, {"PATH": "/nowhere"}])
def test_no_nvcc(env: dict[str, str], tmp_path: Path) -> None:
    assert isinstance(cudahome.nvcc(env), Missing)
    assert isinstance(cudahome.home(env, tmp_path), Missing)


def test_torch_s_order(tmp_path: Path, toolkit: Maker) -> None:
    """CUDA_HOME, CUDA_PATH, what lies above nvcc, then the usual place."""
    usual = toolkit(tmp_path / "local" / "cuda", release="13.0.88")
    above = toolkit(tmp_path / "above", release="12.8.93")
    env = {"CUDA_HOME": str(usual), "CUDA_PATH": "/nowhere", "PATH": f"{above}/bin"}
    seen = []
    for name in ("CUDA_HOME", "CUDA_PATH", "PATH", None):
        found = cudahome.home(env, tmp_path / "local")
        assert isinstance(found, Home)
        seen.append((found.origin, found.release))
        env.pop(name or "", None)
    assert seen == [("CUDA_HOME", "13.0.88"), ("CUDA_PATH", None), (NVCC, "12.8.93"), (str(usual), "13.0.88")]


def test_a_wrapper_on_path_leads_to_where_no_headers_are(tmp_path: Path, toolkit: Maker) -> None:
    real = toolkit(tmp_path / "cuda")
    program(tmp_path / "usr" / "bin" / "nvcc", f'#!/bin/sh\nexec {real}/bin/nvcc "$@"\n')
    found = cudahome.home({"PATH": f"{tmp_path}/usr/bin:/bin"}, tmp_path)
    assert isinstance(found, Home)
    assert (found.path, found.release) == (str(tmp_path / "usr"), "12.4.131")
    assert {"include/cuda_runtime.h", "include/cuda_bf16.h"} <= set(found.lacking)


def test_only_complete_toolkits_are_listed(tmp_path: Path, toolkit: Maker) -> None:
    local, cache = tmp_path / "local", tmp_path / "cache"
    whole = toolkit(local / "cuda-12.6", release="12.6.85")
    toolkit(local / "cuda-12.8", release="12.8.93", without=["include/cuda_bf16.h"])
    kept = toolkit(cache / "toolkits" / "cuda-12.4-abc")
    toolkit(cache / "toolkits" / "cuda-12.6-abc", release="12.6.85")
    found = cudahome.toolkits({"CUDA_HOME": "/nowhere"}, cache, local)
    assert {version: one.path for version, one in found.items()} == {"12.4": str(kept), "12.6": str(whole)}


def test_a_link_in_a_circle_is_no_toolkit(tmp_path: Path) -> None:
    (tmp_path / "cuda").symlink_to("cuda")
    env = {"CUDA_HOME": str(tmp_path / "cuda")}
    found, passed = cudahome.supply("12.4", env, None, World(local=tmp_path))
    assert isinstance(found, Fetch)
    assert passed[0].startswith("CUDA_HOME is passed over (")


def test_the_factory_s_order_for_a_toolkit(tmp_path: Path, toolkit: Maker) -> None:
    local, cache = tmp_path / "local", tmp_path / "cache"
    world = World(local=local)
    recipe = pins()["12.4"][0]
    assert cudahome.supply("12.4", {}, None, world) == (Fetch(title=recipe.title, size=recipe.size), ())
    kept = toolkit(cache / "toolkits" / recipe.directory)
    other = toolkit(tmp_path / "other", release="13.0.88")
    env = {"CUDA_HOME": str(other), "CUDA_PATH": str(toolkit(tmp_path / "half", without=["include/cuda_bf16.h"]))}
    found, passed = cudahome.supply("12.4", env, cache, world)
    assert isinstance(found, Home)
    assert found.path == str(kept)
    assert passed == (
        "CUDA_HOME is passed over (it is CUDA 13.0.88)",
        "CUDA_PATH is passed over (it lacks include/cuda_bf16.h)",
    )
    mine = toolkit(local / "cuda-12.4")
    found, _ = cudahome.supply("12.4", {}, cache, world)
    assert isinstance(found, Home)
    assert found.path == str(mine)


def test_a_toolkit_that_nobody_packs(tmp_path: Path) -> None:
    found, _ = cudahome.supply("11.8", {}, None, World(local=tmp_path))
    assert isinstance(found, Missing)
    assert found.remedy.endswith("export CUDA_HOME=/usr/local/cuda-11.8")


def test_host_code_of_another_toolkits_kernels_takes_a_runtime_alone(tmp_path: Path) -> None:
    world, cache = World(local=tmp_path / "local"), tmp_path / "cache"
    alone = world.runtimes["12.8"]
    assert cudahome.runtime("12.8", {}, cache, world) == Fetch(title=alone.title, size=alone.size)
    kept = smalltoolkit.make(cache / "toolkits" / alone.directory, release=alone.release, without=["bin/ptxas"])
    found = cudahome.runtime("12.8", {}, cache, world)
    assert found == Home(origin="the cache", path=str(kept), release=alone.release, lacking=())
    whole = smalltoolkit.make(tmp_path / "local/cuda", release="12.8.93")
    found = cudahome.runtime("12.8", {}, cache, world)
    assert isinstance(found, Home)
    assert found.path == str(whole)


def test_a_cuda_without_a_runtime_of_its_own_takes_the_whole_toolkit(tmp_path: Path) -> None:
    world = World(local=tmp_path)
    assert cudahome.runtime("12.4", {}, None, world) == cudahome.supply("12.4", {}, None, world)[0]
