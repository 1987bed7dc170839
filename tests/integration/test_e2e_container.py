"""The real thing in real containers: a builder image, cibuildwheel, flash-attn 2.7.4.post1, torch 2.6.0, CUDA 12.4.

Run by ``nox -s e2e_container`` as root on Debian; installs Podman where no engine is. Takes about twenty minutes when
the kernels are in the factory's pool, and an hour and a half on two cores when not, for they are compiled inside then.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.build.container import spec
from factory.build.container.spec import ContainerJob
from factory.image.engine import Engine
from factory.image.layout import name as builder_name
from factory.pool.store import Pool
from factory.prove import cubin
from factory.prove.proof import code_differences, symbol_differences
from factory.system.cache import cache_root
from factory.wheel import elf
from factory.wheel.facts import Extension
from tests.integration import enginebench
from tests.integration.enginebench import factory, with_image
from tests.integration.test_e2e import BACKWARD, PARTS, WHEEL, done, without_backward

pytestmark = [pytest.mark.e2e_container, pytest.mark.live_matrix]

ROOT = enginebench.ROOT
CELL = ("cu124", "torch2.6", "cp310", "--profile", "smoke")
IMAGE = builder_name("12.4")
LABEL = "flash-attn-wheel-factory"


def live() -> str:
    return (ROOT / "matrix.yaml").read_text()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return enginebench.engine(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def here(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory whose matrix names the builder image, which is made first."""
    assert factory(ROOT, "image", "cu124").wait() == 0, engine
    directory = tmp_path_factory.mktemp("here")
    (directory / "matrix.yaml").write_text(with_image(IMAGE, live()))
    return directory


