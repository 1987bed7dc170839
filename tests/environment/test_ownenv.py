import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.environment.ownenv import LOCK, OwnEnvironment
from tests.wheelmaker import Maker, Parts

ROOT = Path(__file__).parents[2]
SAYS = "import pathlib, flash_attn, factory; print(pathlib.Path(factory.__file__).parent)"


@pytest.fixture(params=["uv", "pip"])
def uv(request: pytest.FixtureRequest) -> str | None:
    return (
        shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if request.param == "uv"
        else None
    )


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    told = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "carried")}
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), **told}


@pytest.fixture
def own(maker: Maker, tmp_path: Path) -> OwnEnvironment:
    """A clone whose lock names one wheel, which lies in a directory."""
    root = tmp_path / "clone"
    (root / LOCK).parent.mkdir(parents=True)
    shutil.copytree(ROOT / "factory", root / "factory", dirs_exist_ok=True, ignore=shutil.ignore_patterns("locks"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (tmp_path / "carried").mkdir()
    wheel = maker.write(Parts(filename="flash_attn-1-py3-none-any.whl"), tmp_path / "carried")
    (root / LOCK).write_text(f"flash_attn==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return OwnEnvironment(root=root, place=root / ".nox" / "factory")


def make(own: OwnEnvironment, uv: str | None, env: dict[str, str]) -> None:
    for step in own.steps(uv, env):
        subprocess.run(step.argv, env={**env, **step.env}, cwd=own.root, check=True)
    own.finish()


def test_it_is_made_once_and_finds_the_clone_from_anywhere(
    own: OwnEnvironment, uv: str | None, env: dict[str, str], tmp_path: Path
) -> None:
    assert not own.is_current()
    make(own, uv, env)
    assert own.is_current()
    said = subprocess.run([own.python, "-I", "-c", SAYS], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(own.root / "factory")


CHANGES: dict[str, Callable[[OwnEnvironment], object]] = {
    "the lock": lambda own: (own.root / LOCK).write_text("# another\n"),
    "the project": lambda own: (own.root / "pyproject.toml").write_text("# another\n"),
    "the clone's place": lambda own: own.root.rename(own.root.with_name("moved")),
    "a removed interpreter": lambda own: own.python.unlink(),
    "an interrupted install": lambda own: (own.place / "made-of").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_made_again_where_what_it_was_made_of_changed(own: OwnEnvironment, change: str) -> None:
    own.scripts.mkdir(parents=True)
    own.python.symlink_to(sys.executable)
    (own.place / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages").mkdir(parents=True)
    own.finish()
    assert own.is_current()
    CHANGES[change](own)
    root = own.root if own.root.exists() else own.root.with_name("moved")
    assert not OwnEnvironment(root=root, place=root / ".nox" / "factory").is_current()


def test_where_uv_has_no_word_for_a_mirror_pip_installs(own: OwnEnvironment, env: dict[str, str]) -> None:
    install = own.steps("/bin/uv", {**env, "PIP_CLIENT_CERT": "/mine.pem"})[-1]
    assert install.argv[:4] == (str(own.python), "-I", "-m", "pip")


def test_addresses_are_not_in_the_command_which_nox_shows(own: OwnEnvironment, env: dict[str, str]) -> None:
    url = "https://user:secret@mirror.example/simple"
    install = own.steps("/bin/uv", {**env, "PIP_INDEX_URL": url})[-1]
    assert "secret" not in " ".join(install.argv)
    assert install.env["UV_DEFAULT_INDEX"] == url
