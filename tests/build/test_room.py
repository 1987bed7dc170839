"""What a run wants of this machine's disks, by what is there already."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from factory.build import room, setup
from factory.build.room import Run
from factory.environment import environment, foreign
from factory.kernels import source
from factory.matrix.cells import expand
from factory.matrix.selector import parse, select
from factory.output.console import Console
from factory.output.log import Log
from factory.plan.room import Want, most
from factory.pool.record import SetRecord
from factory.pool.store import Pool
from factory.session import Session
from factory.system.machine import Limits
from factory.toolkit.find import World, pins
from tests.doctorfacts import RULES

LIMITS = Limits(jobs=2, budget=16 * 10**9)


def run(tmp_path: Path, *tokens: str, dist: bool = True, uv: str | None = None) -> Run:
    """Give a run into an empty cache on a machine without a toolkit, whose only program may be uv."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    if uv is not None:
        (programs / "uv").write_text("#!/bin/sh\nexit 1\n")
        (programs / "uv").chmod(0o755)
    env = {"PATH": str(programs), "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "UV_LINK_MODE": uv or "hardlink"}
    cache = tmp_path / "cache"
    session = Session(cache=cache, env=env, log=Log(Console()), limits=LIMITS)
    return Run(
        cells=tuple(row.cell for row in select(expand(RULES, profile="smoke"), parse(tokens, RULES))),
        matrix=RULES,
        cache=cache,
        dist=tmp_path / "dist" if dist else None,
        env=env,
        world=World(local=tmp_path / "local"),
        installer=environment.installer(session),
        limits=LIMITS,
    )


def by_place(wants: tuple[Want, ...]) -> dict[str, int]:
    places = dict.fromkeys(want.place for want in wants)
    return {place: most(want for want in wants if want.place == place) for place in places}


def test_what_a_first_build_puts_on_the_disks(tmp_path: Path) -> None:
    wants = room.wants(run(tmp_path, "cu124", "torch2.6", "cp310"), contained=False)
    assert list(by_place(wants)) == ["toolkits", "environments", "sources", "pool", "work", "dist"]
    assert by_place(wants)["toolkits"] == pins()["12.4"][0].size * 5
    assert str(wants[1]).startswith("torch 2.6.0 for CUDA 12.4, Python 3.10: 5.4 GB, 3.1 GB more")
    assert not list(tmp_path.glob("cache")), "nothing is written"


def test_more_cells_share_what_they_can(tmp_path: Path) -> None:
    one = by_place(room.wants(run(tmp_path, "cu124", "torch2.6", "cp310"), contained=False))
    five = by_place(room.wants(run(tmp_path, "cu124", "torch2.6"), contained=False))
    assert [five[name] for name in ("toolkits", "sources", "pool")] == [
        one[name] for name in ("toolkits", "sources", "pool")
    ]
    assert five["dist"] == 5 * one["dist"]
    assert five["environments"] > 4 * one["environments"] - 5 * 3_056_000_000


def test_kernels_alone_need_no_torch_and_a_share_is_less(tmp_path: Path) -> None:
    alone = run(tmp_path, "cu124", "torch2.6", dist=False)
    whole = by_place(room.wants(alone, contained=False))
    assert list(whole) == ["toolkits", "sources", "pool"]
    assert by_place(room.wants(replace(alone, share=1 / 84), contained=False))["pool"] < whole["pool"]


def test_in_containers_torch_s_wheels_alone_go_to_the_cache(tmp_path: Path) -> None:
    wanted = run(tmp_path, "cu124", "torch2.6")
    assert list(by_place(room.wants(wanted, contained=True))) == ["pip", "sources", "pool", "work", "dist"]
    (wanted.cache / "pip").mkdir(parents=True)
    with (wanted.cache / "pip" / "wheels").open("wb") as file:
        file.truncate(10**10)
    assert "pip" not in by_place(room.wants(wanted, contained=True))


def test_a_wheel_for_another_machine_is_linked_with_a_torch_of_its_own(tmp_path: Path) -> None:
    native = run(tmp_path, "cu130", "torch2.11", "cp311")
    wanted = replace(native, cells=(replace(native.cells[0], machine="aarch64"),))
    found = by_place(room.wants(wanted, contained=False))
    assert found["targets"] > 800_000_000
    assert found["environments"] > found["targets"]
    assert "targets" not in by_place(room.wants(replace(wanted, dist=None), contained=False))
    assert "targets" not in by_place(room.wants(native, contained=False))
    (cell,) = wanted.cells
    row = setup.wanted(cell, RULES)
    foreign.place(cell, row.torch, row.build, wanted.cache).mkdir(parents=True)
    assert "targets" not in by_place(room.wants(wanted, contained=False))


def test_what_is_there_is_not_wanted(tmp_path: Path) -> None:
    wanted = run(tmp_path, "cu124", "torch2.6", "cp310")
    torch = RULES.torch["2.6"]
    (build,) = [row for row in torch.builds if row.cuda == "12.4"]
    wanted.installer.place(torch, build, "3.10").mkdir(parents=True)
    root = source.place(RULES.flash_attn["2.7.4.post1"], cache=wanted.cache)
    shutil.copytree(Path(__file__).parents[1] / "data" / "sdist", root)
    found = by_place(room.wants(wanted, contained=False))
    assert list(found) == ["toolkits", "pool", "work", "dist"]
    pool = Pool(wanted.cache / "pool")
    archs = tuple(map(str, wanted.cells[0].archs))
    kernels = SetRecord(
        flash_attn="2.7.4.post1",
        cuda="12.4",
        archs=archs,
        profile="smoke",
        toolkit="12.4.131",
        host_compiler="12.2.0",
        machine="x86_64",
        units=3,
        keys=("a", "b"),
    )
    pool.note(kernels)
    pool.note(replace(kernels, profile="full", keys=("b",)))
    pool.note(replace(kernels, host_compiler="9.1.0", keys=()))
    (pool.root / "parts").mkdir()
    (pool.root / "parts" / "a.json").touch()
    assert by_place(room.wants(wanted, contained=False))["pool"] < found["pool"]
    (pool.root / "parts" / "b.json").touch()
    assert "pool" not in by_place(room.wants(wanted, contained=False))
    abroad = replace(wanted, dist=None, cells=tuple(replace(cell, machine="aarch64") for cell in wanted.cells))
    assert "pool" not in by_place(room.wants(abroad, contained=False))


def test_a_directory_that_was_linked_to_another_disk_is_not_held_to_the_cache_s(tmp_path: Path) -> None:
    wanted = run(tmp_path, "cu124", "torch2.6")
    wanted.cache.mkdir()
    other = Path("/proc")
    assert other.stat().st_dev != tmp_path.stat().st_dev
    (wanted.cache / "environments").symlink_to(other)
    assert "environments" not in by_place(room.wants(wanted, contained=False))


@pytest.mark.parametrize(("uv", "saves"), [("hardlink", True), ("copy", False), (None, False)])
def test_uv_links_what_it_has_on_the_same_disk(uv: str | None, saves: bool, tmp_path: Path) -> None:  # noqa: FBT001
    wanted = run(tmp_path, "cu124", "torch2.6", uv=uv)
    (torch,) = [want for want in room.wants(wanted, contained=False) if want.place == "environments"]
    assert (torch.kept < 5 * 5 * 10**9) == saves
    assert bool(torch.passing) == (uv is None)
