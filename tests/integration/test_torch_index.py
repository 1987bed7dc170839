"""The indexes of a CUDA, beside PyTorch's own: the real pip and uv find the wheel of the torch that is there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.environment import interpreter
from factory.index import requirements
from factory.system import process
from tests.installers import Client
from tests.integration.torchsite import EINOPS, TorchSite, served

README = Path(__file__).parents[2] / "README.md"
PINNED = ("torch==2.6.0", "flash-attn", "--only-binary", "flash-attn")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchSite]:
    with served(tmp_path_factory.mktemp("torchsite")) as made:
        yield made


@pytest.fixture(scope="module", params=["pip", "uv"])
def made(request: pytest.FixtureRequest, site: TorchSite, tmp_path_factory: pytest.TempPathFactory) -> Client:
    home = tmp_path_factory.mktemp(request.param)
    done = process.run([sys.executable, "-m", "virtualenv", "--no-download", "--python", sys.executable, home])
    assert done.ok, done.stderr
    return Client(name=request.param, home=home, default=f"{site.url}default/")


@pytest.fixture
def client(made: Client) -> Client:
    made.clear()
    return made


def extra(site: TorchSite, cuda: str) -> tuple[str, ...]:
    return ("--extra-index-url", site.pytorch(cuda), "--extra-index-url", site.ours(cuda))


@pytest.mark.parametrize(
    ("torch", "cuda", "local"),
    [
        ("2.4.1", "cu121", "2.7.4.post1+cu12torch2.4cxx11abifalse"),
        ("2.6.0", "cu124", "2.7.4.post1+cu12torch2.6cxx11abifalse"),
        ("2.6.0", "cu126", "2.7.4.post1+cu12torch2.6cxx11abitrue"),
        ("2.9.1", "cu126", "2.8.3.post2+cu12torch2.9cxx11abitrue"),
        ("2.10.0", "cu130", "2.8.3.post2+cu13torch2.10cxx11abitrue"),
    ],
)
def test_torch_and_flash_attn_come_together(torch: str, cuda: str, local: str, client: Client, site: TorchSite) -> None:
    done = client.install(f"torch=={torch}", *PINNED[1:], *extra(site, cuda))
    assert done.ok, done.stderr
    assert client.everything == {"torch": f"{torch}+{cuda}", "einops": EINOPS, "flash_attn": local}
    assert client.imports().ok


def test_without_a_number_torch_is_the_newest_that_has_a_wheel(client: Client, site: TorchSite) -> None:
    done = client.install("torch", *PINNED[1:], *extra(site, "cu124"))
    assert done.ok, done.stderr
    assert client.everything["torch"] == "2.6.0+cu124"
    assert client.imports().ok


def test_pytorchs_index_and_ours_are_enough(client: Client, site: TorchSite) -> None:
    done = client.install(*PINNED, "--extra-index-url", site.ours("cu124"), index=site.pytorch("cu124"))
    assert done.ok, done.stderr
    local = "2.7.4.post1+cu12torch2.6cxx11abifalse"
    assert client.everything == {"torch": "2.6.0+cu124", "einops": EINOPS, "flash_attn": local}
    assert client.imports().ok


@pytest.mark.parametrize("cuda", ["cu121", "cu124", "cu126", "cu130"])
def test_ours_alone_is_enough_where_a_torch_is(cuda: str, client: Client, site: TorchSite) -> None:
    torch = {"cu121": "2.4.1", "cu124": "2.6.0", "cu126": "2.9.1", "cu130": "2.10.0"}[cuda]
    assert client.install(f"torch=={torch}", index=site.pytorch(cuda)).ok
    done = client.install("flash-attn", index=site.ours(cuda))
    assert done.ok, done.stderr
    assert client.everything["einops"] == EINOPS
    assert client.imports().ok


def test_an_einops_that_is_there_stays(client: Client, site: TorchSite) -> None:
    assert client.install("torch==2.6.0", "einops").ok
    assert client.install("flash-attn", index=site.ours("cu124")).ok
    assert client.everything["einops"] == "0.8.1"


@pytest.mark.parametrize("torch", ["2.4.1", "2.5.1", "2.6.0"])
def test_an_environment_with_a_torch_keeps_it_and_gets_its_wheel(torch: str, client: Client, site: TorchSite) -> None:
    assert client.install(f"torch=={torch}", "einops", "--extra-index-url", site.pytorch("cu124")).ok
    done = client.install("flash-attn", index=site.ours("cu124"))
    assert done.ok, done.stderr
    assert client.everything["torch"] == f"{torch}+cu124"
    assert client.installed == f"2.7.4.post1+cu12torch{torch[:3]}cxx11abifalse"
    assert client.imports().ok


def test_a_torch_that_has_no_wheel_there_gets_none(client: Client, site: TorchSite) -> None:
    assert client.install("torch==2.8.0", "einops").ok
    done = client.install("flash-attn", index=site.ours("cu124"))
    assert not done.ok
    assert "torch" in done.stderr
    assert client.installed == ""


@pytest.mark.parametrize("own", ["cu126", "cu130"])
@pytest.mark.parametrize("extra_cuda", ["cu126", "cu130"])
def test_of_two_cudas_pip_takes_the_newer_and_uv_the_extra_one(
    own: str, extra_cuda: str, client: Client, site: TorchSite
) -> None:
    """Whatever torch is there: what README warns of, and why it says to name one."""
    assert client.install("torch==2.10.0", "einops", "--extra-index-url", site.pytorch(own)).ok
    (other,) = {"cu126", "cu130"} - {extra_cuda}
    done = client.install("flash-attn", "--extra-index-url", site.ours(extra_cuda), index=site.ours(other))
    assert done.ok, done.stderr
    taken = "cu130" if client.name == "pip" else extra_cuda
    assert client.installed == f"2.8.3.post2+{taken[:-1]}torch2.10cxx11abitrue"
    said = client.imports()
    assert said.ok == (taken == own)
    assert said.ok or f"libcudart.so.{taken[2:4]}" in said.stderr


def requirements_of(torch: str, site: TorchSite) -> str:
    """Give where the requirements file of the wheel of that torch for this Python lies, as it is served."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    named = (one for one in site.wheels if (one.name.torch, one.name.python, one.cuda) == (torch, python, "12.4"))
    return f"{site.url}site/{requirements.path(next(named)).replace('+', '%2B')}"


