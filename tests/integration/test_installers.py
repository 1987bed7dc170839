"""Every installer that people have, on an index of a CUDA beside PyTorch's: the pips of old Pythons, locks, Poetry."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.environment import interpreter
from factory.index import requirements
from factory.system import process
from tests.installers import Client
from tests.integration.torchsite import EINOPS, TorchSite, served

pytestmark = pytest.mark.e2e_site

WHEEL = "2.7.4.post1+cu12torch2.6cxx11abifalse"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchSite]:
    with served(tmp_path_factory.mktemp("torchsite")) as made:
        yield made


@pytest.fixture(scope="module", params=["3.9", "3.10", "3.11", "3.12"])
def old(request: pytest.FixtureRequest, site: TorchSite, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The pip that came with a Python, whatever is newer."""
    home = tmp_path_factory.mktemp("old")
    done = process.run([interpreter.find(request.param, os.environ), "-m", "venv", home])
    assert done.ok, done.stderr
    return Client(name="pip", home=home, default=f"{site.url}default/")


def test_an_old_pip_installs_both(old: Client, site: TorchSite) -> None:
    old.clear()
    words = ("--extra-index-url", site.pytorch("cu124"), "--extra-index-url", site.ours("cu124"))
    done = old.install("torch==2.6.0", "flash-attn", "--only-binary", "flash-attn", *words)
    assert done.ok, done.stderr
    assert old.everything == {"torch": "2.6.0+cu124", "einops": EINOPS, "flash_attn": WHEEL}
    assert old.imports().ok


def test_an_old_pip_needs_no_other_index_than_pytorchs_and_ours(old: Client, site: TorchSite) -> None:
    old.clear()
    words = ("--only-binary", "flash-attn", "--extra-index-url", site.ours("cu124"))
    done = old.install("torch==2.6.0", "flash-attn", *words, index=site.pytorch("cu124"))
    assert done.ok, done.stderr
    assert old.everything == {"torch": "2.6.0+cu124", "einops": EINOPS, "flash_attn": WHEEL}
    assert old.imports().ok


@pytest.mark.parametrize("torch", ["2.4.1", "2.6.0"])
def test_an_old_pip_finds_the_wheel_of_the_torch_that_is_there(torch: str, old: Client, site: TorchSite) -> None:
    old.clear()
    assert old.install(f"torch=={torch}", "einops", "--extra-index-url", site.pytorch("cu124")).ok
    done = old.install("flash-attn", index=site.ours("cu124"))
    assert done.ok, done.stderr
    assert old.everything["torch"] == f"{torch}+cu124"
    assert old.imports().ok


def test_an_old_pip_without_dependencies_takes_the_finer_index(old: Client, site: TorchSite) -> None:
    old.clear()
    assert old.install("torch==2.5.1").ok
    done = old.install("flash-attn", "--no-deps", index=site.ours("cu124/torch2.5/cxx11abiFALSE"))
    assert done.ok, done.stderr
    assert old.imports().ok


@pytest.mark.parametrize("words", [(), ("--no-deps", "--require-hashes")], ids=["plain", "hashed"])
def test_an_old_pip_takes_the_requirements_file_of_a_wheel(
    words: tuple[str, ...], old: Client, site: TorchSite
) -> None:
    old.clear()
    python = process.run([old.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).stdout.strip()
    named = (one for one in site.wheels if (one.name.torch, one.name.python, one.cuda) == ("2.6", python, "12.4"))
    file = site.root / "site" / requirements.path(next(named))
    assert old.install("torch==2.6.0", "einops", "--extra-index-url", site.pytorch("cu124")).ok
    done = old.install(*words, "-r", str(file))
    assert done.ok, done.stderr
    assert old.installed == WHEEL
    assert old.imports().ok


@pytest.fixture(scope="module")
def new(site: TorchSite, tmp_path_factory: pytest.TempPathFactory) -> Client:
    home = tmp_path_factory.mktemp("new")
    done = process.run([sys.executable, "-m", "virtualenv", "--no-download", "--python", sys.executable, home])
    assert done.ok, done.stderr
    return Client(name="pip", home=home, default=f"{site.url}default/")


def locked(client: Client, site: TorchSite, lock: Path) -> list[Path | str]:
    where = [f"--extra-index-url={site.pytorch('cu124')}", f"--extra-index-url={site.ours('cu124')}"]
    if client.name == "uv":
        uv = Path(sys.executable).with_name("uv")
        (lock.parent / "all.in").write_text("torch==2.6.0\nflash-attn\n")
        words: list[Path | str] = [
            uv,
            "pip",
            "compile",
            "--no-cache",
            f"--python={client.python}",
            "--format=pylock.toml",
            "-q",
        ]
        return [*words, "--only-binary=flash-attn", f"--output-file={lock}", *where, lock.parent / "all.in"]
    words = [client.python, "-m", "pip", "lock", "--no-cache-dir", f"--output={lock}", "--only-binary=flash-attn"]
    return [*words, *where, "torch==2.6.0", "flash-attn"]


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_a_pylock_of_both_is_made_and_installed(name: str, new: Client, site: TorchSite, tmp_path: Path) -> None:
    client = Client(name=name, home=new.home, default=new.default)
    client.clear()
    lock = tmp_path / "pylock.toml"
    env = {"HOME": str(tmp_path), "PIP_INDEX_URL": new.default, "UV_DEFAULT_INDEX": new.default}
    done = process.run(locked(client, site, lock), env=env)
    assert done.ok, done.stderr
    assert site.wheels[0].filename.split("-")[0] in lock.read_text()
    done = client.install("-r", str(lock))
    assert done.ok, done.stderr
    assert client.everything == {"torch": "2.6.0+cu124", "einops": EINOPS, "flash_attn": WHEEL}
    assert client.imports().ok


def test_poetry(site: TorchSite, tmp_path: Path) -> None:
    home, root = tmp_path / "poetry", tmp_path / "project"
    assert process.run([sys.executable, "-m", "virtualenv", "--no-download", home]).ok
    done = process.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", "poetry>=2"], timeout=300)
    assert done.ok, done.stderr
    root.mkdir()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11,<3.12"\n'
        'dependencies = ["torch==2.6.0", "flash-attn"]\n\n[tool.poetry]\npackage-mode = false\n\n'
        '[tool.poetry.dependencies]\ntorch = {source = "pytorch"}\nflash-attn = {source = "flash-attn"}\n\n'
        + "".join(
            f'[[tool.poetry.source]]\nname = "{name}"\nurl = "{url}"\npriority = "{priority}"\n\n'
            for name, url, priority in (
                ("default", f"{site.url}default/", "primary"),
                ("pytorch", site.pytorch("cu124"), "explicit"),
                ("flash-attn", site.ours("cu124"), "explicit"),
            )
        )
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    done = process.run([home / "bin" / "poetry", "--directory", root, "install", "-n"], env=env, timeout=300)
    assert done.ok, done.stderr + done.stdout
    assert process.run([root / ".venv" / "bin" / "python", "-I", "-c", "import flash_attn"]).ok
