"""What a wheel for another machine is linked with, from an index on this disk; what no source has is said."""

import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from factory.data import DATA
from factory.environment import foreign
from factory.environment.environment import Installer
from factory.environment.requirements import only
from factory.errors import EnvironmentInstallError, InterpreterError
from factory.matrix.model import Cell, Torch, TorchBuild
from factory.output.log import Log
from factory.platforms import platforms
from factory.session import Session
from factory.system.machine import Limits

PYTHON = f"3.{sys.version_info.minor}"
BUILD = TorchBuild(cuda="13.0", cxx11abi=True, pythons=(PYTHON,), machines=("aarch64",), index_url=None, published=True)
TORCH = Torch(series="9.9", release="9.9.0", cxx_standard=17, setuptools="", builds=(BUILD,))
CELL = Cell(
    flash_attn="0.0.1",
    cuda="13.0",
    torch="9.9",
    python=PYTHON,
    cxx11abi=True,
    profile="smoke",
    archs=(),
    machine="aarch64",
)


def put_wheel(directory: Path, name: str, machine: str, members: dict[str, str]) -> None:
    project, version, *_ = name.split("-")
    tags = name.split("-", 2)[2].format(machine=machine)
    info = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(directory / f"{project}-{version}-{tags}.whl", "w") as wheel:
        for path, text in members.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session whose index has torch and a runtime for both machines, and whose headers are fetched already."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    tag = f"cp{PYTHON.replace('.', '')}"
    for machine in platforms():
        put_wheel(
            wheels, f"torch-9.9.0-{tag}-{tag}-manylinux_2_28_{{machine}}", machine, {"torch/include/for.h": machine}
        )
        runtime = {"nvidia/cu13/lib/libcudart.so.13": machine}
        put_wheel(wheels, "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_{machine}", machine, runtime)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"}
    env |= {"PIP_FIND_LINKS": str(wheels), "FACTORY_CACHE": str(tmp_path / "cache"), "UV": "/nowhere/uv"}
    return Session(
        cache=tmp_path / "cache",
        env=env,
        log=Log(Console(file=io.StringIO())),
        limits=Limits(jobs=1, budget=10**9),
    )


def installer(session: Session) -> Installer:
    made = Installer(
        cache=session.cache, env=session.env, interpreter=lambda _: Path(sys.executable), say=session.log.say
    )
    place = made.place(TORCH, BUILD, PYTHON)
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    return made


@pytest.fixture
def headers(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the headers of the Python that runs this there already, whichever packages there are."""
    package = foreign.packages()["aarch64"]["3.11"]
    monkeypatch.setattr(foreign, "packages", lambda: {"aarch64": {PYTHON: package}})
    (session.cache / "targets" / f"python{PYTHON}-aarch64-{package.sha256[:12]}" / "include").mkdir(parents=True)


@pytest.mark.usefixtures("headers")
def test_what_is_fetched_is_for_the_wheel_s_machine_and_nothing_else(session: Session) -> None:
    found = foreign.provide(CELL, TORCH, BUILD, installer(session), session)
    assert (found.torch / "include" / "for.h").read_text() == "aarch64"
    assert (found.runtime / "libcudart.so").read_text() == "aarch64"
    assert {path.name for path in found.torch.parent.glob("*.dist-info")} == {
        "torch-9.9.0.dist-info",
        "nvidia_cuda_runtime-13.0.96.dist-info",
    }
    assert foreign.provide(CELL, TORCH, BUILD, installer_again(session), session) == found


def installer_again(session: Session) -> Installer:
    def refuse(_: str) -> Path:
        raise AssertionError("what is there is not made again")

    return Installer(cache=session.cache, env={}, interpreter=refuse, say=session.log.say)


@pytest.mark.usefixtures("headers")
def test_a_torch_that_the_index_has_for_this_machine_alone_is_not_taken(session: Session) -> None:
    wheels = Path(session.env["PIP_FIND_LINKS"])
    for path in wheels.glob("torch-*_aarch64.whl"):
        path.unlink()
    with pytest.raises(EnvironmentInstallError):
        foreign.provide(CELL, TORCH, BUILD, installer(session), session)
    assert not list((session.cache / "targets").glob("torch*/torch"))


def test_without_a_package_and_without_uv_it_is_said_that_headers_are_missing(session: Session) -> None:
    cell = replace(CELL, python="3.10")
    with pytest.raises(InterpreterError) as caught:
        foreign.provide(cell, TORCH, BUILD, installer(session), session)
    assert "lists none for aarch64" in caught.value.why[0]


def test_a_lock_file_gives_exact_versions_and_hashes_for_any_machine() -> None:
    for lock in (DATA / "locks").glob("torch-*-cu13?.txt"):
        text = lock.read_text()
        wanted = only(("torch==", "nvidia-cuda-runtime=="), text)
        lines = [line.partition("\\")[0].strip() for line in wanted.splitlines() if "--hash" not in line]
        assert [Requirement(line).name for line in lines] == ["torch", "nvidia-cuda-runtime"]
        assert not [line for line in lines if Requirement(line).marker]
        hashes = [line.strip() for line in wanted.splitlines() if "--hash" in line]
        assert hashes
        assert all(line.removesuffix(" \\") in text for line in hashes)
        with pytest.raises(KeyError):
            only(("no-such==1",), text)


def test_every_package_of_headers_is_for_its_machine_and_python() -> None:
    for machine, rows in foreign.packages().items():
        for python, package in rows.items():
            assert package.path.endswith(f"_{package.version}_{platforms()[machine].image}.deb")
            assert package.name == f"libpython{python}-dev"
