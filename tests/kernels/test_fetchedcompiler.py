"""A g++ that is fetched: a real package through a real apt, from a mirror that is a directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.errors import HostCompilerError, UnreachableError
from factory.kernels import fetchedcompiler
from factory.kernels.compilerpin import CompilerPin
from factory.kernels.hostcompiler import HostCompiler, Wanted, choose, provide
from factory.toolkit.pins import Package
from tests import smallapt
from tests.smalltoolkit import row as toolkit

PATH = "pool/main/g/gcc-13/g++-13_1_all.deb"
REAL = shutil.which("g++") or "g++"
SHELL = (
    "#!/bin/sh\n"
    'case "$*" in\n'
    '*-v\\ *) echo "gcc version {version} (test)" >&2;;\n'
    "*-print-prog-name=objcopy*) echo objcopy;;\n"
    '*host_check*) exec {real} "$@";;\n'
    "*) echo {version};;\n"
    "esac\n"
)
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="asks this machine's own apt")


def program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SHELL.format(version=version, real=REAL))
    path.chmod(0o755)
    return path


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompilerPin:
    """Makes a mirror with the package, and has it be the one that the data names."""
    program(tmp_path / "tree/usr/bin/g++-13", "13.3.0")
    sha256 = smallapt.package(tmp_path / "tree", tmp_path / "mirror" / PATH)
    one = Package(source="debian", name="g", version="1", sha256=sha256, size=1, path=PATH, take={"usr": "usr"})
    made = CompilerPin.model_validate(
        {
            "release": "13.3.0",
            "glibc": "2.17",
            "title": "a g++ 13",
            "program": "usr/bin/g++-13",
            "packages": (one,),
        }
    )
    monkeypatch.setattr(fetchedcompiler, "pin", lambda: made)
    return made


def machine(tmp_path: Path, *mirrors: Path) -> dict[str, str]:
    """One whose g++ is too new; apt and what it needs are there."""
    program(tmp_path / "own/g++", "15.1.0")
    env = smallapt.apt(tmp_path / "apt", *mirrors)
    for name in ("apt-get", "apt-config", "dpkg-deb", "tar", "objcopy", "sh", "rm", "xz", "zstd"):
        if found := shutil.which(name):
            (tmp_path / "own" / name).symlink_to(found)
    return {**env, "PATH": str(tmp_path / "own")}


@needs_apt
def test_it_is_fetched_once_and_taken_from_then_on(tmp_path: Path, pin: CompilerPin) -> None:
    env, cache, said = machine(tmp_path, tmp_path / "mirror"), tmp_path / "cache", list[str]()
    wanted = choose(toolkit(13), env, cache)
    assert isinstance(wanted, Wanted)
    assert (wanted.pin, wanted.refused.why) == (pin, (f"{tmp_path}/own/g++ is 15.1.0",))
    assert not cache.exists()
    found = provide(toolkit(13), env, cache, said.append)
    assert found.path == cache / "compilers" / pin.directory / pin.program
    assert found.version == "13.3.0"
    assert said[0].endswith("own/g++ is 15.1.0")
    assert not list((cache / "downloads").iterdir())
    offline = {"PATH": env["PATH"]}
    said.clear()
    assert provide(toolkit(13), offline, cache, said.append) == found
    assert (said, isinstance(choose(toolkit(14), offline, cache), HostCompiler)) == ([], True)


@needs_apt
def test_a_mirror_without_it_is_told_with_what_was_refused(tmp_path: Path, pin: CompilerPin) -> None:
    env = machine(tmp_path, tmp_path / "empty")
    with pytest.raises(HostCompilerError, match="at most version 13") as caught:
        provide(toolkit(13), env, tmp_path / "cache", lambda _: None)
    refused, untold = caught.value.why
    assert refused.endswith("own/g++ is 15.1.0")
    assert untold.startswith(f"{pin.title} was not fetched: no mirror of this machine's apt gave g 1")
    with pytest.raises(UnreachableError):
        fetchedcompiler.fetch(pin, tmp_path / "cache", env, lambda _: None)
    assert fetchedcompiler.stored(pin, tmp_path / "cache") is None


@needs_apt
@pytest.mark.usefixtures("pin")
@pytest.mark.parametrize(
    ("newest", "change", "told"),
    [
        (13, {"CXX": "g++"}, "CXX names the compiler, so none is fetched"),
        (12, {}, "a g++ 13, which could be fetched, is newer than that"),
        (13, {"PATH": "/nowhere"}, "a g++ 13 is not fetched where there is no other g++, whose libraries it needs"),
        (13, {"APT_CONFIG": "no mirrors"}, "a g++ 13 cannot be fetched: this machine's apt knows no Debian mirror"),
    ],
)
def test_what_makes_fetching_useless_is_known_before(
    tmp_path: Path, newest: int, change: dict[str, str], told: str
) -> None:
    env = {**machine(tmp_path, tmp_path / "mirror"), **change}
    if "APT_CONFIG" in change:
        env = {**env, **smallapt.apt(tmp_path / "bare"), "PATH": env["PATH"]}
    with pytest.raises(HostCompilerError) as foreseen:
        choose(toolkit(newest), env, None)
    assert foreseen.value.why[-1].startswith(told)
    with pytest.raises(HostCompilerError) as met:
        provide(toolkit(newest), env, tmp_path, print)
    assert met.value.why == foreseen.value.why


@needs_apt
def test_an_old_glibc_does_not_run_it(tmp_path: Path, pin: CompilerPin) -> None:
    env = machine(tmp_path, tmp_path / "mirror")
    assert fetchedcompiler.obstacle(pin, env) is None
    newer = pin.model_copy(update={"glibc": "99.0"})
    assert (fetchedcompiler.obstacle(newer, env) or "").startswith("a g++ 13 needs glibc 99.0, this machine has 2.")
