"""The real machine, and one where nothing is as it should be."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.doctor import look
from factory.doctor.facts import Fetch, Fetchable, FetchableCompiler, Missing, Program
from factory.doctor.look import Surroundings
from factory.kernels import fetchedcompiler, hostcompiler
from factory.toolkit.find import World
from tests.doctorfacts import RULES, cell

Maker = Callable[..., Path]
UNSEEN = "/" + "x" * 300  # no system call takes so long a name: an error for root too


def here(tmp_path: Path, **env: str) -> Surroundings:
    return Surroundings(env=env, dist=tmp_path / "dist", world=World(local=tmp_path))


def test_this_machine(tmp_path: Path) -> None:
    path = os.environ["PATH"]
    facts = look.look(here(tmp_path, PATH=path, FACTORY_CACHE=str(tmp_path / "cache")), RULES)
    assert isinstance(facts.gxx, Program)
    assert facts.gxx.version == hostcompiler.version_of(facts.gxx.path, {"PATH": path})
    assert set(facts.compilers) == set(RULES.toolkits)
    assert facts.capacity.memory <= facts.capacity.hardware_memory
    assert facts.capacity.cores <= facts.capacity.hardware_cores
    assert not isinstance(facts.rooms, Missing)
    assert [(room.use, room.writable) for room in facts.rooms] == [("cache", True), ("dist", True)]
    assert facts.rooms[0].device == facts.rooms[1].device == tmp_path.stat().st_dev
    assert not list(tmp_path.iterdir()), "nothing is written"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"PATH": ""},
        {"PATH": UNSEEN, "HOME": UNSEEN, "CUDA_HOME": UNSEEN, "CUDA_PATH": UNSEEN, "PYENV_ROOT": UNSEEN},
        {"PATH": "/proc/1/root:/dev/null", "CC": "/dev/null", "CXX": "ccache g++", "CUDA_HOME": "/dev/null"},
        {"FACTORY_CACHE": "~a-user-that-nobody-has/cache", "MAX_JOBS": "many", "XDG_CACHE_HOME": "relative"},
        {"FACTORY_CACHE": UNSEEN, "MAX_JOBS": "\N{SUPERSCRIPT TWO}"},
    ],
)
def test_a_bad_machine_is_seen_as_it_is(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where the cache is looked for if nothing else is said
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    place = here(tmp_path, **env)
    facts = look.look(place, RULES)
    assert isinstance(facts.nvcc, Missing)
    assert isinstance(facts.python, Missing)
    supply = look.supply(cell(), place, RULES)
    assert isinstance(supply.toolkit, Fetch)
    assert not supply.environment


def test_a_compiler_that_is_no_gcc(tmp_path: Path) -> None:
    clang = tmp_path / "clang++"
    clang.write_text("#!/bin/sh\necho 14.0.6\n")
    clang.chmod(0o755)
    found = look.look(here(tmp_path, PATH=f"{tmp_path}:/usr/bin:/bin", CXX="clang++"), RULES)
    assert found.gxx == Program(path=str(clang), version=None, said="it does not describe itself as a gcc")
    assert all(isinstance(one, Missing) for one in found.compilers.values())
    assert isinstance(look.look(here(tmp_path, PATH=str(tmp_path), CC="gcc -m64"), RULES).gcc, Missing)


def test_pythons_that_uv_would_fetch_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # uv finds the environment of the directory it is called in
    env = {"PATH": "/none", "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache")}
    found = look.look(here(tmp_path, **env), RULES).pythons
    assert set(found.values()) == {Fetchable(by=str(Path(sys.executable).with_name("uv")))}
    assert not (tmp_path / "cache").exists()
    without = look.look(here(tmp_path, **env, UV="/none"), RULES).pythons
    assert all(isinstance(one, Missing) and one.remedy.endswith("-m pip install uv") for one in without.values())


def test_a_cache_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    rooms = look.look(here(tmp_path, PATH="", FACTORY_CACHE=f"{tmp_path}/file/cache"), RULES).rooms
    assert not isinstance(rooms, Missing)
    assert (rooms[0].use, rooms[0].writable) == ("cache", False)


def test_an_environment_that_is_in_the_cache(tmp_path: Path) -> None:
    place = here(tmp_path, PATH="", FACTORY_CACHE=str(tmp_path / "cache"))
    assert not look.supply(cell(), place, RULES).environment
    torch = RULES.torch["2.6"]
    (build,) = [row for row in torch.builds if row.cuda == "12.4"]
    look.installer(tmp_path / "cache", place.env).place(torch, build, "3.10").mkdir(parents=True)
    found = look.supply(cell(), place, RULES)
    assert (found.environment, found.cudnn) == (True, "9.1.0.70")


def test_headers_are_read_where_there_are_some(tmp_path: Path, toolkit: Maker) -> None:
    bare = here(tmp_path, PATH="", FACTORY_CACHE=str(tmp_path / "cache"))
    published = look.look(bare, RULES).header_fixes
    assert [fix.name for fix in published["12.4"]] == ["pi-functions", "rsqrt"]
    assert [fix.name for fix in published["13.0"]] == ["rsqrt"]
    supply = look.supply(cell(), bare, RULES)
    assert (supply.header_fixes, supply.altered) == (published["12.4"], ())
    home = toolkit(tmp_path / "cuda")
    (home / "include/crt/math_functions.h").write_text("as somebody mended it\n")
    named = here(tmp_path, PATH="", CUDA_HOME=str(home), FACTORY_CACHE=str(tmp_path / "cache"))
    assert look.look(named, RULES).header_fixes == {**published, "12.4": ()}
    supply = look.supply(cell(), named, RULES)
    assert (supply.header_fixes, supply.altered) == ((), published["12.4"])


def test_a_compiler_that_was_fetched_counts_as_here(tmp_path: Path) -> None:
    pin = fetchedcompiler.pin()
    program = tmp_path / "cache/compilers" / pin.directory / pin.program
    program.parent.mkdir(parents=True)
    program.symlink_to(shutil.which("g++") or "g++")
    (tmp_path / "objcopy").symlink_to(shutil.which("objcopy") or "objcopy")
    found = look.look(here(tmp_path, PATH=str(tmp_path), FACTORY_CACHE=str(tmp_path / "cache")), RULES)
    one = found.compilers[max(RULES.toolkits, key=lambda name: RULES.toolkits[name].newest_gcc)]
    assert isinstance(one, Program)
    assert one.path == str(program)


def test_a_compiler_that_can_be_fetched_is_said_with_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "g++").write_text(
        '#!/bin/sh\ncase "$*" in *-v*) echo "gcc version 99.1.0" >&2;; *) echo 99.1.0;; esac\n'
    )
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setattr(fetchedcompiler, "obstacle", lambda *_: None)  # what this machine's own apt would do
    found = look.look(here(tmp_path, PATH=str(tmp_path), FACTORY_CACHE=str(tmp_path / "cache")), RULES)
    pin = fetchedcompiler.pin()
    assert found.compilers["12.4"] == FetchableCompiler(title=pin.title, size=pin.size, why=f"{tmp_path}/g++ is 99.1.0")
    assert not (tmp_path / "cache").exists()