@pytest.fixture(scope="session")
def wheel(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a container made, because an engine answers and nobody asked for anything else."""
    dist = tmp_path_factory.mktemp("dist")
    with factory(here, "build", *CELL, "--dist", dist, output=subprocess.PIPE) as build:
        said, _ = build.communicate()
    sys.stdout.write(said)
    assert build.returncode == 0
    assert f" in {IMAGE} with " in said
    assert "imported flash_attn 2.7.4.post1 beside torch 2.6.0" in said
    return dist / WHEEL


def containers(engine: Engine, label: str = LABEL) -> list[str]:
    return engine.run("ps", "--all", "--quiet", "--filter", f"label={label}", timeout=60).stdout.split()


def label_of(cache: Path) -> str:
    """Give the label of the build that runs in ``cache``: others may run on this machine too."""
    (job,) = (cache / "work").glob("*-container/project/job.json")
    return spec.label(ContainerJob.from_json(job.read_text()).run)


def test_the_report_is_clean_and_states_the_floor(wheel: Path) -> None:
    report = json.loads(wheel.with_name(f"{wheel.name}.report.json").read_text())
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    assert report["ok"]
    assert report["facts"]["expected"]["manylinux"] == "manylinux_2_36"
    (module,) = report["facts"]["extensions"]
    assert re.fullmatch(r"manylinux_2_\d\d_x86_64", module["platform"])
    assert not any(re.search(r"\.libs/", name) for name in zipfile.ZipFile(wheel).namelist())


def test_nothing_of_the_build_is_left(wheel: Path, engine: Engine) -> None:
    assert wheel.is_file()
    assert containers(engine) == []
    left = {path.name for path in (cache_root(os.environ) / "work").glob("*-container")}
    assert f"{wheel.stem}-container" not in left
    assert not [name for name in left if name.startswith("kernels-")]


def test_everything_written_inside_belongs_to_the_caller(wheel: Path) -> None:
    foreign = [
        path
        for name in spec.SHARED
        for path in (cache_root(os.environ) / name).rglob("*")
        if path.lstat().st_uid != os.getuid()
    ]
    assert wheel.stat().st_uid == os.getuid()
    assert foreign == []


def test_a_container_killed_half_way_loses_nothing(wheel: Path, here: Path, engine: Engine, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shared = cache_root(os.environ)
    left = without_backward(shared, cache)
    assert left >= BACKWARD
    already = len(done(cache))
    with factory(here, "build", *CELL, "--dist", tmp_path / "dist", cache=cache, output=subprocess.PIPE) as first:
        while len(done(cache)) < already + PARTS * BACKWARD // 2:
            assert first.poll() is None, "the build ended before it could be killed"
            time.sleep(0.2)
        label = label_of(cache)
        (killed,) = containers(engine, label)
        assert engine.run("kill", killed, timeout=60).ok
        said, _ = first.communicate(timeout=120)
    assert first.returncode == 36, said
    assert "ended while its kernels were compiled" in said
    assert containers(engine, label) == []
    before = done(cache)
    with factory(here, "build", *CELL, "--dist", tmp_path / "dist", cache=cache, output=subprocess.PIPE) as second:
        said, _ = second.communicate()
    sys.stdout.write(said)
    assert second.returncode == 0
    after = done(cache)
    assert [name for name, written in before.items() if after[name] != written] == []
    assert len(before) - already >= PARTS * BACKWARD // 2
    same_code(tmp_path / "dist" / WHEEL, wheel, tmp_path)
    mine, theirs = Pool(cache / "pool"), Pool(shared / "pool")
    assert {key for key, row in mine.by_key().items() if not row.part.startswith("compute")} <= theirs.by_key().keys()
    assert differing_parts(mine, theirs) == []


def differing_parts(one: Pool, other: Pool) -> list[str]:
    """Compare what both have: machine code and symbols. nvcc writes its process's number into names that no other unit
    sees, so that no two compiles give the same bytes.
    """
    found = []
    ours, theirs = one.by_key(), other.by_key()
    for key in ours.keys() & theirs.keys():
        row, mine, his = ours[key], one.object_path(ours[key]), other.object_path(theirs[key])
        if row.part == "host":
            found += [*symbol_differences(cubin.read_symbols(mine), cubin.read_symbols(his))]
        elif row.part.startswith("sm_"):
            found += [*code_differences(cubin.read_code(mine), cubin.read_code(his))]
    return [str(difference) for difference in found]


def test_host_and_container_make_the_same_code(wheel: Path, here: Path, tmp_path: Path) -> None:
    with factory(here, "build", *CELL, "--backend", "host", "--dist", tmp_path) as build:
        assert build.wait() == 0
    inside, outside = (dict(members(path)) for path in (wheel, tmp_path / WHEEL))
    differing = sorted(name for name in inside.keys() | outside.keys() if inside.get(name) != outside.get(name))
    sys.stdout.write(f"members that differ between container and host: {differing or 'none'}\n")
    same_code(wheel, tmp_path / WHEEL, tmp_path)


def same_code(one: Path, other: Path, scratch: Path) -> None:
    first, second = extension(one, scratch / "first.so"), extension(other, scratch / "second.so")
    assert first.fatbins == second.fatbins
    assert (first.defined, first.undefined, first.needed) == (second.defined, second.undefined, second.needed)


def members(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def extension(wheel: Path, into: Path) -> Extension:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".so")]
        into.write_bytes(archive.read(name))
    return elf.read(into, name)


def test_an_image_that_is_not_here_is_explained(here: Path, tmp_path: Path) -> None:
    assert here.is_dir()
    (tmp_path / "matrix.yaml").write_text(with_image("localhost/nothing:1", live()))
    with factory(tmp_path, "build", *CELL, "--backend", "container", output=subprocess.PIPE) as build:
        said, _ = build.communicate()
    assert build.returncode == 28
    assert "nox -s image -- cu124" in said


def test_limits_of_a_container_are_seen_inside(here: Path, engine: Engine) -> None:
    """Admission asks ``factory.system.machine``; so is it asked here, by an interpreter of the image."""
    assert here.is_dir()
    packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
    tag = f"cp3{sys.version_info.minor}"
    mounts = (f"--mount=type=bind,source={ROOT},target=/code", f"--mount=type=bind,source={packages},target=/packages")
    script = "from factory.system import machine; here = machine.read(); print(here.cores, here.memory)"
    words = ("run", "--rm", "--memory=3g", "--cpus=1", "--env=PYTHONPATH=/code:/packages", *mounts, IMAGE)
    told = engine.run(*words, f"/opt/python/{tag}-{tag}/bin/python", "-c", script, timeout=120)
    assert told.stdout.split() == ["1", str(3 * 2**30)], told.stderr