@pytest.mark.parametrize("words", [(), ("--no-deps", "--require-hashes")], ids=["plain", "hashed"])
def test_a_requirements_file_is_for_an_environment_that_has_its_torch(
    words: tuple[str, ...], client: Client, site: TorchSite
) -> None:
    assert client.install("torch==2.6.0", "einops", "--extra-index-url", site.pytorch("cu124")).ok
    done = client.install(*words, "-r", requirements_of("2.6", site))
    assert done.ok, done.stderr
    assert client.everything["torch"] == "2.6.0+cu124"
    assert client.imports().ok


def test_beside_another_torch_pip_refuses_a_requirements_file_and_uv_fetches_its_own(
    client: Client, site: TorchSite
) -> None:
    assert client.install("torch==2.5.1", "einops").ok
    done = client.install("-r", requirements_of("2.6", site))
    assert done.ok is (client.name == "uv"), done.stderr
    assert client.everything["torch"] == ("2.6.0" if client.name == "uv" else "2.5.1")
    assert client.imports().ok is done.ok
    assert bool(client.installed) is done.ok


def test_without_dependencies_the_finer_index_is_the_right_one(client: Client, site: TorchSite) -> None:
    assert client.install("torch==2.5.1", "einops").ok
    done = client.install("flash-attn", "--no-deps", index=site.ours("cu124/torch2.5/cxx11abiFALSE"))
    assert done.ok, done.stderr
    assert client.imports().ok


def blocks(language: str, site: TorchSite) -> list[str]:
    """Give what README has one type or write to install, for the addresses of ``site``."""
    section = README.read_text(encoding="utf-8").split("\n## Install one that is published\n")[1].split("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    pytorch, ours = "https://download.pytorch.org/whl/", "https://OWNER.github.io/NAME/"
    return [one.replace(pytorch, f"{site.url}pytorch/").replace(ours, f"{site.url}site/") for one in found]


def test_what_readme_has_one_type(client: Client, site: TorchSite) -> None:
    lines = [line for line in blocks("sh", site) if "pip install" in line]
    assert len(lines) == 3
    words = "pip install --no-cache-dir" if client.name == "pip" else "uv pip install --no-cache"
    env = {"HOME": str(client.home), "VIRTUAL_ENV": str(client.home), "PIP_CONFIG_FILE": os.devnull}
    env |= {"PATH": f"{client.home}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env |= {"PIP_INDEX_URL": client.default, "UV_INDEX_URL": client.default}
    for line in lines:
        if "torch==" not in line:  # it is for who has one
            assert client.install("torch==2.6.0").ok
        done = process.run(["bash", "-c", line.replace("pip install", words)], env=env)
        assert done.ok, done.stderr
        assert client.installed == "2.7.4.post1+cu12torch2.6cxx11abifalse"
        assert client.imports().ok
        assert ("einops" in client.everything) is ("--no-deps" not in line)
        client.clear()


def test_readmes_uv_project_on_two_pythons(site: TorchSite, tmp_path: Path) -> None:
    (tables,) = blocks("toml", site)
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(tables)
    uv: list[Path | str] = [Path(sys.executable).with_name("uv"), "--directory", root, "--no-cache"]
    env = {"HOME": str(tmp_path), "UV_DEFAULT_INDEX": f"{site.url}default/"}
    done = process.run([*uv, "lock", "--python", interpreter.find("3.11", os.environ)], env=env)
    assert done.ok, done.stderr
    lock = (root / "uv.lock").read_text()
    assert lock.count('name = "flash-attn"\nversion = "2.7.4.post1+cu12torch2.6cxx11abifalse"') == 1
    assert "cp310-cp310" in lock
    assert "cp311-cp311" in lock
    for version in ("3.10", "3.11"):
        python = interpreter.find(version, os.environ)
        done = process.run([*uv, "sync", "--frozen", "--python", python], env=env)
        assert done.ok, done.stderr
        tried: list[Path | str] = [root / ".venv" / "bin" / "python", "-I", "-c", "import flash_attn"]
        assert process.run(tried).ok


@pytest.mark.parametrize(("until", "found"), [("2026-11-23", True), ("2026-11-21", False)])
def test_uv_excludes_what_is_newer(until: str, found: bool, client: Client, site: TorchSite) -> None:  # noqa: FBT001
    assert client.install("torch==2.6.0", "einops").ok
    uv = Client(name="uv", home=client.home)
    done = uv.install("flash-attn", "--exclude-newer", until, index=site.ours("cu124"))
    assert done.ok is found, done.stderr
    assert found or "exclude-newer" in done.stderr
    assert "missing an upload date" not in done.stderr
