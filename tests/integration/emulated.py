"""An aarch64 Python with the real torch, in folders, run by ``qemu-aarch64-static``; nothing of it is installed.

Debian's packages are unpacked as they are: no script of theirs runs, and no program in them needs more.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from factory.data import DATA
from factory.environment.environment import Installer
from factory.environment.requirements import lock_name
from factory.image import debootstrap
from factory.matrix.model import Torch, TorchBuild
from factory.platforms import platforms
from factory.system import process
from factory.system.cache import cache_root, made_once
from factory.system.process import Completed
from factory.toolkit import pins as toolkit_pins
from factory.toolkit import store

MACHINE = "aarch64"
_QEMU = f"qemu-{MACHINE}-static"
_PROGRAMS = {_QEMU: "qemu-user-static", f"{platforms()[MACHINE].triple}-g++": platforms()[MACHINE].cross}
_PROGRAMS |= {"debootstrap": "debootstrap"}
_PACKAGES = ("python3", "libgomp1", "libstdc++6")
_VARIABLE = re.compile(r"(\w+)=(.*)")
_ENTRY = re.compile(r"^\S.*\n(?:[ \t].*\n)*", re.MULTILINE)
_MARKER = re.compile(r" *;[^\\\n]*")


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """The files of a Debian at ``root`` with its ``python`` (``3.11``); a torch and what it requires at ``site``."""

    root: Path
    python: str
    site: Path

    def run(self, code: str, *paths: Path) -> Completed:
        """Run ``code`` in that Python, which finds modules in ``paths`` and torch's."""
        interpreter = self.root / "usr" / "bin" / f"python{self.python}"
        env = {"PYTHONPATH": ":".join(map(str, (*paths, self.site))), "PYTHONDONTWRITEBYTECODE": "1"}
        return process.run([_QEMU, "-L", self.root, interpreter, "-c", code], env=os.environ | env, timeout=3600)


def require() -> None:
    """Install what is missing here, as root by apt; fail where that cannot be, saying what to type."""
    lacking = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        process.run(["apt-get", "--quiet", "update"])
        done = process.run(["apt-get", "--quiet", "install", "--yes", "--no-install-recommends", *lacking])
        if not done.ok:
            pytest.fail(f"as root, type: apt-get install {' '.join(lacking)}", pytrace=False)


def debian() -> tuple[Path, str]:
    """Give the files of this machine's own Debian suite for aarch64, and the Python they have."""
    source = debootstrap.archive(os.environ)
    kept = cache_root(os.environ) / "distributions" / f"{source.suite}-{MACHINE}"

    def make(draft: Path) -> None:
        options = (f"--arch={platforms()[MACHINE].image}", "--variant=minbase", *debootstrap.signatures(source))
        words = ("debootstrap", "--download-only", *options, f"--include={','.join(_PACKAGES)}", source.suite)
        _must([*words, draft / "fetched", source.url])
        for package in sorted((draft / "fetched").rglob("*.deb")):
            _must(["dpkg-deb", "-x", package, draft / "root"])
        shutil.rmtree(draft / "fetched")

    made_once(kept, make)
    (python,) = (path.name.removeprefix("python") for path in (kept / "root" / "usr" / "bin").glob("python3.*[0-9]"))
    return kept / "root", python


def whole_torch(torch: Torch, build: TorchBuild, python: str, installer: Installer) -> Path:
    """Give a directory with ``build`` of ``torch`` for aarch64 and all that it requires, as the lock file has it."""
    lock = (DATA / "locks" / lock_name(torch, build)).read_text()
    native = installer.prepare(torch, build, python)
    kept = cache_root(os.environ) / "distributions" / f"torch{torch.release}-{MACHINE}-{python}"
    wanted = "".join(_MARKER.sub("", entry) for entry in _ENTRY.findall(lock) if _is_for(entry, python))
    made_once(kept, lambda draft: installer.lay_out(native.python, draft, wanted, python=python, machine=MACHINE))
    return kept


def toolkit(version: str, pip: Path, installer: Installer) -> Path:
    """Give the compiler and the headers of CUDA ``version`` for aarch64, as ``toolkits.yaml`` has them."""
    recipe = toolkit_pins.parse((DATA / "toolkits.yaml").read_text(), MACHINE)[version][0]
    kept = cache_root(os.environ) / "distributions" / f"{recipe.directory}-{MACHINE}"
    wanted = "".join(f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n" for one in recipe.packages)

    def make(draft: Path) -> None:
        tree = draft / "tree"
        installer.lay_out(pip, tree, wanted, python="3.12", machine=MACHINE)
        for package in recipe.packages:
            store.take(package, tree, draft / "home")
        for place, text in recipe.added.items():
            (draft / "home" / place).write_text(text)
        shutil.rmtree(tree)

    made_once(kept, make)
    return kept / "home"


def compiled(words: Sequence[str], home: Path, *, cwd: Path, keep: Path) -> None:
    """Run the steps of nvcc's command ``words``, with the aarch64 programs of the toolkit at ``home``, in ``cwd``.

    What nvcc keeps goes to ``keep``. No program of that machine starts another one here, so nvcc says its steps.
    """
    qemu = (_QEMU, "-L", f"/usr/{platforms()[MACHINE].triple}")
    keep.mkdir()
    dry = process.run(
        [*qemu, home / "bin" / "nvcc", *words, "--dryrun", "--keep", "--keep-dir", keep], cwd=cwd, env=os.environ
    )
    lines = [line.removeprefix("#$ ") for line in dry.stderr.splitlines() if line.startswith("#$ ")]
    env = dict(os.environ)
    for line in lines:
        if variable := _VARIABLE.fullmatch(line):
            env[variable[1]] = variable[2]
            continue
        first, *rest = shlex.split(line.replace("$CICC_PATH", str(home / "nvvm" / "bin")))
        program = home / "bin" / first  # which is another's path where that is absolute
        of_home = program.is_relative_to(home) and program.is_file()
        step = [*qemu, str(program), *rest] if of_home else [first, *rest]
        done = process.run(step, cwd=cwd, env=env, timeout=3600)
        assert done.ok, f"{line}\n{done.stdout}{done.stderr}"
    assert lines, dry.stderr


def _is_for(entry: str, python: str) -> bool:
    marker = Requirement(entry.partition("\\")[0].strip()).marker
    locked = {"platform_machine": next(iter(platforms())), "sys_platform": "linux", "python_version": python}
    return marker is None or marker.evaluate({**locked, "python_full_version": f"{python}.0"})


def _must(words: Sequence[str | Path]) -> None:
    done = process.run(words, env=os.environ)
    assert done.ok, done.stdout + done.stderr
