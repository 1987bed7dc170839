"""Interpreters of this machine as trees that can be copied to another place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from factory.environment import interpreter
from factory.errors import InterpreterError
from factory.image import debootstrap
from factory.image.layout import left_out, python_home
from factory.system import process
from factory.system.environ import inherited

_ASK = "import sys; print(sys.base_prefix)"
# Debian's own are spread over /usr and know it: they cannot be taken out.
_SHARED = Path("/usr")


@dataclass(frozen=True, kw_only=True)
class PythonTree:
    """CPython ``version`` (``3.10``) below ``prefix``."""

    version: str
    prefix: Path

    @property
    def binary(self) -> Path:
        """The interpreter."""
        return self.prefix / "bin" / f"python{self.version}"

    @property
    def library(self) -> Path:
        """The standard library."""
        return self.prefix / "lib" / f"python{self.version}"


def find(version: str, env: Mapping[str, str]) -> PythonTree:
    """Return an interpreter of ``version`` that can be copied. Raises InterpreterError where there is none."""
    found = interpreter.find(version, env)
    prefix = Path(process.run([found, "-I", "-c", _ASK], env=env, timeout=30).stdout.strip())
    if prefix != _SHARED:
        return PythonTree(version=version, prefix=prefix)
    path = env.get("PATH", "").split(":")
    others = [directory for directory in path if Path(directory) != found.parent]
    if others != path:
        return find(version, {**env, "PATH": ":".join(others)})
    raise InterpreterError(
        f"no CPython {version} that can be copied",
        why=[f"{found} is one with the system"],
        remedy=f"Get another with `uv python install {version}` or `pyenv install {version}`.",
    )


def packages(trees: Iterable[PythonTree], env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of Debian's packages that the interpreters' libraries come from on this machine."""
    modules = [module for tree in trees for module in (tree.library / "lib-dynload").glob("*.so")]
    wanted = [tree.binary for tree in trees] + [each for each in modules if not each.name.startswith("_tkinter.")]
    listed = process.run(["ldd", *wanted], env=inherited(env)).stdout.splitlines()
    linked = {line.split()[2] for line in listed if "=> /" in line}
    # Paths may be known with or without the /usr that both now lead to.
    patterns = {f"*{PurePosixPath(path).relative_to('/')}" for path in linked}
    owners = process.run(["dpkg-query", "--search", *sorted(patterns)], env=inherited(env)).stdout.splitlines()
    return tuple(sorted({line.partition(":")[0] for line in owners if " " not in line.partition(":")[0]}))


def install(tree: PythonTree, root: Path) -> None:
    """Copy ``tree`` into the Debian at ``root`` and have it run there, with a pip of its own.

    Raises ImageError, DiskFullError, OSError.
    """
    copy(tree, root)
    debootstrap.inside(root, "/sbin/ldconfig")
    python = python_home(tree.version) / "bin" / "python"
    debootstrap.inside(root, python, "-I", "-m", "ensurepip", "--default-pip")


def copy(tree: PythonTree, root: Path) -> None:
    """Copy what a build needs of ``tree`` to where manylinux images have it below ``root``.

    Raises OSError where a file cannot be copied.
    """
    place = python_home(tree.version)
    home = root / place.relative_to("/")
    binary, library = home / "bin" / tree.binary.name, home / "lib" / tree.library.name
    binary.parent.mkdir(parents=True)
    shutil.copy2(tree.binary, binary)
    for name in ("python", "python3"):
        (home / "bin" / name).symlink_to(binary.name)
    shutil.copytree(tree.library, library, symlinks=True, ignore=_unwanted(tree.library))
    (library / "site-packages").mkdir()
    for shared in (tree.prefix / "lib").glob(f"libpython{tree.version}.so*"):
        shutil.copy2(shared, home / "lib", follow_symlinks=False)
    shutil.copytree(tree.prefix / "include" / library.name, home / "include" / library.name)
    _tell(library, tree.prefix, place)


def _unwanted(library: Path) -> Callable[[str, list[str]], set[str]]:
    return lambda directory, names: left_out(PurePosixPath(directory).relative_to(library), names)


def _tell(library: Path, old: Path, new: PurePosixPath) -> None:
    """Tell the interpreter where it now is: what it compiles extensions with names the place it was built for."""
    for path in (
        *library.glob("_sysconfigdata*.py"),
        *library.glob("config-*/Makefile"),
        *library.glob("config-*/*.py"),
    ):
        path.write_text(path.read_text().replace(str(old), str(new)))
    for stale in library.glob("__pycache__/_sysconfigdata*.pyc"):
        stale.unlink()
